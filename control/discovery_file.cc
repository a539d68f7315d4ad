#include "control/discovery_file.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/unique_fd.h"
#include "control/discovery_entries.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

constexpr size_t kLargestFile = 16U << 20U;
// What one writer does to a folder comes in several events.
constexpr auto kSettle = std::chrono::milliseconds(20);
// Without an event, a file that was written this lately may be half written.
constexpr time_t kQuietSeconds = 2;
// A file that is opened and truncated is a change only once its writer closes it.
constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

Result<std::string> read_all(const UniqueFd& file, const std::string& path) {
  std::string text;
  std::array<char, 65'536> buffer{};
  while (true) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{path, std::strerror(errno)};
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kLargestFile) return Error{path, "is larger than 16 MiB"};
  }
}

Result<nlohmann::json> parse_text(const std::string& text, const std::string& path) {
  std::string json_text = text;
  if (path.ends_with(".toml")) {
    try {
      std::ostringstream written;
      written << toml::json_formatter(toml::parse(text));
      json_text = written.str();
    } catch (const toml::parse_error& failure) {
      return Error{path + ":" + std::to_string(failure.source().begin.line),
                   std::string(failure.description())};
    }
  }
  try {
    return nlohmann::json::parse(json_text);
  } catch (const nlohmann::json::exception& failure) {
    return Error{path, shown(failure.what())};
  }
}

}  // namespace

Result<DiscoveryAnswer> parse_discovery_file(const std::string& text, const std::string& path) {
  auto parsed = parse_text(text, path);
  if (!parsed) return parsed.error();
  const nlohmann::json& root = parsed.value();
  if (!root.is_object() || !root.contains("backend") || !root["backend"].is_array())
    return Error{path, "has no list `backend`"};
  if (root.size() > 1) return Error{path, "has more than `backend`"};
  DiscoveryEntries entries;
  size_t number = 0;
  for (const nlohmann::json& entry : root["backend"])
    entries.add_json(entry, "backend " + std::to_string(++number));
  return entries.take();
}

struct FileDiscovery::Core : std::enable_shared_from_this<FileDiscovery::Core> {
  Core(const asio::any_io_executor& executor, const DiscoveryConfig& settings)
      : config(settings), notices(executor), settle(executor), refresh(executor) {}

  void watch();
  void wait_for_notice();
  void wait_for_refresh();
  void settle_then_look();
  void look(bool noticed);
  std::optional<Result<DiscoveryAnswer>> take_file(bool noticed);
  void tell(Result<DiscoveryAnswer> answer) {
    const OnAnswer to = on_answer;  // it may stop us
    if (to) to(std::move(answer));
  }
  void stop() {
    on_answer = nullptr;
    boost::system::error_code ignored;
    notices.close(ignored);
    settle.cancel();
    refresh.cancel();
  }

  DiscoveryConfig config;
  OnAnswer on_answer;
  asio::posix::stream_descriptor notices;
  asio::steady_timer settle;
  asio::steady_timer refresh;
  bool settling = false;
  std::array<char, 4096> buffer{};
};

// Begun anew with each refresh where the folder went away.
void FileDiscovery::Core::watch() {
  if (notices.is_open()) return;
  UniqueFd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (fd.get() < 0) return;
  if (inotify_add_watch(fd.get(), folder_of(config.path).c_str(), kEvents) < 0) return;
  notices.assign(fd.release());
  wait_for_notice();
}

void FileDiscovery::Core::wait_for_notice() {
  notices.async_read_some(asio::buffer(buffer), [self = shared_from_this()](const auto& error, size_t bytes) {
    if (error || !self->on_answer) return;
    bool gone = false;
    for (size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
      inotify_event event{};
      std::memcpy(&event, self->buffer.data() + at, sizeof event);
      gone = gone || (event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
      at += sizeof event + event.len;
    }
    self->settle_then_look();
    if (!gone) return self->wait_for_notice();
    boost::system::error_code ignored;
    self->notices.close(ignored);
  });
}

// A folder in which something happens all the time is looked at all the same.
void FileDiscovery::Core::settle_then_look() {
  if (settling) return;
  settling = true;
  settle.expires_after(kSettle);
  settle.async_wait([self = shared_from_this()](const auto& error) {
    self->settling = false;
    if (!error && self->on_answer) self->look(true);
  });
}

void FileDiscovery::Core::wait_for_refresh() {
  refresh.expires_after(config.refresh);
  refresh.async_wait([self = shared_from_this()](const auto& error) {
    if (error || !self->on_answer) return;
    self->watch();
    self->look(false);
    if (self->on_answer) self->wait_for_refresh();
  });
}

// Nothing where it may be half written.
std::optional<Result<DiscoveryAnswer>> FileDiscovery::Core::take_file(bool noticed) {
  const auto failed = [&] { return Error{config.path, std::strerror(errno)}; };
  // (Not blocking: it might be a FIFO.)
  const UniqueFd file(open(config.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failed();
  struct stat before{};
  if (fstat(file.get(), &before) != 0) return failed();
  if (!S_ISREG(before.st_mode)) return Error{config.path, "isn't a file"};
  if (!noticed && time(nullptr) - before.st_mtim.tv_sec < kQuietSeconds) return std::nullopt;
  const auto text = read_all(file, config.path);
  if (!text) return text.error();
  struct stat after{};
  if (fstat(file.get(), &after) != 0) return failed();
  if (!same_state(before, after)) return std::nullopt;  // its writer's close is yet to come
  return parse_discovery_file(text.value(), config.path);
}

void FileDiscovery::Core::look(bool noticed) {
  if (auto answer = take_file(noticed)) tell(*std::move(answer));
}

FileDiscovery::FileDiscovery(const asio::any_io_executor& executor, const DiscoveryConfig& config)
    : core_(std::make_shared<Core>(executor, config)) {}

FileDiscovery::~FileDiscovery() {
  core_->stop();
}

void FileDiscovery::start(OnAnswer on_answer) {
  const auto core = core_;
  core->on_answer = std::move(on_answer);
  core->watch();
  core->wait_for_refresh();
  // Not in this call: whoever starts a source isn't ready for its answer.
  core->settle.expires_after(std::chrono::milliseconds(0));
  core->settle.async_wait([core](const auto& error) {
    if (!error && core->on_answer) core->look(true);
  });
}

}  // namespace shunt
