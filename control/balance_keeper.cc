#include "control/balance_keeper.h"

#include <algorithm>
#include <set>

#include "control/pool_choice.h"

namespace shunt {
namespace {

// Where a backend with this number is counted.
struct Rows {
  std::vector<uint32_t> now;
  std::vector<uint32_t> before;
};

void add_row(std::vector<uint32_t>& to, const PairRange& range, uint16_t number) {
  if (number < range.capacity) to.push_back(range.first + number);
}

Rows rows_of(const Registry& registry, const std::string& pool, uint16_t number) {
  Rows rows;
  for (const auto& [key, service] : registry.services()) {
    for (const PoolPosition& position : service.positions) {
      if (position.pool != pool) continue;
      add_row(rows.now, position.pairs, number);
      for (const PairRange& range : position.before)
        add_row(rows.before, range, number);
    }
  }
  return rows;
}

std::set<std::string> pools_by_load(const Registry& registry) {
  std::set<std::string> pools;
  for (const auto& [key, service] : registry.services()) {
    if (!goes_by_load(service.config.scheduler)) continue;
    pools.insert(service.config.pool);
    if (!service.config.backup_pool.empty()) pools.insert(service.config.backup_pool);
  }
  for (const auto& [name, pool] : registry.pools()) {
    if (has_limits(pool)) pools.insert(name);
  }
  return pools;
}

int64_t sum_of(std::span<const uint32_t> rows, std::span<const WorkerState* const> workers) {
  int64_t flows = 0;
  for (const WorkerState* worker : workers) {
    for (const uint32_t row : rows)
      flows += worker->pairs[row].live();
  }
  return flows;
}

// Of those that are known; 0: nobody is.
double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

int64_t live_flows(const Registry& registry, const std::string& pool, uint16_t number,
                   std::span<const WorkerState* const> workers) {
  const Rows rows = rows_of(registry, pool, number);
  return sum_of(rows.now, workers) + sum_of(rows.before, workers);
}

void BalanceKeeper::set_plan(const Registry& registry) {
  loaded_.clear();
  for (const std::string& name : pools_by_load(registry)) {
    for (const auto& backend : registry.pools().at(name).backends) {
      if (!backend || !backend->is_active()) continue;
      Rows rows = rows_of(registry, name, backend->number);
      loaded_.push_back({std::move(rows.now), std::move(rows.before)});
    }
  }
  std::map<uint32_t, Measured> known;
  for (Measured& backend : measured_)
    known.emplace(backend.who.row, std::move(backend));
  measured_.clear();
  for (const auto& [key, service] : registry.services()) {
    if (service.config.scheduler != Scheduler::least_response_time) continue;
    for (const PoolPosition& position : service.positions) {
      if (position.pool.empty() || position.departure.presence != Presence::active) continue;
      for (const auto& backend : registry.pools().at(position.pool).backends) {
        if (!backend || !backend->is_active()) continue;
        Measured fresh;
        fresh.who = {service.id, position.pairs.first + backend->number, backend->config.address,
                     backend->config.port};
        const auto before = known.find(fresh.who.row);
        const bool is_same = before != known.end() && before->second.who == fresh.who;
        measured_.push_back(is_same ? before->second : fresh);
      }
    }
  }
}

void BalanceKeeper::tick(std::span<const WorkerState* const> workers, uint64_t now_ns) {
  size_t rows = 0;
  for (size_t i = 0; i < loaded_.size() && rows < kRowsAtOnce; ++i) {
    next_ = next_ + 1 < loaded_.size() ? next_ + 1 : 0;
    rows += (loaded_[next_].rows.size() + loaded_[next_].before.size()) * workers.size();
    sum_up(loaded_[next_], workers);
  }
  if (now_ns - timed_ns_ < kTimeEveryNs) return;
  timed_ns_ = now_ns;
  for (size_t first = 0; first < measured_.size();) {
    size_t last = first;
    for (; last < measured_.size() && measured_[last].who.service == measured_[first].who.service; ++last)
      measure(measured_[last], workers, now_ns);
    tell_times(std::span(measured_).subspan(first, last - first), workers);
    first = last;
  }
}

// Read once each, so that what a worker is told and what it counts itself make up one sum.
void BalanceKeeper::sum_up(const Loaded& backend, std::span<const WorkerState* const> workers) {
  std::vector<int64_t> own;
  int64_t all = sum_of(backend.before, workers);
  for (const WorkerState* worker : workers) {
    for (const uint32_t row : backend.rows) {
      own.push_back(worker->pairs[row].live());
      all += own.back();
    }
  }
  auto its = own.begin();
  for (const WorkerState* worker : workers) {
    for (const uint32_t row : backend.rows) {
      const int64_t elsewhere = std::clamp<int64_t>(all - *its++, INT32_MIN, INT32_MAX);
      if (!worker->hints.empty())
        worker->hints[row].elsewhere.store(static_cast<int32_t>(elsewhere), std::memory_order_relaxed);
    }
  }
}

void BalanceKeeper::measure(Measured& backend, std::span<const WorkerState* const> workers, uint64_t now_ns) {
  uint64_t count[2] = {};
  uint64_t sum[2] = {};
  for (const WorkerState* worker : workers) {
    const PairLatency* const row = worker->telemetry.latency_row(backend.who.row);
    if (row == nullptr) return;
    const Histogram* const histograms[] = {&row->connect_us, &row->response_us};
    for (size_t i = 0; i < 2; ++i) {
      count[i] += histograms[i]->count();
      sum[i] += histograms[i]->sum();
    }
  }
  for (size_t i = 0; i < 2; ++i) {
    if (count[i] > backend.count[i] && backend.at_ns[i] != 0) {
      const uint64_t values = count[i] - backend.count[i];
      const double after_s = static_cast<double>(now_ns - backend.at_ns[i]) / 1e9;
      backend.time[i].add(values, static_cast<double>(sum[i] - backend.sum[i]) / static_cast<double>(values),
                          after_s);
    }
    if (count[i] != backend.count[i] || backend.at_ns[i] == 0) backend.at_ns[i] = now_ns;
    backend.count[i] = count[i];
    backend.sum[i] = sum[i];
  }
}

void BalanceKeeper::tell_times(std::span<Measured> service, std::span<const WorkerState* const> workers) {
  double medians[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    std::vector<double> known;
    for (const Measured& backend : service) {
      if (const auto value = backend.time[i].value()) known.push_back(*value);
    }
    medians[i] = median_of(std::move(known));
  }
  for (const Measured& backend : service) {
    const double time =
        backend.time[0].value().value_or(medians[0]) + backend.time[1].value().value_or(medians[1]);
    const auto told = static_cast<uint32_t>(std::clamp(time, 1.0, 4e9));
    for (const WorkerState* worker : workers) {
      if (!worker->hints.empty())
        worker->hints[backend.who.row].answer_us.store(told, std::memory_order_relaxed);
    }
  }
}

}  // namespace shunt
