// What tests of HTTP servers share: a folder of their own, and a client that writes and reads bytes as they
// are, with a deadline on each.
#pragma once

#include <map>
#include <string>

namespace shunt {

// A folder of the test's own, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct RawAnswer {
  unsigned status = 0;                        // 0: the connection ended before an answer
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(const std::string& address);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // False when the other side has closed.
  bool send(const std::string& bytes);
  void finish_sending();
  RawAnswer read_answer(bool without_body = false);
  // So many; fewer at the end.
  std::string read_bytes(size_t size);
  // Whether the other side ended the connection, after at most the deadline; what came before is thrown away.
  bool ends();
  // The same, by an orderly end and not by a reset, which may cost the client the last answer.
  bool ends_in_order();

 private:
  bool read_more();
  bool read_chunks(RawAnswer& answer);
  int fd_ = -1;
  bool connected_ = false;
  bool in_order_ = false;
  std::string received_;
};

RawAnswer ask(const std::string& address, const std::string& method, const std::string& target);
std::string request_text(const std::string& method, const std::string& target, const std::string& more = {});

}  // namespace shunt
