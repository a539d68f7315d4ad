#include "tests/unit/http_harness.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "http/api_address.h"

namespace shunt {

constexpr time_t kDeadlineSeconds = 20;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "shunt-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

RawClient::RawClient(const std::string& text) {
  const ApiAddress address = ApiAddress::parse(text).value();
  fd_ = socket(address.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval deadline{kDeadlineSeconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (address.is_unix()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    address.path.copy(un.sun_path, sizeof un.sun_path - 1);
    std::memcpy(&storage, &un, sizeof un);
    size = sizeof un;
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = be16(address.port).raw();
    in.sin_addr.s_addr = address.ip.v4().raw();
    std::memcpy(&storage, &in, sizeof in);
    size = sizeof in;
  }
  connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
}

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      connected_(other.connected_),
      received_(std::move(other.received_)) {}

bool RawClient::send(const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

void RawClient::finish_sending() {
  shutdown(fd_, SHUT_WR);
}

bool RawClient::read_more() {
  std::array<char, 16384> bytes{};
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
  if (size > 0) received_.append(bytes.data(), static_cast<size_t>(size));
  in_order_ = size == 0;
  return size > 0;
}

bool RawClient::ends() {
  while (read_more())
    received_.clear();
  return errno != EAGAIN && errno != EWOULDBLOCK;
}

bool RawClient::ends_in_order() {
  return ends() && in_order_;
}

std::string RawClient::read_bytes(size_t size) {
  while (received_.size() < size && read_more()) {
  }
  const std::string bytes = received_.substr(0, size);
  received_.erase(0, bytes.size());
  return bytes;
}

RawAnswer RawClient::read_answer(bool without_body) {
  RawAnswer answer;
  size_t end = std::string::npos;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return answer;
  }
  size_t begin = received_.find("\r\n") + 2;
  answer.status = static_cast<unsigned>(std::atoi(received_.c_str() + std::strlen("HTTP/1.1 ")));
  while (begin < end) {
    const size_t stop = received_.find("\r\n", begin);
    const size_t colon = received_.find(": ", begin);
    std::string name = received_.substr(begin, colon - begin);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.fields[name] = received_.substr(colon + 2, stop - colon - 2);
    begin = stop + 2;
  }
  received_.erase(0, end + 4);
  if (without_body) return answer;
  if (answer.fields["transfer-encoding"] == "chunked") return read_chunks(answer) ? answer : RawAnswer{};
  const auto size = static_cast<size_t>(std::atoll(answer.fields["content-length"].c_str()));
  while (received_.size() < size) {
    if (!read_more()) return {};
  }
  answer.body = received_.substr(0, size);
  received_.erase(0, size);
  return answer;
}

// RFC 9112 7.1, without extensions and trailers. False: it ended before its end.
bool RawClient::read_chunks(RawAnswer& answer) {
  while (true) {
    size_t line = std::string::npos;
    while ((line = received_.find("\r\n")) == std::string::npos) {
      if (!read_more()) return false;
    }
    const size_t size = std::stoul(received_, nullptr, 16);
    while (received_.size() < line + 2 + size + 2) {
      if (!read_more()) return false;
    }
    answer.body += received_.substr(line + 2, size);
    received_.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

std::string request_text(const std::string& method, const std::string& target, const std::string& more) {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}

RawAnswer ask(const std::string& address, const std::string& method, const std::string& target) {
  RawClient client(address);
  if (!client.send(request_text(method, target))) return {};
  return client.read_answer(method == "HEAD");
}

}  // namespace shunt
