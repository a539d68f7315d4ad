#include "tests/tools/http_request.h"

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>

namespace shunt {
namespace {

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

bool is_content_length(std::string_view name) {
  constexpr std::string_view kName = "content-length";
  if (name.size() != kName.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(name[i])) != kName[i]) return false;
  }
  return true;
}

// True where the header promises a length and the body hasn't got it.
bool is_cut(std::string_view header, size_t body_bytes) {
  while (!header.empty()) {
    const size_t end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_content_length(line.substr(0, colon))) continue;
    size_t promised = 0;
    return !read_number(trimmed(line.substr(colon + 1)), promised) || promised != body_bytes;
  }
  return false;
}

}  // namespace

HttpOutcome parse_http_response(std::string_view response) {
  const HttpOutcome bad{"bad_response", 0, {}};
  const size_t end = response.find("\r\n\r\n");
  if (end == std::string_view::npos || !response.starts_with("HTTP/1.") || response.size() < 12) return bad;
  HttpOutcome outcome;
  if (response[8] != ' ' || !read_number(response.substr(9, 3), outcome.status)) return bad;
  const std::string_view body = response.substr(end + 4);
  if (is_cut(response.substr(0, end), body.size())) return bad;
  outcome.first_line = trimmed(body.substr(0, body.find('\n')));
  return outcome;
}

HttpRequest::HttpRequest(Poller& poller, const Endpoint& target, const IpAddress* source,
                         const std::string& text, uint64_t now_ns)
    : poller_(poller), text_(text), begun_ns_(now_ns) {
  auto socket = open_towards(SOCK_STREAM, target, source);
  if (!socket) {
    fail("connect_failed");
    return;
  }
  socket_ = socket.take();
  poller_.add(socket_.get(), EPOLLOUT, this);
}

void HttpRequest::on_ready(uint32_t /*events*/, uint64_t now_ns) {
  ended_ns_ = now_ns;
  if (connecting_) {
    connected();
  } else {
    receive();
  }
}

void HttpRequest::connected() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail("connect_failed");
  connecting_ = false;
  // A new connection takes a line or two at once: the send buffer is empty.
  const ssize_t sent = send(socket_.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(text_.size())) return fail_by_errno(sent < 0 ? errno : EAGAIN);
  poller_.change(socket_.get(), EPOLLIN, this);
}

void HttpRequest::receive() {
  std::array<char, 16384> bytes;  // NOLINT: filled by recv
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) fail_by_errno(errno);
    return;
  }
  response_.append(bytes.data(), static_cast<size_t>(got));
  if (response_.size() > kMaxResponseBytes) return fail("bad_response");
  if (got > 0) return;
  if (response_.empty()) return fail("early_close");
  outcome_ = parse_http_response(response_);
  done_ = true;
  socket_.close();
}

void HttpRequest::fail_by_errno(int error) {
  fail(error == ECONNRESET || error == EPIPE ? "reset" : "socket_error");
}

void HttpRequest::fail(std::string_view failure) {
  outcome_ = {failure, 0, {}};
  done_ = true;
  socket_.close();
}

}  // namespace shunt
