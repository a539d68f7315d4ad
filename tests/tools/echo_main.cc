// shunt-echo: answers every message of shunt-probe with its own id added, over TCP and UDP, and does wrong on
// request.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/echo_faults.h"
#include "tests/tools/echo_tcp.h"
#include "tests/tools/echo_udp.h"
#include "tests/tools/message.h"
#include "tests/tools/poller.h"
#include "tests/tools/socket.h"
#include "tests/tools/stop_signals.h"

namespace shunt {
namespace {

struct EchoOptions {
  std::string id;
  std::vector<std::string> tcp;
  std::vector<std::string> udp;
  std::vector<std::string> faults;
  bool share_port = false;
};

Result<Fd> open_text(int type, const std::string& text, bool share_port) {
  const auto endpoint = Endpoint::parse(text);
  if (!endpoint) return Error{text, "isn't ADDR:PORT"};
  return open_at(type, *endpoint, share_port);
}

class Echo {
 public:
  Echo(const EchoOptions& options, const EchoFaults& faults)
      : options_(options), answerer_(options.id, faults) {}

  Result<> open() {
    for (const std::string& text : options_.tcp) {
      auto socket = open_text(SOCK_STREAM, text, options_.share_port);
      if (!socket) return socket.error();
      tcp_.push_back(std::make_unique<EchoListener>(socket.take(), poller_, answerer_, counts_));
    }
    for (const std::string& text : options_.udp) {
      auto socket = open_text(SOCK_DGRAM, text, options_.share_port);
      if (!socket) return socket.error();
      udp_.push_back(std::make_unique<EchoUdp>(socket.take(), poller_, answerer_, counts_));
    }
    return Ok{};
  }

  void run() {
    while (!stop_.asked())
      poller_.wait(-1);
  }

  void print_counts() const {
    uint64_t dropped = 0;
    for (const auto& udp : udp_)
      dropped += udp->dropped_here();
    const nlohmann::ordered_json counts = {{"id", options_.id},
                                           {"tcp_connections", counts_.tcp_connections},
                                           {"tcp_messages", counts_.tcp_messages},
                                           {"udp_messages", counts_.udp_messages},
                                           {"udp_send_failed", counts_.udp_send_failed},
                                           {"udp_dropped_here", dropped},
                                           {"not_ours", counts_.not_ours}};
    std::printf("%s\n", counts.dump().c_str());
  }

 private:
  const EchoOptions& options_;
  Answerer answerer_;
  EchoCounts counts_;
  Poller poller_;
  StopSignals stop_{poller_};
  std::vector<std::unique_ptr<EchoListener>> tcp_;
  std::vector<std::unique_ptr<EchoUdp>> udp_;
};

int fail(const Error& error) {
  std::fprintf(stderr, "shunt-echo: %s\n", error.text().c_str());
  return 2;
}

int run(const EchoOptions& options) {
  EchoFaults faults;
  for (const std::string& text : options.faults) {
    if (const auto parsed = parse_fault(text, faults); !parsed) return fail(parsed.error());
  }
  if (!is_backend_id(options.id)) return fail({"--id", "1 to 24 printable characters without blanks"});
  if (options.tcp.empty() && options.udp.empty())
    return fail({"", "needs --tcp ADDR:PORT or --udp ADDR:PORT"});
  raise_file_limit();
  Echo echo(options, faults);
  if (const auto opened = echo.open(); !opened) return fail(opened.error());
  std::printf("ready\n");
  std::fflush(stdout);
  echo.run();
  echo.print_counts();
  return 0;
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  shunt::EchoOptions options;
  CLI::App app{
      "Echoes shunt-probe's messages with this backend's id. Prints \"ready\", and its counts on SIGTERM."};
  app.add_option("--id", options.id, "this backend's name")->required();
  app.add_option("--tcp", options.tcp, "ADDR:PORT to listen on (repeatable)");
  app.add_option("--udp", options.udp, "ADDR:PORT to answer on (repeatable)");
  app.add_option(
      "--fault", options.faults,
      "rst-after=N | close-after=N | drop-reply=N | gap=N | duplicate=N | corrupt=N | id-flip=N | stall=MS "
      "(repeatable; N counts the messages of one connection or flow)");
  app.add_flag("--share-port", options.share_port,
               "SO_REUSEPORT: several echoes share a port, as backends share a VIP");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return shunt::run(options);
}
