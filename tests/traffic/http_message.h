// The little HTTP/1.1 that shunt-test-backend reads and shunt-traffic writes, and the other way round (RFC
// 9112).
//
// Both readers are given what has come so far and say how much of it was a message. Bounds: kMaxHeadBytes for
// the lines before the body; a request's body kMaxRequestBody; an answer's body is counted, not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shunt {

inline constexpr size_t kMaxHeadBytes = 8192;
inline constexpr size_t kMaxRequestBody = 4096;

// The value of the field `name` (small letters) in a head, without white space around it; "" where it is
// absent.
std::string_view header_field(std::string_view head, std::string_view name);

struct HttpQuestion {
  std::string_view method;
  std::string_view path;   // before '?'
  std::string_view query;  // after it
  std::string_view body;
  bool keep_alive = true;
  size_t bytes = 0;  // of the whole message
};

struct QuestionRead {
  enum class State : uint8_t { more, whole, wrong } state = State::more;
  unsigned status = 0;  // with `wrong`: what to answer
  HttpQuestion question;
};

// What `text` begins with. The question's parts point into it.
QuestionRead read_question_text(std::string_view text);

// The value of `name` in "a=1&b=2", as a number.
std::optional<uint64_t> query_number(std::string_view query, std::string_view name);

// Reads one answer, piece by piece.
class AnswerReader {
 public:
  enum class State : uint8_t { more, whole, wrong };

  State add(std::string_view piece);
  // The server closed: the end of an answer without a length, otherwise a piece is missing (`wrong`).
  State closed();

  unsigned status() const { return status_; }
  bool keep_alive() const { return keep_alive_; }
  bool began() const { return !head_.empty() || head_done_; }
  // The field X-Backend, else the first line of a short body: who answered, as far as it says.
  std::string_view backend() const { return backend_; }

 private:
  static constexpr size_t kMaxNameBytes = 64;

  State take_head(size_t end);
  State take_body(std::string_view piece);
  void name_by_body();

  std::string head_;
  std::string beginning_;  // of the body
  std::string backend_;
  bool head_done_ = false;
  bool keep_alive_ = true;
  bool named_ = false;
  unsigned status_ = 0;
  std::optional<uint64_t> length_;
  uint64_t body_bytes_ = 0;
};

}  // namespace shunt
