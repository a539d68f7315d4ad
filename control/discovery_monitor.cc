#include "control/discovery_monitor.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "control/discovery_guard.h"
#include "control/discovery_memory.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kNewsBytes = 100;
constexpr int kRestFactor = 5;  // listeners get at most a fifth of the thread

bool same_backend(const BackendConfig& a, const BackendConfig& b) {
  return a.name == b.name && a.address == b.address && a.port == b.port && a.weight == b.weight &&
         a.admin == b.admin;
}

// An order of our own: sources may change theirs, which is no news.
void sort_by_address(std::vector<BackendConfig>& backends) {
  std::ranges::sort(backends, {}, [](const BackendConfig& backend) {
    return std::tie(backend.address, backend.port, backend.name);
  });
}

bool same_backends(const std::vector<BackendConfig>& a, const std::vector<BackendConfig>& b) {
  return std::ranges::equal(a, b, same_backend);
}

std::string counted(size_t number) {
  return std::to_string(number) + (number == 1 ? " backend" : " backends");
}

// "2 new, 1 gone: 9 backends"
std::string difference(const std::vector<BackendConfig>& before, const std::vector<BackendConfig>& after) {
  const auto key = [](const BackendConfig& backend) { return std::pair(backend.address, backend.port); };
  std::map<std::pair<IpAddress, uint16_t>, const BackendConfig*> old;
  for (const BackendConfig& backend : before)
    old.emplace(key(backend), &backend);
  size_t added = 0;
  size_t altered = 0;
  for (const BackendConfig& backend : after) {
    const auto found = old.find(key(backend));
    if (found == old.end()) {
      ++added;
      continue;
    }
    if (!same_backend(*found->second, backend)) ++altered;
    old.erase(found);
  }
  std::string text;
  for (const auto& [number, what] :
       {std::pair(added, " new"), std::pair(old.size(), " gone"), std::pair(altered, " altered")}) {
    if (number > 0) text += (text.empty() ? "" : ", ") + std::to_string(number) + what;
  }
  return text + ": " + counted(after.size());
}

std::string held_text(const GuardedAnswer& guarded, double max_change) {
  const auto percent = [](double share) {
    return std::to_string(static_cast<int>(share * 100 + 0.5)) + " %";
  };
  return "the answer takes away " + std::to_string(guarded.removed) + " of " + counted(guarded.usable) +
         " (" + percent(static_cast<double>(guarded.removed) / static_cast<double>(guarded.usable)) +
         "), and max_change is " + percent(max_change) + ": they stay";
}

}  // namespace

struct DiscoveryMonitor::Pool {
  std::string name;
  DiscoveryConfig config;
  std::unique_ptr<DiscoverySource> source;
  std::vector<BackendConfig> accepted;  // the last answer that was followed
  std::vector<BackendConfig> use;       // it, and what a held answer added
  std::optional<DiscoveryAnswer> last;  // of this source, since it was started
  bool failing = false;                 // its last try
  bool remembered = false;              // `accepted` is from before a restart
  bool unguarded = true;                // the next answer is the first one of its source
  bool unsaved = false;
  std::string skips_said;  // the skipped entries of the last event about them
  DiscoveryStatus status;
};

// Sources' callbacks hold it weakly: they may come a turn after the monitor is gone.
struct DiscoveryMonitor::Core : std::enable_shared_from_this<DiscoveryMonitor::Core> {
  Core(asio::any_io_executor where, const std::string& state_dir, Hooks what)
      : executor(std::move(where)),
        hooks(std::move(what)),
        memory(state_dir),
        change_timer(executor),
        save_timer(executor) {}

  void add(const std::string& name, const DiscoveryConfig& config);
  void recall(Pool& pool);
  void begin(Pool& pool);
  void on_answer(const std::string& name, const DiscoverySource* from, Result<DiscoveryAnswer> answer);
  void failed(Pool& pool, const Error& error);
  void judge(Pool& pool);
  void say_skipped(Pool& pool);
  void set_use(Pool& pool, std::vector<BackendConfig> use);
  void changed(const std::string& pool, const std::string& what);
  void say_changed();
  void save_soon(Pool& pool);
  void save_all();
  void event(const std::string& kind, const Pool& pool, const std::string& text) {
    if (!stopped && hooks.on_event) hooks.on_event(kind, pool.name, text);
  }

  asio::any_io_executor executor;
  Hooks hooks;
  DiscoveryMemory memory;
  std::map<std::string, Pool> pools;
  asio::steady_timer change_timer;
  bool change_pending = false;
  std::string news;      // what the pending change is about
  size_t news_more = 0;  // changes that aren't in `news`
  Clock::time_point quiet_until;
  asio::steady_timer save_timer;
  bool save_pending = false;
  bool stopped = false;
};

void DiscoveryMonitor::Core::add(const std::string& name, const DiscoveryConfig& config) {
  Pool& pool = pools[name];
  pool.name = name;
  pool.config = config;
  pool.status.pool = name;
  pool.status.source = discovery_text(config);
  recall(pool);
  begin(pool);
}

void DiscoveryMonitor::Core::recall(Pool& pool) {
  auto loaded = memory.load(pool.name);
  if (!loaded) return event("discovery.forgotten", pool, loaded.error().text());
  if (!loaded.value() || loaded.value()->source != pool.status.source) return;
  RememberedAnswer& answer = *loaded.value();
  sort_by_address(answer.backends);
  pool.accepted = answer.backends;
  pool.remembered = true;
  pool.unguarded = pool.accepted.empty();
  pool.status.answered_at = answer.at;
  pool.status.state = DiscoveryState::stale;
  pool.status.reason = "from before the start; there is no newer answer yet";
  event("discovery.stale", pool, counted(pool.accepted.size()) + " " + pool.status.reason);
  set_use(pool, pool.accepted);
}

void DiscoveryMonitor::Core::begin(Pool& pool) {
  pool.source = hooks.make(executor, pool.config);
  pool.source->start(
      [weak = weak_from_this(), name = pool.name, from = pool.source.get()](Result<DiscoveryAnswer> answer) {
        const auto self = weak.lock();
        if (self && !self->stopped) self->on_answer(name, from, std::move(answer));
      });
}

void DiscoveryMonitor::Core::on_answer(const std::string& name, const DiscoverySource* from,
                                       Result<DiscoveryAnswer> answer) {
  const auto found = pools.find(name);
  if (found == pools.end() || found->second.source.get() != from) return;
  Pool& pool = found->second;
  if (!answer) return failed(pool, answer.error());
  const bool was_stale = pool.status.state == DiscoveryState::stale;
  pool.failing = false;
  ++pool.status.answers;
  pool.status.answered_at = hooks.now();
  pool.last = answer.take();
  sort_by_address(pool.last->backends);
  say_skipped(pool);
  if (was_stale)
    event("discovery.back", pool, pool.status.source + " answers: " + counted(pool.last->backends.size()));
  judge(pool);
  if (pool.status.state == DiscoveryState::held) ++pool.status.holds;
}

void DiscoveryMonitor::Core::failed(Pool& pool, const Error& error) {
  ++pool.status.failures;
  pool.failing = true;
  pool.status.reason = error.text();
  if (pool.status.state == DiscoveryState::stale && !pool.remembered) return;
  pool.remembered = false;  // said from here on by the failure itself
  pool.status.state = DiscoveryState::stale;
  event("discovery.stale", pool, error.text() + "; " + counted(pool.use.size()) + " stay");
}

// Follows the last answer, or as much of it as the guard lets through.
void DiscoveryMonitor::Core::judge(Pool& pool) {
  const double most = pool.unguarded ? 1 : pool.config.max_change;
  GuardedAnswer guarded = guard_answer(pool.accepted, pool.last->backends, most);
  const std::string reason = guarded.held ? held_text(guarded, most) : "";
  const bool said = pool.status.state == DiscoveryState::held && pool.status.reason == reason;
  pool.remembered = false;
  pool.status.state = guarded.held ? DiscoveryState::held : DiscoveryState::fresh;
  pool.status.reason = reason;
  if (guarded.held) {
    if (!said) event("discovery.held", pool, reason);
  } else {
    const bool other = pool.unguarded || !same_backends(pool.accepted, guarded.use);
    pool.unguarded = false;
    pool.accepted = guarded.use;
    if (other) save_soon(pool);
  }
  sort_by_address(guarded.use);
  set_use(pool, std::move(guarded.use));
}

void DiscoveryMonitor::Core::say_skipped(Pool& pool) {
  pool.status.skipped = pool.last->skipped;
  pool.status.skipped_count = pool.last->skipped_count;
  std::string all = std::to_string(pool.last->skipped_count);
  for (const std::string& why : pool.last->skipped)
    all += "\n" + why;
  if (pool.last->skipped_count > 0 && all != pool.skips_said) {
    event("discovery.skipped", pool,
          std::to_string(pool.last->skipped_count) + " skipped, the first: " + pool.last->skipped.front());
  }
  pool.skips_said = std::move(all);
}

void DiscoveryMonitor::Core::set_use(Pool& pool, std::vector<BackendConfig> use) {
  if (same_backends(pool.use, use)) return;
  const std::string what = difference(pool.use, use);
  if (!pool.remembered) event("discovery.changed", pool, what);
  ++pool.status.changes;
  pool.use = std::move(use);
  changed(pool.name, what);
}

void DiscoveryMonitor::Core::changed(const std::string& pool, const std::string& what) {
  if (news.size() < kNewsBytes) {
    news += (news.empty() ? "" : "; ") + pool + ": " + what;
  } else {
    ++news_more;
  }
  if (change_pending || stopped) return;
  change_pending = true;
  change_timer.expires_at(std::max(quiet_until, Clock::now()));
  change_timer.async_wait([weak = weak_from_this()](const auto& error) {
    const auto self = weak.lock();
    if (!error && self && !self->stopped) self->say_changed();
  });
}

void DiscoveryMonitor::Core::say_changed() {
  change_pending = false;
  const auto begun = Clock::now();
  std::string what = std::exchange(news, {});
  if (const size_t more = std::exchange(news_more, 0); more > 0)
    what += "; " + std::to_string(more) + " more";
  if (hooks.on_change) hooks.on_change(what);
  const auto took = Clock::now() - begun;
  quiet_until = begun + std::max<Clock::duration>(kChangeGap, kRestFactor * took);
}

void DiscoveryMonitor::Core::save_soon(Pool& pool) {
  pool.unsaved = true;
  if (save_pending || stopped) return;
  save_pending = true;
  save_timer.expires_after(kChangeGap);
  save_timer.async_wait([weak = weak_from_this()](const auto& error) {
    const auto self = weak.lock();
    if (!error && self && !self->stopped) self->save_all();
  });
}

void DiscoveryMonitor::Core::save_all() {
  save_pending = false;
  for (auto& [name, pool] : pools) {
    if (!pool.unsaved) continue;
    pool.unsaved = false;
    const auto saved = memory.save(name, {pool.status.source, pool.status.answered_at, pool.accepted});
    if (!saved) event("discovery.unsaved", pool, saved.error().text());
  }
}

DiscoveryMonitor::DiscoveryMonitor(asio::any_io_executor executor, const std::string& state_dir, Hooks hooks)
    : core_(std::make_shared<Core>(std::move(executor), state_dir, std::move(hooks))) {
  if (!core_->hooks.make) core_->hooks.make = make_discovery_source;
  if (!core_->hooks.now) core_->hooks.now = [] { return std::chrono::system_clock::now(); };
}

DiscoveryMonitor::~DiscoveryMonitor() {
  stop();
}

void DiscoveryMonitor::set_sources(const Config& config) {
  Core& core = *core_;
  if (core.stopped) return;
  std::set<std::string> wanted;
  for (const PoolConfig& pool : config.pools) {
    if (!pool.discovery) continue;
    wanted.insert(pool.name);
    const auto found = core.pools.find(pool.name);
    if (found == core.pools.end()) {
      core.add(pool.name, *pool.discovery);
      continue;
    }
    Pool& known = found->second;
    const bool same = known.config.same_source(*pool.discovery);
    const bool judge_again =
        same && known.config.max_change != pool.discovery->max_change && known.last && !known.failing;
    known.config = *pool.discovery;
    if (judge_again) core.judge(known);
    if (same) continue;
    known.unguarded = known.unguarded || known.status.source != discovery_text(known.config);
    known.status.source = discovery_text(known.config);
    known.last.reset();
    core.begin(known);
  }
  for (auto at = core.pools.begin(); at != core.pools.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    core.memory.forget(at->first);
    core.changed(at->first, "no discovery any more");
    at = core.pools.erase(at);
  }
}

Discovered DiscoveryMonitor::discovered() const {
  Discovered found;
  for (const auto& [name, pool] : core_->pools)
    found.emplace(name, pool.use);
  return found;
}

std::vector<DiscoveryStatus> DiscoveryMonitor::statuses() const {
  std::vector<DiscoveryStatus> all;
  for (const auto& [name, pool] : core_->pools) {
    DiscoveryStatus& status = all.emplace_back(pool.status);
    status.backends = pool.use.size();
    if (status.answered_at != WallTime{}) {
      status.age =
          std::max(std::chrono::seconds(0),
                   std::chrono::duration_cast<std::chrono::seconds>(core_->hooks.now() - status.answered_at));
    }
  }
  return all;
}

bool DiscoveryMonitor::accept(const std::string& pool) {
  const auto found = core_->pools.find(pool);
  if (found == core_->pools.end() || !found->second.last ||
      found->second.status.state != DiscoveryState::held)
    return false;
  found->second.unguarded = true;
  core_->judge(found->second);
  return true;
}

void DiscoveryMonitor::stop() {
  if (core_->stopped) return;
  core_->save_all();
  core_->stopped = true;
  core_->change_timer.cancel();
  core_->save_timer.cancel();
  core_->pools.clear();
}

}  // namespace shunt
