#include "control/ctl_exabgp.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/unique_fd.h"
#include "control/ctl_client.h"
#include "control/ctl_json.h"

namespace shunt {
namespace {

using namespace ctl;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kAnswerTime{5};
constexpr std::chrono::seconds kAskTime{2};
constexpr size_t kLongestAnswer = 65'536;

volatile std::sig_atomic_t stop_asked = 0;

// False only where it is sure that nobody listens there.
bool somebody_listens(const CtlTarget& target) {
  if (!target.address.is_unix()) return false;  // a refused connection; a silent host is as good as gone
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = target.address.path;
  if (path.size() >= sizeof address.sun_path) return false;
  std::ranges::copy(path, address.sun_path);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), generic, sizeof address) == 0) return true;
  return errno == EAGAIN;  // its backlog is full
}

std::string with_length(const std::string& prefix) {
  if (prefix.find('/') != std::string::npos) return prefix;
  return prefix + (prefix.find(':') == std::string::npos ? "/32" : "/128");
}

}  // namespace

Result<std::vector<std::string>> ExabgpRoutes::follow(const std::string& answer) {
  std::map<std::string, std::string> wanted;
  const Result<> read = with_json(answer, [&](const Json& json) {
    const std::string attributes = text(json, "exabgp");
    grace_ = std::chrono::milliseconds(number(json, "restart_grace_ms"));
    for (const Json& vip : json.at("vips")) {
      if (text(vip, "announce") != "route" || !vip.at("announced").get<bool>()) continue;
      const uint64_t metric = number(vip, "metric");
      const bool says_med = attributes.find(" med ") != std::string::npos;
      wanted[with_length(text(vip, "vip"))] =
          attributes + (metric == 0 || says_med ? "" : " med " + std::to_string(metric));
    }
  });
  if (!read) return read.error();
  std::vector<std::string> lines;
  for (const auto& [prefix, attributes] : told_) {
    if (!wanted.contains(prefix)) lines.push_back("withdraw route " + prefix + " " + attributes);
  }
  for (const auto& [prefix, attributes] : wanted) {
    const auto told = told_.find(prefix);
    if (told == told_.end() || told->second != attributes)
      lines.push_back("announce route " + prefix + " " + attributes);
  }
  told_ = std::move(wanted);
  return lines;
}

std::vector<std::string> ExabgpRoutes::withdraw_all() {
  std::vector<std::string> lines;
  for (const auto& [prefix, attributes] : told_)
    lines.push_back("withdraw route " + prefix + " " + attributes);
  told_.clear();
  return lines;
}

std::optional<std::string> ExabgpPipe::read_line(Clock::time_point deadline) {
  while (true) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd polled{answers_, POLLIN, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready <= 0) return std::nullopt;  // too late, or a signal
    char bytes[4'096];
    const ssize_t size = ::read(answers_, bytes, sizeof bytes);
    if (size <= 0 || buffer_.size() > kLongestAnswer) {
      gone_ = true;
      return std::nullopt;
    }
    buffer_.append(bytes, static_cast<size_t>(size));
  }
}

bool ExabgpPipe::send(const std::string& line) {
  std::string rest = line + "\n";
  while (!rest.empty()) {
    const ssize_t written = ::write(lines_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      gone_ = true;
      return false;
    }
    rest.erase(0, static_cast<size_t>(written));
  }
  if (unanswered_) return true;
  const auto answer = read_line(Clock::now() + kAnswerTime);
  if (gone_) return false;
  if (!answer) {
    unanswered_ = !answered_;
    log_ << "shuntctl exabgp: no answer to `" << line << "`"
         << (unanswered_ ? "; from now on none is waited for" : "") << std::endl;
    return true;
  }
  answered_ = true;
  if (!answer->starts_with("done"))
    log_ << "shuntctl exabgp: ExaBGP refuses `" << line << "`: " << *answer << std::endl;
  return true;
}

bool ExabgpPipe::wait(std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (!gone_ && stop_asked == 0 && Clock::now() < deadline) {
    if (!read_line(deadline) && !gone_ && Clock::now() < deadline) break;  // a signal
  }
  return !gone_;
}

CtlExit run_exabgp(const CtlTarget& target, std::ostream& log) {
  struct sigaction action{};
  action.sa_handler = [](int) { stop_asked = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  ExabgpRoutes routes;
  ExabgpPipe pipe(STDIN_FILENO, STDOUT_FILENO, log);
  const auto send = [&](const std::vector<std::string>& lines) {
    return std::ranges::all_of(lines, [&](const std::string& line) { return pipe.send(line); });
  };
  auto last_seen = Clock::now();
  bool alive = true;
  while (alive && stop_asked == 0) {
    const auto answer = ask_shuntd(target, "GET", "/api/v1/routes", kAskTime);
    if (answer && answer.value().status == 200) {
      last_seen = Clock::now();
      const auto lines = routes.follow(answer.value().body);
      if (!lines) log << "shuntctl exabgp: " << lines.error().text() << std::endl;
      alive = !lines || send(lines.value());
    } else if (somebody_listens(target)) {
      last_seen = Clock::now();  // busy or stopped; its workers forward
    } else if (Clock::now() - last_seen >= routes.grace()) {
      alive = send(routes.withdraw_all());
    }
    alive = alive && pipe.wait(kExabgpPause);
  }
  if (alive) send(routes.withdraw_all());
  return kExitOk;
}

}  // namespace shunt
