// What the API reads: the bytes of a connection, through the real server on a unix socket (where changes are
// taken too). It answers whole, well-formed responses and nothing else, and ends the connection. Then the
// same bytes as an address, as [api] listen and shuntctl --api write it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "control/api_server.h"
#include "http/api_address.h"
#include "tests/fuzz/failure.h"
#include "tests/unit/fake_status.h"

namespace shunt::fuzz {
namespace {

constexpr int kMostLoops = 10'000;

std::string new_folder() {
  std::string path = "/tmp/shunt-api-fuzz-XXXXXX";
  expect(mkdtemp(path.data()) != nullptr, "no folder for the socket");
  return path;
}

// For the process's life: one server, and its socket in a folder that goes at exit.
class Server {
 public:
  Server() : folder_(new_folder()), status_(fake_status()) {
    auto started = ApiServer::start(io_, {status_, events_}, {{"unix:" + path()}});
    if (!started) fail(started.error().text());
    server_ = started.take();
  }
  ~Server() {
    server_->stop();
    io_.poll();
    rmdir(folder_.c_str());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string path() const { return folder_ + "/api.sock"; }
  void poll() {
    io_.poll();
    if (io_.stopped()) io_.restart();
  }

 private:
  std::string folder_;
  FakeStatus status_;
  EventLog events_;
  boost::asio::io_context io_;
  std::unique_ptr<ApiServer> server_;
};

int connect_to(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  expect(fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
         "the server can't be reached");
  return fd;
}

// Sends it all, with an end behind it, and gives all that comes back until the server ends the connection.
std::string converse(Server& server, std::string_view request) {
  const int fd = connect_to(server.path());
  std::string answers;
  bool ended = false;
  for (int loop = 0; loop < kMostLoops && !ended; ++loop) {
    if (!request.empty()) {
      const ssize_t sent = send(fd, request.data(), request.size(), MSG_NOSIGNAL);
      if (sent > 0) request.remove_prefix(static_cast<size_t>(sent));
      if (sent < 0 && errno != EAGAIN) request = {};  // it has closed already
    }
    if (request.empty()) shutdown(fd, SHUT_WR);
    server.poll();
    char buffer[65'536];
    const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got > 0) answers.append(buffer, static_cast<size_t>(got));
    ended = got == 0 || (got < 0 && errno != EAGAIN);
  }
  close(fd);
  server.poll();
  expect(ended, "the server doesn't end the connection");
  return answers;
}

size_t content_length(std::string_view header) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const size_t at = header.find(kName);
  size_t length = 0;
  if (at == std::string_view::npos) fail("an answer without a length: " + std::string(header));
  const char* const begin = header.data() + at + kName.size();
  std::from_chars(begin, header.data() + header.size(), length);
  return length;
}

// One answer; gives what is behind it.
std::string_view check_answer(std::string_view answers) {
  const size_t end = answers.find("\r\n\r\n");
  if (!answers.starts_with("HTTP/1.") || end == std::string_view::npos)
    fail("no HTTP answer: " + std::string(answers));
  const std::string_view header = answers.substr(0, end + 2);
  const std::string_view status = header.substr(9, 3);
  if (status < "200" || status > "505") fail("an odd status: " + std::string(header));
  if (status == "500") fail("the server failed: " + std::string(answers));
  answers.remove_prefix(end + 4);
  const size_t length = content_length(header);
  // To HEAD, the next answer follows at once; no body of ours begins like one.
  if (answers.empty() || answers.starts_with("HTTP/1.")) return answers;
  if (answers.size() < length) fail("a cut answer: " + std::string(header));
  const std::string_view body = answers.substr(0, length);
  if (header.find("json\r\n") != std::string_view::npos && !nlohmann::json::accept(body))
    fail("no JSON: " + std::string(body));
  return answers.substr(length);
}

void run(std::string_view bytes) {
  static Server server;
  std::string answers = converse(server, bytes);
  for (std::string_view rest = answers; !rest.empty();)
    rest = check_answer(rest);
  const auto address = ApiAddress::parse(bytes);
  if (!address) return;
  const auto again = ApiAddress::parse(address.value().text());
  expect(again.ok() && again.value().text() == address.value().text(), "an address that can't be read again");
}

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
