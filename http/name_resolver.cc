#include "http/name_resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <utility>

#include "http/http_url.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

constexpr int kTries = 3;
constexpr int kTimeOfTries = 7;    // each round of servers waits twice as long as the one before: 1 + 2 + 4
constexpr int kEdnsBytes = 1'232;  // what goes over any path without fragments
constexpr uint16_t kDnsPort = 53;

std::string servers_csv(const std::vector<std::string>& servers) {
  std::string csv;
  for (const std::string& text : servers) {
    const auto server = SocketAddress::parse(text, kDnsPort);
    if (server) csv += (csv.empty() ? "" : ",") + server->text();
  }
  return csv;
}

bool is_negative(int status) {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

// Its first use makes c-ares ready, which it has to be once in a process.
bool ares_is_ready() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status == ARES_SUCCESS;
}

std::vector<IpAddress> addresses_of(const ares_addrinfo& list) {
  std::vector<IpAddress> found;
  for (const ares_addrinfo_node* node = list.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
      found.push_back(IpAddress::v4(load<be32>(reinterpret_cast<const uint8_t*>(&address->sin_addr))));
    } else if (node->ai_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
      found.push_back(IpAddress::v6(address->sin6_addr.s6_addr));
    }
  }
  return found;
}

}  // namespace

// c-ares says which sockets it waits for, and is called when they are ready or its time has come.
struct NameResolver::Core : std::enable_shared_from_this<NameResolver::Core> {
  struct Watch {
    Watch(const asio::any_io_executor& executor, int fd) : descriptor(executor, fd) {}
    asio::posix::stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool reading = false;
    bool writing = false;
  };

  explicit Core(asio::any_io_executor where) : executor(std::move(where)), timer(executor) {}
  ~Core() {
    if (channel != nullptr) ares_destroy(channel);
  }

  static void on_socket(void* core, ares_socket_t fd, int readable, int writable) {
    static_cast<Core*>(core)->want(fd, readable != 0, writable != 0);
  }
  void want(int fd, bool readable, bool writable) {
    const auto found = watches.find(fd);
    if (!readable && !writable) {
      if (found == watches.end()) return;
      found->second->descriptor.release();  // c-ares closes it
      watches.erase(found);
      return;
    }
    auto watch = found == watches.end() ? nullptr : found->second;
    if (!watch) watch = watches[fd] = std::make_shared<Watch>(executor, fd);
    watch->wants_read = readable;
    watch->wants_write = writable;
  }
  void arm() {
    for (const auto& [fd, watch] : watches) {
      if (watch->wants_read && !watch->reading) wait(fd, watch, false);
      if (watch->wants_write && !watch->writing) wait(fd, watch, true);
    }
    timeval most{1, 0};
    timeval next{};
    const timeval* wait_for = ares_timeout(channel, &most, &next);
    if (watches.empty() || wait_for == nullptr) {
      timer.cancel();
      return;
    }
    timer.expires_after(std::chrono::seconds(wait_for->tv_sec) +
                        std::chrono::microseconds(wait_for->tv_usec) + std::chrono::milliseconds(1));
    timer.async_wait([weak = weak_from_this()](const auto& error) {
      const auto self = weak.lock();
      if (!error && self) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    });
  }
  void wait(int fd, const std::shared_ptr<Watch>& watch, bool write) {
    (write ? watch->writing : watch->reading) = true;
    watch->descriptor.async_wait(
        write ? asio::posix::stream_descriptor::wait_write : asio::posix::stream_descriptor::wait_read,
        [weak = weak_from_this(), watch, fd, write](const auto& error) {
          (write ? watch->writing : watch->reading) = false;
          const auto self = weak.lock();
          if (error || !self) return;
          const auto now = self->watches.find(fd);
          if (now == self->watches.end() || now->second != watch) return;
          self->process(write ? ARES_SOCKET_BAD : fd, write ? fd : ARES_SOCKET_BAD);
        });
  }
  void process(int read_fd, int write_fd) {
    ares_process_fd(channel, read_fd, write_fd);
    arm();
  }

  asio::any_io_executor executor;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Watch>> watches;
};

namespace {

// A coroutine that waits for c-ares. Its end is posted: c-ares calls back from within its own calls.
template <typename T>
struct Waiting {
  std::string name;
  RecordType type = RecordType::a;
  asio::any_io_executor executor;
  std::function<void(Result<T>)> resume;

  static void finish(Waiting* waiting, Result<T> result) {
    const std::unique_ptr<Waiting> owned(waiting);
    asio::post(owned->executor, [resume = std::move(owned->resume), result = std::move(result)]() mutable {
      resume(std::move(result));
    });
  }
};

void on_answer(void* argument, int status, int /*timeouts*/, unsigned char* message, int size) {
  auto* waiting = static_cast<Waiting<NameRecords>*>(argument);
  if (is_negative(status)) return Waiting<NameRecords>::finish(waiting, NameRecords{});
  if (status != ARES_SUCCESS)
    return Waiting<NameRecords>::finish(waiting, Error{"dns " + waiting->name, ares_strerror(status)});
  Waiting<NameRecords>::finish(
      waiting, parse_name_records(message, static_cast<size_t>(size), waiting->name, waiting->type));
}

void on_addresses(void* argument, int status, int /*timeouts*/, ares_addrinfo* list) {
  using Addresses = std::vector<IpAddress>;
  auto* waiting = static_cast<Waiting<Addresses>*>(argument);
  Result<Addresses> result = Error{waiting->name, ares_strerror(status)};
  if (status == ARES_SUCCESS && list != nullptr) result = addresses_of(*list);
  if (list != nullptr) ares_freeaddrinfo(list);
  Waiting<Addresses>::finish(waiting, std::move(result));
}

// `begin` gets the Waiting, for c-ares to hand to its callback.
template <typename T, typename Begin>
asio::awaitable<Result<T>> wait_for(asio::any_io_executor executor, std::string name, RecordType type,
                                    Begin begin) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<T>)>(
      [&](auto handler) {
        auto held = std::make_shared<decltype(handler)>(std::move(handler));
        begin(new Waiting<T>{std::move(name), type, executor,
                             [held](Result<T> result) { std::move (*held)(std::move(result)); }});
      },
      asio::use_awaitable);
}

}  // namespace

Result<std::unique_ptr<NameResolver>> NameResolver::open(const asio::any_io_executor& executor,
                                                         const std::vector<std::string>& servers,
                                                         std::chrono::milliseconds timeout) {
  if (!ares_is_ready()) return Error{"dns", "c-ares doesn't start"};
  auto core = std::make_shared<Core>(executor);
  ares_options options{};
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = kEdnsBytes;
  options.tries = kTries;
  options.timeout = static_cast<int>(std::max<int64_t>(timeout.count() / kTimeOfTries, 10));
  options.sock_state_cb = &Core::on_socket;
  options.sock_state_cb_data = core.get();
  const int mask =
      ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
  int status = ares_init_options(&core->channel, &options, mask);
  if (status != ARES_SUCCESS) {
    core->channel = nullptr;
    return Error{"dns", ares_strerror(status)};
  }
  if (!servers.empty()) status = ares_set_servers_ports_csv(core->channel, servers_csv(servers).c_str());
  if (status != ARES_SUCCESS) return Error{"dns servers", ares_strerror(status)};
  return std::unique_ptr<NameResolver>(new NameResolver(std::move(core)));
}

NameResolver::NameResolver(std::shared_ptr<Core> core) : core_(std::move(core)) {}

NameResolver::~NameResolver() {
  cancel();
}

asio::awaitable<Result<NameRecords>> NameResolver::query(std::string name, RecordType type) {
  const auto core = core_;
  co_return co_await wait_for<NameRecords>(core->executor, name, type, [&](Waiting<NameRecords>* waiting) {
    constexpr int kInternet = 1;
    ares_query(core->channel, name.c_str(), kInternet, static_cast<int>(type), &on_answer, waiting);
    core->arm();
  });
}

asio::awaitable<Result<std::vector<IpAddress>>> NameResolver::addresses(std::string host) {
  using Addresses = std::vector<IpAddress>;
  const auto core = core_;
  co_return co_await wait_for<Addresses>(
      core->executor, host, RecordType::a, [&](Waiting<Addresses>* waiting) {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_flags = ARES_AI_NOSORT;
        ares_getaddrinfo(core->channel, host.c_str(), nullptr, &hints, &on_addresses, waiting);
        core->arm();
      });
}

void NameResolver::cancel() {
  core_->timer.cancel();
  if (core_->channel != nullptr) ares_cancel(core_->channel);
}

}  // namespace shunt
