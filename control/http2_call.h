// Http2Call: one POST over HTTP/2 as bytes in and bytes out; nghttp2 does the protocol.
//
// Owner: one grpc check. Prior knowledge: the connection begins as HTTP/2 (RFC 9113 3.3). Bound: kMostBytes
// of answer, kMostBody of them body; what the peer sends beyond ends the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;
struct nghttp2_session_callbacks;

namespace shunt {

class Http2Call {
 public:
  static constexpr size_t kMostBytes = 65'536;
  static constexpr size_t kMostBody = 4'096;

  struct Request {
    std::string scheme;  // http | https
    std::string authority;
    std::string path;
    std::string content_type;
    std::string body;
  };
  struct Answer {
    std::string status;
    std::map<std::string, std::string> fields;  // of header and trailer: the last of a name, at most 32
    std::string body;
    bool complete = false;      // the stream is over
    uint32_t stream_error = 0;  // RST_STREAM's code, if it ended by that
  };

  explicit Http2Call(Request request);
  ~Http2Call();
  Http2Call(const Http2Call&) = delete;
  Http2Call& operator=(const Http2Call&) = delete;

  // What is to be sent now; empty: nothing. `error()` is set when that failed.
  std::string take_output();
  // What was received. False: it isn't HTTP/2, or too much: error() says which.
  bool put_input(std::string_view bytes);

  const Answer& answer() const { return answer_; }
  const std::string& error() const { return error_; }

 private:
  struct Callbacks;
  void submit();

  Request request_;
  Answer answer_;
  std::string error_;
  size_t body_sent_ = 0;
  size_t received_ = 0;
  nghttp2_session* session_ = nullptr;
};

}  // namespace shunt
