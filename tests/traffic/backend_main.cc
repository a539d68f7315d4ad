// shunt-test-backend: a web server and UDP echo of known behaviour, for what is to be balanced, slowed down
// and broken.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/tools/stop_signals.h"
#include "tests/traffic/backend_connection.h"
#include "tests/traffic/backend_udp.h"

namespace shunt {
namespace {

constexpr uint64_t kSweepNs = 5 * kNsPerSecond;

struct BackendOptions {
  std::string id = "backend";
  std::vector<std::string> listen;
  std::string control;
  std::vector<std::string> set;
  uint64_t seed = 1;
  bool share_port = false;
};

// A listening socket at a path, for its owner only; a socket that nobody listens on any more is replaced.
Result<Fd> open_control(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{path, "too long for a socket's path"};
  std::copy(path.begin(), path.end(), address.sun_path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), generic, sizeof address) == 0) return Error{path, "another program listens there"};
  if (errno == ECONNREFUSED) unlink(path.c_str());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const mode_t before = umask(0177);
  const bool bound = bind(socket.get(), generic, sizeof address) == 0;
  umask(before);
  if (!bound || listen(socket.get(), 16) != 0) return errno_error(path);
  return socket;
}

class Backend {
 public:
  Backend(const BackendOptions& options, const Knobs& knobs)
      : options_(options), stop_(poller_), core_(poller_, options.id, knobs, options.seed) {}
  ~Backend() {
    if (control_) unlink(options_.control.c_str());
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  Result<> open() {
    for (const std::string& text : options_.listen) {
      const auto endpoint = Endpoint::parse(text);
      if (!endpoint) return Error{text, "isn't ADDR:PORT"};
      auto tcp = open_at(SOCK_STREAM, *endpoint, options_.share_port);
      if (!tcp) return tcp.error();
      auto udp = open_at(SOCK_DGRAM, *endpoint, options_.share_port);
      if (!udp) return udp.error();
      tcp_.push_back(std::make_unique<BackendListener>(tcp.take(), core_, false, nullptr));
      udp_.push_back(std::make_unique<BackendUdp>(udp.take(), core_));
    }
    obey(monotonic_ns());
    if (options_.control.empty()) return Ok{};
    auto control = open_control(options_.control);
    if (!control) return control.error();
    control_ = std::make_unique<BackendListener>(control.take(), core_, true,
                                                 [this](uint64_t now_ns) { obey(now_ns); });
    return Ok{};
  }

  void run() {
    sweep(monotonic_ns());
    while (!stop_.asked()) {
      poller_.wait_until(core_.timers.next_ns());
      core_.timers.run(monotonic_ns());
    }
  }

  std::string report() const {
    const BackendMetrics& metrics = core_.metrics;
    return nlohmann::ordered_json{{"id", options_.id},
                                  {"requests", metrics.requests()},
                                  {"connections", metrics.connections},
                                  {"datagrams_answered", metrics.udp_answered},
                                  {"datagrams_lost", metrics.udp_lost}}
        .dump();
  }

 private:
  // Makes what the knobs say now true.
  void obey(uint64_t now_ns) {
    core_.crash_if_told();
    core_.line.set_workers(core_.knobs.workers, now_ns);
    for (const auto& listener : tcp_)
      listener->obey_knobs();
  }

  void sweep(uint64_t now_ns) {
    for (const auto& listener : tcp_)
      listener->end_idle(now_ns);
    if (control_) control_->end_idle(now_ns);
    core_.timers.at(now_ns + kSweepNs, [this](uint64_t then_ns) { sweep(then_ns); });
  }

  const BackendOptions& options_;
  Poller poller_;
  StopSignals stop_;
  BackendCore core_;
  std::vector<std::unique_ptr<BackendListener>> tcp_;
  std::vector<std::unique_ptr<BackendUdp>> udp_;
  std::unique_ptr<BackendListener> control_;
};

void check_id(const std::string& id) {
  const auto plain = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' || letter == '_' ||
           letter == '.';
  };
  if (id.empty() || id.size() > 64 || !std::ranges::all_of(id, plain))
    throw CLI::ValidationError("--id", "has to be 1 to 64 letters, digits, '-', '_' or '.'");
}

void add_options(CLI::App& app, BackendOptions& options) {
  app.add_option("--id", options.id, "its name: what / answers, and the field X-Backend (backend)");
  app.add_option("--listen", options.listen, "HTTP over TCP and an echo over UDP; repeatable")
      ->required()
      ->type_name("ADDR:PORT");
  app.add_option("--control", options.control,
                 "unix socket that answers GET and POST /control, and all else uncounted")
      ->type_name("PATH");
  app.add_option("--set", options.set, "a knob, repeatable")->type_name("NAME=VALUE");
  app.add_option("--seed", options.seed, "of all that is drawn (1)");
  app.add_flag("--share-port", options.share_port, "SO_REUSEPORT: several backends on one address and port");
}

int run(int argc, char** argv) {
  BackendOptions options;
  Knobs knobs;
  CLI::App app{
      "A backend of known behaviour. HTTP/1.1: / (who am I), /health, /metrics, /api/data?bytes=N&seed=N. "
      "/health and /metrics are answered at once and never fail. UDP, same port: an echo. SIGTERM ends it "
      "with one line of JSON.\n\n" +
      Knobs::reference() +
      "\nExample: shunt-test-backend --id b1 --listen 127.0.0.1:8080 --control /tmp/b1 --set latency=5ms\n"
      "         curl --unix-socket /tmp/b1 -d errors=0.1 http://b1/control"};
  add_options(app, options);
  try {
    app.parse(argc, argv);
    check_id(options.id);
    for (const std::string& assignment : options.set) {
      const auto done = knobs.set(assignment);
      if (!done) throw CLI::ValidationError("--set", done.error().text());
    }
  } catch (const CLI::Error& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  raise_file_limit();
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  Backend backend(options, knobs);
  const auto opened = backend.open();
  if (!opened) {
    std::fprintf(stderr, "shunt-test-backend: %s\n", opened.error().text().c_str());
    return 2;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  backend.run();
  std::printf("%s\n", backend.report().c_str());
  return 0;
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  return shunt::run(argc, argv);
}
