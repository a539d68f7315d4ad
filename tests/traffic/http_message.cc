#include "tests/traffic/http_message.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace shunt {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

template <typename Number>
bool read_whole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

char small(char letter) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

// `small_text` is in small letters.
bool same_word(std::string_view text, std::string_view small_text) {
  return std::ranges::equal(text, small_text, {}, small);
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

QuestionRead wrong_question(unsigned status) {
  return {QuestionRead::State::wrong, status, {}};
}

// "GET /path?query HTTP/1.1"; false where it is something else.
bool read_request_line(std::string_view line, HttpQuestion& question) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first) return false;
  question.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if ((version != "HTTP/1.1" && version != "HTTP/1.0") || !target.starts_with('/')) return false;
  if (question.method.empty() || target.find(' ') != std::string_view::npos) return false;
  const size_t mark = target.find('?');
  question.path = target.substr(0, mark);
  if (mark != std::string_view::npos) question.query = target.substr(mark + 1);
  question.keep_alive = version == "HTTP/1.1";
  return true;
}

}  // namespace

std::string_view header_field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = head.find(kLineEnd);
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + kLineEnd.size());
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_word(line.substr(0, colon), name))
      return trimmed(line.substr(colon + 1));
  }
  return {};
}

QuestionRead read_question_text(std::string_view text) {
  const size_t end = text.substr(0, kMaxHeadBytes).find(kHeadEnd);
  if (end == std::string_view::npos)
    return text.size() >= kMaxHeadBytes ? wrong_question(431) : QuestionRead{};
  const std::string_view head = text.substr(0, end);
  QuestionRead read;
  const size_t line_end = std::min(head.find(kLineEnd), head.size());
  if (!read_request_line(head.substr(0, line_end), read.question)) return wrong_question(400);
  const std::string_view fields = head.substr(line_end);
  const std::string_view connection = header_field(fields, "connection");
  if (same_word(connection, "close")) read.question.keep_alive = false;
  if (same_word(connection, "keep-alive")) read.question.keep_alive = true;
  if (!header_field(fields, "transfer-encoding").empty()) return wrong_question(501);
  size_t body_bytes = 0;
  const std::string_view length = header_field(fields, "content-length");
  if (!length.empty() && !read_whole(length, body_bytes)) return wrong_question(400);
  if (body_bytes > kMaxRequestBody) return wrong_question(413);
  read.question.bytes = end + kHeadEnd.size() + body_bytes;
  if (text.size() < read.question.bytes) return {};
  read.question.body = text.substr(end + kHeadEnd.size(), body_bytes);
  read.state = QuestionRead::State::whole;
  return read;
}

std::optional<uint64_t> query_number(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    uint64_t number = 0;
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=' &&
        read_whole(part.substr(name.size() + 1), number))
      return number;
  }
  return {};
}

AnswerReader::State AnswerReader::add(std::string_view piece) {
  if (head_done_) return take_body(piece);
  head_ += piece;
  const size_t end = head_.find(kHeadEnd);
  if (end == std::string::npos) return head_.size() > kMaxHeadBytes ? State::wrong : State::more;
  if (end > kMaxHeadBytes) return State::wrong;
  return take_head(end);
}

AnswerReader::State AnswerReader::take_head(size_t end) {
  const std::string body = head_.substr(end + kHeadEnd.size());
  head_.resize(end);
  head_done_ = true;
  const std::string_view head = head_;
  if (!head.starts_with("HTTP/1.") || head.size() < 12 || head[8] != ' ' ||
      !read_whole(head.substr(9, 3), status_))
    return State::wrong;
  const std::string_view fields = head.substr(std::min(head.find(kLineEnd), head.size()));
  keep_alive_ = head[7] == '1' && !same_word(header_field(fields, "connection"), "close");
  const std::string_view length = header_field(fields, "content-length");
  uint64_t bytes = 0;
  if (!length.empty()) {
    if (!read_whole(length, bytes)) return State::wrong;
    length_ = bytes;
  } else {
    keep_alive_ = false;  // its end is the connection's
  }
  const std::string_view name = header_field(fields, "x-backend");
  named_ = !name.empty();
  backend_ = name.substr(0, kMaxNameBytes);
  return take_body(body);
}

AnswerReader::State AnswerReader::take_body(std::string_view piece) {
  body_bytes_ += piece.size();
  if (beginning_.size() <= kMaxNameBytes)
    beginning_ += piece.substr(0, kMaxNameBytes + 1 - beginning_.size());
  if (!length_ || body_bytes_ < *length_) return State::more;
  name_by_body();
  return body_bytes_ == *length_ ? State::whole : State::wrong;
}

AnswerReader::State AnswerReader::closed() {
  if (!head_done_ || length_) return State::wrong;
  name_by_body();
  return State::whole;
}

void AnswerReader::name_by_body() {
  if (named_ || beginning_.size() > kMaxNameBytes) return;
  const std::string_view line = trimmed(std::string_view(beginning_).substr(0, beginning_.find('\n')));
  if (std::ranges::all_of(line, [](char letter) { return letter > ' ' && letter < 127; })) backend_ = line;
}

}  // namespace shunt
