#include "tests/traffic/traffic_run.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "tests/tools/stop_signals.h"
#include "tests/traffic/arrivals.h"
#include "tests/traffic/sender.h"
#include "tests/traffic/traffic_report.h"

namespace shunt {
namespace {

constexpr unsigned kBeginsPerTurn = 64;  // then answers are looked at, however late the next ones are
constexpr uint64_t kAfterInterruptNs =
    kNsPerSecond;  // for what is under way; a second signal ends it at once
constexpr uint64_t kMaxPlan = 10'000'000;

class TrafficRun {
 public:
  TrafficRun(const TrafficOptions& options, const RateCurve* curve)
      : options_(options),
        interrupts_(poller_),
        tally_(monotonic_ns()),
        sender_(options.udp ? make_udp_sender({options, poller_, timers_, tally_})
                            : make_tcp_sender({options, poller_, timers_, tally_})) {
    if (curve == nullptr) return;
    planned_s_ = curve->seconds();
    arrivals_.emplace(*curve, options.profile.poisson, options.profile.seed);
    next_ns_ = arrivals_->next();
  }

  int run() {
    for (;;) {
      const uint64_t now_ns = monotonic_ns();
      timers_.run(now_ns);
      if (!interrupts_.asked()) begin_due(now_ns);
      show_seconds(now_ns);
      if (is_over(now_ns)) break;
      poller_.wait_until(wait_until());
    }
    return finish();
  }

 private:
  uint64_t end_by_ns() const {
    return interrupts_.first_ns() + (interrupts_.asked_again() ? 0 : kAfterInterruptNs);
  }
  void begin_due(uint64_t now_ns) {
    if (!arrivals_) return begin_closed();
    for (unsigned i = 0; i < kBeginsPerTurn && next_ns_; ++i) {
      const uint64_t intended_ns = tally_.start_ns() + *next_ns_;
      if (intended_ns > now_ns) return;
      now_ns = monotonic_ns();
      tally_.offer(intended_ns);
      if (sender_->under_way() < options_.max_open) {
        sender_->begin({intended_ns, now_ns});
      } else {
        tally_.end({intended_ns, now_ns}, Outcome::not_begun, {}, now_ns);
      }
      next_ns_ = arrivals_->next();
    }
  }

  // As soon as one ends the next begins. One that fails at once isn't repeated in the same turn.
  void begin_closed() {
    for (unsigned i = 0; i < options_.concurrent; ++i) {
      if (tally_.offered() == options_.requests || sender_->under_way() >= options_.concurrent) return;
      const uint64_t now_ns = monotonic_ns();
      tally_.offer(now_ns);
      sender_->begin({now_ns, now_ns});
    }
  }

  bool all_begun() const {
    if (interrupts_.asked()) return true;
    return arrivals_ ? !next_ns_ : tally_.offered() == options_.requests;
  }

  bool is_over(uint64_t now_ns) const {
    if (interrupts_.asked() && now_ns >= end_by_ns()) return true;
    return all_begun() && sender_->under_way() == 0;
  }

  uint64_t wait_until() const {
    uint64_t until_ns = tally_.start_ns() + (shown_ + 1) * kNsPerSecond;
    if (const auto timer_ns = timers_.next_ns()) until_ns = std::min(until_ns, *timer_ns);
    if (interrupts_.asked()) return std::min(until_ns, end_by_ns());
    if (next_ns_) return std::min(until_ns, tally_.start_ns() + *next_ns_);
    const bool wants_more = !arrivals_ && tally_.offered() < options_.requests;
    return wants_more && sender_->under_way() < options_.concurrent ? 0 : until_ns;
  }

  void show_seconds(uint64_t now_ns) {
    const size_t closed = tally_.close_seconds(now_ns, sender_->under_way());
    for (; shown_ < closed; ++shown_) {
      if (!options_.quiet)
        std::fprintf(stderr, "%s\n", second_line(shown_, tally_.seconds()[shown_]).c_str());
    }
  }

  int finish() {
    const uint64_t now_ns = monotonic_ns();
    sender_->end_all(now_ns);
    tally_.close_last(now_ns, 0);
    const double elapsed_s = to_seconds(now_ns - tally_.start_ns());
    const TrafficEnd end{now_ns, arrivals_ ? std::min(elapsed_s, planned_s_) : elapsed_s,
                         interrupts_.asked()};
    std::fputs(report_words(options_, tally_, end).c_str(), options_.json ? stderr : stdout);
    if (options_.json) std::printf("%s\n", report_json(options_, tally_, end).c_str());
    if (!options_.csv.empty()) {
      const auto written = write_seconds_csv(options_.csv, tally_);
      if (!written) {
        std::fprintf(stderr, "shunt-traffic: %s\n", written.error().text().c_str());
        return 2;
      }
    }
    return tally_.failed() > options_.max_failed ? 1 : 0;
  }

  const TrafficOptions& options_;
  Poller poller_;
  StopSignals interrupts_;  // no more requests begin
  Timers timers_;
  TrafficTally tally_;
  std::unique_ptr<Sender> sender_;
  std::optional<Arrivals> arrivals_;  // open loop
  std::optional<uint64_t> next_ns_;   // from the start
  double planned_s_ = 0;
  size_t shown_ = 0;
};

int complain(const Error& error) {
  std::fprintf(stderr, "shunt-traffic: %s\n", error.text().c_str());
  return 2;
}

}  // namespace

int run_traffic(const TrafficOptions& options) {
  raise_file_limit();
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  std::setvbuf(stderr, nullptr, _IOLBF, 1024);
  RateCurve curve;
  if (!options.is_closed_loop()) {
    auto made = curve_of(options.profile);
    if (!made) return complain(made.error());
    curve = made.take();
  }
  TrafficRun run(options, options.is_closed_loop() ? nullptr : &curve);
  return run.run();
}

int print_plan(const TrafficOptions& options) {
  const auto curve = curve_of(options.profile);
  if (!curve) return complain(curve.error());
  if (curve.value().total() > static_cast<double>(kMaxPlan))
    return complain({"--plan", "more than 10 million requests"});
  Arrivals arrivals(curve.value(), options.profile.poisson, options.profile.seed);
  std::printf("at_s\n");
  while (const auto at_ns = arrivals.next())
    std::printf("%.9f\n", to_seconds(*at_ns));
  return 0;
}

}  // namespace shunt
