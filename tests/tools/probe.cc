#include "tests/tools/probe.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>

#include "tests/tools/commands.h"
#include "tests/tools/poller.h"
#include "tests/tools/report.h"
#include "tests/tools/tally.h"
#include "tests/tools/tcp_flows.h"
#include "tests/tools/udp_flows.h"

namespace shunt {
namespace {

constexpr uint64_t kStragglersNs = 2 * kNsPerSecond;  // how long a datagram may be under way
constexpr uint64_t kLateLoadNs = kNsPerSecond;        // how long a late load may be finished for
constexpr uint64_t kSilenceCheckNs = 100 * kNsPerMs;
constexpr uint64_t kStatusNs = kNsPerSecond;

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32U) | device();
}

class Probe {
 public:
  explicit Probe(const ProbeOptions& options)
      : options_(options), origin_{monotonic_ns(), random_seed()}, last_loop_ns_(origin_.start_ns) {
    lost_.expect(options.expect_lost);
  }

  Result<> prepare() {
    if (const auto opened = commands_.open(options_.control); !opened) return opened.error();
    return write_status();
  }

  int run() {
    hold();
    drain();
    run_.state = "done";
    udp_.judge_unanswered(last_loop_ns_);
    const auto written = write_status();
    if (!written) std::fprintf(stderr, "shunt-probe: %s\n", written.error().text().c_str());
    std::fputs(report_json(input()).c_str(), stdout);
    std::fputs(report_text(input()).c_str(), stderr);
    tcp_.close_all();
    return input().broken() <= options_.max_broken ? 0 : 1;
  }

 private:
  ReportInput input() const { return {options_, run_, tcp_, udp_, lost_}; }

  // Until the duration is over or somebody asks for the end.
  void hold() {
    for (;;) {
      const uint64_t now_ns = turn();
      const uint64_t elapsed_ns = since(now_ns, origin_.start_ns);
      open_due(now_ns, elapsed_ns);
      const uint64_t load_ns = since(elapsed_ns, options_.ramp_ns);
      tcp_.send_due(now_ns);
      if (elapsed_ns >= options_.ramp_ns) udp_.send_due(now_ns, load_ns);
      if (commands_.end_asked()) return;
      if (elapsed_ns >= options_.ramp_ns) run_.state = "running";
      if (load_ns < options_.duration_ns || elapsed_ns < options_.ramp_ns) continue;
      if (udp_.caught_up(load_ns) || load_ns > options_.duration_ns + kLateLoadNs) return;
    }
  }

  // Datagrams have a fixed time; a connection that owes an answer is waited for until that is silence, and so
  // broken.
  void drain() {
    run_.state = "draining";
    tcp_.stop_sending();
    udp_.stop_sending();
    const uint64_t begin_ns = last_loop_ns_;
    for (;;) {
      const uint64_t waited_ns = since(turn(), begin_ns);
      if (tcp_.settled() && (udp_.settled() || waited_ns > kStragglersNs)) return;
    }
  }

  void open_due(uint64_t now_ns, uint64_t elapsed_ns) {
    const bool all = elapsed_ns >= options_.ramp_ns;
    const double share = all ? 1 : static_cast<double>(elapsed_ns) / static_cast<double>(options_.ramp_ns);
    tcp_.open_up_to(all ? options_.tcp : static_cast<uint32_t>(share * options_.tcp), now_ns);
    udp_.open_up_to(all ? options_.udp : static_cast<uint32_t>(share * options_.udp), now_ns);
  }

  // Waits a millisecond at most, takes what has come, and does what is due at its own times. Returns now.
  uint64_t turn() {
    const bool all_taken = poller_.wait(1);
    const uint64_t now_ns = monotonic_ns();
    run_.elapsed_ns = since(now_ns, origin_.start_ns);
    run_.longest_pause_ns = std::max(run_.longest_pause_ns, since(now_ns, last_loop_ns_));
    last_loop_ns_ = now_ns;
    // What lies unread in a socket is no silence.
    if (all_taken && since(now_ns, last_check_ns_) >= kSilenceCheckNs) {
      tcp_.check_silence(now_ns);
      udp_.check_silence(now_ns);
      last_check_ns_ = now_ns;
    }
    if (since(now_ns, last_status_ns_) >= kStatusNs) (void)write_status();
    return now_ns;
  }

  Result<> write_status() {
    last_status_ns_ = last_loop_ns_;
    return options_.status_file.empty() ? Result<>(Ok{})
                                        : write_atomically(options_.status_file, report_json(input()));
  }

  const ProbeOptions& options_;
  RunOrigin origin_;
  RunState run_;
  uint64_t last_loop_ns_;
  uint64_t last_check_ns_ = 0;
  uint64_t last_status_ns_ = 0;
  Poller poller_;
  LostBackends lost_;
  Commands commands_{poller_, lost_};
  TcpFlows tcp_{options_, origin_, poller_, lost_};
  UdpFlows udp_{options_, origin_, poller_, lost_};
};

}  // namespace

int run_probe(const ProbeOptions& options) {
  constexpr uint64_t kOtherFiles = 16;
  const uint64_t files = raise_file_limit();
  const uint64_t needed = uint64_t{options.tcp} + options.udp + kOtherFiles;
  if (needed > files) {
    std::fprintf(stderr, "shunt-probe: needs %llu open files, the limit is %llu: raise it by ulimit -Hn\n",
                 static_cast<unsigned long long>(needed), static_cast<unsigned long long>(files));
    return 2;
  }
  Probe probe(options);
  if (const auto prepared = probe.prepare(); !prepared) {
    std::fprintf(stderr, "shunt-probe: %s\n", prepared.error().text().c_str());
    return 2;
  }
  return probe.run();
}

}  // namespace shunt
