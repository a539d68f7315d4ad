// What health checks cost the control thread, and how soon a backend that fails is known to be down.
//
// load: so many backends, checked once a second: the checking thread's CPU time for a check (`ticks`), and
// what share of a core they all take. The kernel's work for loopback is in it, both sides' of it where the
// packet is delivered at once. notice: backends checked every 100 ms with fall = 3 and a timeout of 40 ms
// stop at random moments, half by refusing, half by saying nothing: milliseconds until the monitor says down.
#include <time.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/health_peers.h"
#include "bench/measure.h"
#include "control/health_monitor.h"

namespace shunt::bench {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::duration;

constexpr uint64_t kSeed = 42;

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

HealthTarget target_of(HealthType type, size_t index, const HealthPeers& peers) {
  HealthTarget target;
  target.pool = "web";
  target.backend = "b" + std::to_string(index);
  target.address = *IpAddress::parse("127.0.0.1");
  target.config.type = type;
  target.config.verify = false;
  target.config.send = type == HealthType::udp ? "ping" : "";
  target.port = type == HealthType::https ? peers.tls_port()
                : type == HealthType::udp ? peers.udp_port()
                                          : peers.port(index);
  return target;
}

// ---- load

struct Load {
  uint64_t checks = 0;
  double seconds = 0;      // of the clock
  double cpu_seconds = 0;  // of the checking thread
};

Load run_load(HealthType type, size_t backends, bool quick) {
  HealthPeers peers(backends);
  asio::io_context io(1);
  HealthMonitor monitor(io.get_executor(), {}, kSeed);
  std::vector<HealthTarget> targets;
  for (size_t i = 0; i < backends; ++i) {
    targets.push_back(target_of(type, i, peers));
    if (quick) targets.back().config.interval = milliseconds(500);
  }
  monitor.set_targets(targets);
  io.run_for(milliseconds(quick ? 200 : 1'500));  // first checks come closer together
  const uint64_t before = monitor.counters().ok;
  const double cpu = thread_seconds();
  const Clock::time_point start = Clock::now();
  io.run_for(milliseconds(quick ? 600 : 5'000));
  Load load;
  load.checks = monitor.counters().ok - before;
  load.seconds = duration<double>(Clock::now() - start).count();
  load.cpu_seconds = thread_seconds() - cpu;
  const HealthCounters& counters = monitor.counters();
  prove(load.checks > 0, "checks were made");
  prove(counters.failed + counters.refused + counters.internal == 0, "every check of a good server is good");
  return load;
}

void measure_load(Report& report, const Options& options, const char* name, HealthType type,
                  size_t backends) {
  Row row;
  row.test_case = std::string("load ") + name;
  row.flows = backends;
  if (!report.wants(row)) return;
  const int rounds = options.quick ? 1 : 3;
  std::vector<double> ticks;
  double share = 1;
  for (int i = 0; i < rounds; ++i) {
    const Load load = run_load(type, backends, options.quick);
    const double each = load.cpu_seconds / static_cast<double>(load.checks);
    ticks.push_back(each * tsc_ghz() * 1e9);
    share = std::min(share, each * static_cast<double>(backends));
  }
  std::ranges::sort(ticks);
  row.ours = {ticks.front(), ticks[ticks.size() / 2], core_ghz()};
  row.extra = {{"backends", static_cast<double>(backends)},
               {"us_min", ticks.front() / tsc_ghz() / 1e3},
               {"core_share_once_a_second", share}};
  report.add(row);
}

// ---- notice

double quantile(std::vector<double> sorted, double q) {
  std::ranges::sort(sorted);
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(q * static_cast<double>(sorted.size())))];
}

class Notice {
 public:
  Notice(size_t backends, Fault fault)
      : fault_(fault),
        peers_(backends),
        monitor_(
            io_.get_executor(), [this](const HealthChange& change) { heard(change); }, kSeed),
        failed_at_(backends),
        random_(kSeed) {
    std::vector<HealthTarget> targets;
    for (size_t i = 0; i < backends; ++i) {
      targets.push_back(target_of(HealthType::http, i, peers_));
      targets.back().config.interval = milliseconds(100);
      targets.back().config.timeout = milliseconds(40);
    }
    monitor_.set_targets(std::move(targets));
  }

  // Milliseconds from a server's fault to the word, of each backend.
  std::vector<double> run(milliseconds over) {
    io_.run_for(milliseconds(1'500));
    prove(up_ == failed_at_.size(), "all are up at first");
    std::vector<std::unique_ptr<asio::steady_timer>> timers;
    for (size_t i = 0; i < failed_at_.size(); ++i) {
      const auto when = std::chrono::microseconds(random_() % static_cast<uint64_t>(over.count() * 1'000));
      timers.push_back(std::make_unique<asio::steady_timer>(io_, when));
      timers.back()->async_wait([this, i](const boost::system::error_code&) {
        failed_at_[i] = Clock::now();
        peers_.fail(i, fault_);
      });
    }
    io_.run_for(over + milliseconds(2'000));
    prove(noticed_.size() == failed_at_.size(), "each that fails is noticed once, and no other");
    return noticed_;
  }

 private:
  void heard(const HealthChange& change) {
    const size_t index = std::stoul(change.backend.substr(1));
    if (change.to == HealthState::up) {
      ++up_;
    } else if (failed_at_[index] != Clock::time_point()) {
      noticed_.push_back(duration<double, std::milli>(Clock::now() - failed_at_[index]).count());
    } else {
      prove(false, "nobody is said to be down that isn't");
    }
  }

  Fault fault_;
  HealthPeers peers_;
  asio::io_context io_{1};
  HealthMonitor monitor_;
  std::vector<Clock::time_point> failed_at_;
  std::vector<double> noticed_;
  std::mt19937_64 random_;
  size_t up_ = 0;
};

void measure_notice(Report& report, const Options& options, const char* name, Fault fault, size_t backends) {
  Row row;
  row.test_case = std::string("notice ") + name;
  row.flows = backends;
  if (!report.wants(row)) return;
  const double cpu = thread_seconds();
  const Clock::time_point start = Clock::now();
  Notice notice(backends, fault);
  const std::vector<double> ms = notice.run(milliseconds(options.quick ? 300 : 5'000));
  const double share = (thread_seconds() - cpu) / duration<double>(Clock::now() - start).count();
  const double ticks = tsc_ghz() * 1e6;
  row.ours = {quantile(ms, 0) * ticks, quantile(ms, 0.5) * ticks, core_ghz()};
  row.extra = {{"backends", static_cast<double>(backends)},
               {"ms_p50", quantile(ms, 0.5)},
               {"ms_p99", quantile(ms, 0.99)},
               {"ms_most", quantile(ms, 1)},
               {"core_share", share}};
  report.add(row);
}

int run(int argc, char** argv) {
  const Options options = read_options(
      argc, argv, "Health checks: their cost, and the time to notice. --max-flows is the most backends.");
  Report report("health", options);
  const size_t load = options.sizes({1'024}, {64}).front();
  const std::pair<const char*, HealthType> types[] = {{"tcp", HealthType::tcp},
                                                      {"http", HealthType::http},
                                                      {"https", HealthType::https},
                                                      {"udp", HealthType::udp}};
  for (const auto& [name, type] : types)
    measure_load(report, options, name, type, load);
  const size_t watched = options.sizes({256}, {16}).front();
  measure_notice(report, options, "refused", Fault::refuses, watched);
  measure_notice(report, options, "mute", Fault::mute, watched);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
