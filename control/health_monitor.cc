#include "control/health_monitor.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control/flap_damping.h"
#include "control/health_schedule.h"

namespace shunt {

namespace asio = boost::asio;

using Clock = HealthSchedule::Clock;

// Coroutines hold the core and their watch, never the monitor, so they may outlive it by one turn of the
// executor.
struct HealthMonitor::Core {
  asio::any_io_executor executor;
  std::function<void(const HealthChange&)> on_change;
  HealthSchedule::Random random;
  HealthCounters counters;
  std::shared_ptr<TlsContexts> contexts = std::make_shared<TlsContexts>();
  bool stopped = false;

  asio::awaitable<void> watch(std::shared_ptr<Core> self, std::shared_ptr<Watch> watch);
  asio::awaitable<void> step(Watch& watch);
  void record(Watch& watch, const HealthResult& result);
  void count(const HealthResult& result);
  void tell(const HealthChange& change);
};

struct HealthMonitor::Watch {
  HealthTarget target;
  HealthTracker tracker;
  FlapDamping damping;
  HealthSchedule schedule;
  asio::steady_timer timer;
  HealthStatus status;
  std::shared_ptr<HealthCheck> check;
  bool stopped = false;

  Watch(HealthTarget what, const HealthStatus& start, HealthSchedule when,
        const asio::any_io_executor& executor)
      : target(std::move(what)),
        tracker(target.config.rise, target.config.fall, start.state),
        damping(target.damping),
        schedule(when),
        timer(executor),
        status(start) {}

  Clock::duration interval() const {
    const milliseconds usual = target.config.interval;
    return status.state == HealthState::down ? target.config.down_interval.value_or(usual) : usual;
  }

  void stop() {
    stopped = true;
    timer.cancel();
    if (check) check->cancel();
  }
};

namespace {

// A backend that was just added has a result within the first of these; when many are added at once the
// second keeps their connects (and file descriptors) from coming all together.
constexpr auto kFirstCheckWithin = std::chrono::milliseconds(100);
constexpr auto kFirstCheckApart = std::chrono::milliseconds(1);

uint64_t monotonic_ns() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

}  // namespace

asio::awaitable<void> HealthMonitor::Core::watch(std::shared_ptr<Core> self, std::shared_ptr<Watch> watch) {
  while (!watch->stopped) {
    try {
      co_await step(*watch);
    } catch (...) {  // out of memory; the backend isn't to blame, and its checks must go on
      ++self->counters.internal;
      self->counters.missed += watch->schedule.advance(Clock::now(), self->random);
    }
  }
}

asio::awaitable<void> HealthMonitor::Core::step(Watch& watch) {
  watch.timer.expires_at(watch.schedule.due());
  co_await watch.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (watch.stopped) co_return;
  watch.check = std::make_shared<HealthCheck>(executor, watch.target, contexts);
  const HealthResult result = co_await watch.check->run();
  watch.check.reset();
  if (watch.stopped) co_return;
  record(watch, result);
  if (!watch.stopped) counters.missed += watch.schedule.advance(Clock::now(), random);
}

void HealthMonitor::Core::record(Watch& watch, const HealthResult& result) {
  count(result);
  HealthStatus& status = watch.status;
  status.last_reason = result.reason;
  if (result.outcome == HealthOutcome::internal) return;
  ++(result.ok() ? status.successes : status.failures);
  status.last_duration = std::chrono::round<milliseconds>(result.duration);
  status.total_duration += result.duration;
  const Clock::time_point now = Clock::now();
  const auto left = watch.tracker.record(result.ok());
  status.consecutive = watch.tracker.consecutive();
  if (left && watch.tracker.state() == HealthState::down) watch.damping.went_down(now);
  HealthChange change;
  change.from = status.state;
  change.reason = result.reason + ", " + std::to_string(status.consecutive) + " in a row";
  // Held: down already, or one that was never up since it began to flap.
  const bool held = watch.tracker.state() == HealthState::up && watch.damping.holds(now);
  if (held) status.last_reason += ", " + watch.damping.reason(now);
  status.held = held;
  status.state = held ? HealthState::down : watch.tracker.state();
  const double share = result.ok() ? result.share : status.share;  // a bad check says nothing of the share
  if (status.state == change.from && status.share == share) return;
  if (status.state != change.from) status.since_ns = monotonic_ns();
  status.share = share;
  watch.schedule.set_interval(watch.interval());
  change.pool = watch.target.pool;
  change.backend = watch.target.backend;
  change.to = status.state;
  change.share = share;
  tell(change);
}

void HealthMonitor::Core::count(const HealthResult& result) {
  switch (result.outcome) {
    case HealthOutcome::ok:
      ++counters.ok;
      break;
    case HealthOutcome::failed:
      ++counters.failed;
      break;
    case HealthOutcome::refused:
      ++counters.refused;
      break;
    case HealthOutcome::timed_out:
      ++counters.timed_out;
      break;
    case HealthOutcome::internal:
    case HealthOutcome::cancelled:
      ++counters.internal;
      return;
  }
  ++counters.duration_count;
  counters.duration_sum += result.duration;
}

void HealthMonitor::Core::tell(const HealthChange& change) {
  if (stopped || !on_change) return;
  try {
    on_change(change);
  } catch (...) {  // a listener's fault must not end the checks
    ++counters.internal;
  }
}

HealthMonitor::HealthMonitor(asio::any_io_executor executor,
                             std::function<void(const HealthChange&)> on_change, uint64_t seed)
    : core_(std::make_shared<Core>()) {
  core_->executor = std::move(executor);
  core_->on_change = std::move(on_change);
  core_->random.seed(seed);
}

HealthMonitor::~HealthMonitor() {
  stop();
}

void HealthMonitor::set_targets(std::vector<HealthTarget> targets) {
  if (core_->stopped) return;
  std::map<Key, std::shared_ptr<Watch>> wanted;
  std::map<Key, HealthTarget> fresh;
  for (HealthTarget& target : targets) {
    Key key(target.pool, target.backend);
    if (wanted.contains(key) || fresh.contains(key)) continue;
    const auto running = watches_.find(key);
    if (running != watches_.end() && running->second->target == target) {
      wanted.emplace(std::move(key), running->second);
    } else {
      fresh.emplace(std::move(key), std::move(target));
    }
  }
  const auto first_within = std::max<Clock::duration>(kFirstCheckWithin, fresh.size() * kFirstCheckApart);
  for (auto& [key, target] : fresh) {
    wanted.emplace(key, make_watch(std::move(target), first_within));
  }
  watches_.swap(wanted);
  for (const auto& [key, watch] : wanted) {
    const auto kept = watches_.find(key);
    if (kept == watches_.end() || kept->second != watch) watch->stop();
  }
  for (const auto& [key, target] : fresh) {
    asio::co_spawn(core_->executor, core_->watch(core_, watches_.at(key)), asio::detached);
  }
}

std::shared_ptr<HealthMonitor::Watch> HealthMonitor::make_watch(HealthTarget target,
                                                                Clock::duration first_within) const {
  HealthStatus start;
  start.since_ns = monotonic_ns();
  const auto before = watches_.find(Key(target.pool, target.backend));
  if (before != watches_.end() && before->second->target.address == target.address) {
    start.state = before->second->status.state;
    start.since_ns = before->second->status.since_ns;
    start.last_reason = before->second->status.last_reason;
    start.share = before->second->status.share;
  }
  const HealthSchedule schedule(target.config.interval, target.config.jitter, first_within, Clock::now(),
                                core_->random);
  auto watch = std::make_shared<Watch>(std::move(target), start, schedule, core_->executor);
  if (before != watches_.end() && before->second->target.damping == watch->target.damping)
    watch->damping = before->second->damping;
  return watch;
}

std::optional<HealthStatus> HealthMonitor::status(std::string_view pool, std::string_view backend) const {
  const auto found = watches_.find(Key(pool, backend));
  if (found == watches_.end()) return std::nullopt;
  return found->second->status;
}

std::vector<HealthEntry> HealthMonitor::statuses() const {
  std::vector<HealthEntry> entries;
  entries.reserve(watches_.size());
  for (const auto& [key, watch] : watches_) {
    entries.push_back({key.first, key.second, watch->status});
  }
  return entries;
}

const HealthCounters& HealthMonitor::counters() const {
  return core_->counters;
}

void HealthMonitor::stop() {
  core_->stopped = true;
  for (const auto& [key, watch] : watches_) {
    watch->stop();
  }
  watches_.clear();
}

}  // namespace shunt
