#include "control/guard.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "control/exit_codes.h"
#include "control/kernel_network.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;

constexpr int kCannotRun = 127;  // as a shell says it

void say(const std::string& text) {
  std::fprintf(stderr, "shunt-guard: %s\n", text.c_str());
}

sigset_t followed_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
    sigaddset(&set, number);
  return set;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("was killed by ") + strsignal(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

// In the child, before it is another program: only what may be done between fork and exec.
[[noreturn]] void become(char* const* arguments, pid_t guard) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  setpgid(
      0,
      0);  // Ctrl-C is for the guard, which passes it on: a second signal would cut [routes] stop_wait short
  if (getppid() != guard) _exit(kCannotRun);  // it died meanwhile
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(arguments[0], arguments);
  const char* const why = std::strerror(errno);
  static_cast<void>(!write(STDERR_FILENO, "shunt-guard: ", 13));
  static_cast<void>(!write(STDERR_FILENO, arguments[0], std::strlen(arguments[0])));
  static_cast<void>(!write(STDERR_FILENO, ": ", 2));
  static_cast<void>(!write(STDERR_FILENO, why, std::strlen(why)));
  static_cast<void>(!write(STDERR_FILENO, "\n", 1));
  _exit(kCannotRun);
}

int milliseconds_until(Guard::Clock::time_point when) {
  const auto left = std::chrono::ceil<milliseconds>(when - Guard::Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

Result<size_t> withdraw_routes(const GuardOrders& orders) {
  auto network = KernelNetwork::open();
  if (!network) return network.error();
  const auto routes = network.value().routes(orders.protocol);
  if (!routes) return routes.error();
  size_t removed = 0;
  for (const KernelRoute& route : routes.value()) {
    const bool ours = orders.interfaces.empty() ||
                      std::ranges::find(orders.interfaces, route.interface) != orders.interfaces.end();
    if (!ours) continue;
    if (const auto gone = network.value().remove_route(route); !gone) return gone.error();
    ++removed;
  }
  return removed;
}

Result<> Guard::open() {
  const sigset_t set = followed_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return Error{"signalfd", std::strerror(errno)};
  if (const char* const outer = std::getenv("NOTIFY_SOCKET"); outer != nullptr) outer_notice_ = outer;
  notices_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!notices_) return Error{"socket", std::strerror(errno)};
  const int on = 1;
  setsockopt(notices_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  // Bound to nothing, the kernel gives it an abstract name of its own (unix(7), autobind).
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof(sa_family_t);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(notices_.get(), generic, size) != 0) return Error{"socket", std::strerror(errno)};
  size = sizeof address;
  if (getsockname(notices_.get(), generic, &size) != 0) return Error{"socket", std::strerror(errno)};
  notice_name_ = "@" + std::string(address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
  return Ok{};
}

Result<> Guard::start() {
  std::vector<char*> arguments;
  for (std::string& word : command_)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv("NOTIFY_SOCKET", notice_name_.c_str(), 1);
  const pid_t guard = getpid();
  const pid_t child = fork();
  if (child < 0) return Error{"fork", std::strerror(errno)};
  if (child == 0) become(arguments.data(), guard);
  child_ = child;
  started_ = Clock::now();
  restart_at_.reset();
  return Ok{};
}

Result<int> Guard::run() {
  if (auto opened = open(); !opened) return opened.error();
  if (auto started = start(); !started) return started.error();
  while (true) {
    auto turned = turn();
    if (!turned) return turned.error();
    if (turned.value()) return *turned.value();
  }
}

Result<std::optional<int>> Guard::turn() {
  pollfd polled[] = {{signals_.get(), POLLIN, 0}, {notices_.get(), POLLIN, 0}};
  if (poll(polled, 2, timeout_ms()) < 0 && errno != EINTR) return Error{"poll", std::strerror(errno)};
  on_notice();  // first: what it said before it died counts
  on_signals();
  int status = 0;
  if (child_ != 0 && waitpid(child_, &status, WNOHANG) == child_) {
    child_ = 0;
    on_notice();
    if (const auto exit_code = on_end(status)) return std::optional<int>(exit_code);
  }
  if (child_ == 0 && ending_) {
    withdraw();
    return std::optional<int>(kExitOk);
  }
  if (withdraw_at_ && Clock::now() >= *withdraw_at_) withdraw();
  if (child_ == 0 && restart_at_ && Clock::now() >= *restart_at_) {
    if (auto started = start(); !started) return started.error();
  }
  return std::optional<int>();
}

int Guard::timeout_ms() const {
  int wait = -1;
  for (const auto& due : {restart_at_, withdraw_at_}) {
    if (due) wait = wait < 0 ? milliseconds_until(*due) : std::min(wait, milliseconds_until(*due));
  }
  return wait;
}

void Guard::on_signals() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) continue;
    if (number != SIGHUP) ending_ = true;
    if (child_ != 0) kill(child_, number);
  }
}

void Guard::on_notice() {
  char text[GuardMessage::kMostBytes];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  while (true) {
    iovec buffer{text, sizeof text};
    msghdr header{};
    header.msg_iov = &buffer;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t bytes = recvmsg(notices_.get(), &header, 0);
    if (bytes < 0) return;
    ucred sender{};
    const cmsghdr* const credentials = CMSG_FIRSTHDR(&header);
    if (credentials != nullptr && credentials->cmsg_type == SCM_CREDENTIALS)
      std::memcpy(&sender, CMSG_DATA(credentials), sizeof sender);
    if (sender.uid != geteuid() && sender.uid != 0) continue;  // the name is open to everybody
    const std::string_view received(text, static_cast<size_t>(bytes));
    if (!outer_notice_.empty()) send_notice(outer_notice_, received);
    GuardMessage message = GuardMessage::parse(received);
    if (message.orders) orders_ = std::move(message.orders);
    if (!message.ready) continue;
    was_ready_ = true;
    withdraw_at_.reset();  // it looks after its routes itself
  }
}

// What to exit with, when another start makes no sense.
std::optional<int> Guard::on_end(int status) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const bool useless = code == kExitConfig || code == kExitUsage || code == kCannotRun || !was_ready_;
  if (code != kExitOk) say(command_[0] + " " + how_it_ended(status));
  if (code == kExitOk || useless || ending_) {
    withdraw();  // nothing is left of a shuntd that ended in good order
    return code;
  }
  const auto now = Clock::now();
  const milliseconds wait = backoff_.after(std::chrono::floor<milliseconds>(now - started_));
  if (!withdraw_at_) withdraw_at_ = now + (orders_ ? orders_->grace : milliseconds(0));
  restart_at_ = now + wait;
  if (wait.count() != 0) say("it is started again in " + std::to_string(wait.count()) + " ms");
  return std::nullopt;
}

void Guard::withdraw() {
  withdraw_at_.reset();
  if (!orders_) return;
  const auto removed = withdraw_routes(*orders_);
  if (!removed) return say("routes can't be withdrawn: " + removed.error().text());
  if (removed.value() != 0)
    say(std::to_string(removed.value()) + (removed.value() == 1 ? " route is" : " routes are") +
        " withdrawn");
}

}  // namespace shunt
