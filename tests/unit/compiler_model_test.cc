// Random reloads, checks, clocks and sweeps against a Compiler, with workers whose tables remember names.
// After each step every name in them must mean the backend that it was given to, or nobody.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "control/compiler.h"
#include "stats/traffic_counters.h"
#include "tests/unit/control_samples.h"
#include "tests/unit/worker_model.h"

namespace shunt {
namespace {

using namespace control_test;

constexpr unsigned kSteps = 5'000;
constexpr unsigned kWorkers = 2;
constexpr unsigned kPools = 6;
constexpr unsigned kServices = 8;
constexpr unsigned kAddresses =
    20;  // backends are few and come back often; a pool outgrows its first 16 rows

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), compiler_(kClusterKey) {
    for (unsigned i = 0; i < kPools; ++i) {
      desired_.pools.push_back(random_pool("p" + std::to_string(i)));
    }
    desired_ = config(desired_.pools, {});
    for (unsigned i = 1; i <= kServices; ++i)
      desired_.services.push_back(random_service(i));
    compiler_.set_ports({{MacAddress{}, MacAddress{}, true}});
    reload(desired_);
  }

  void step() {
    const unsigned what = below(100);
    if (what < 8) return change_backends();
    if (what < 11) return change_weight();
    if (what < 14) return change_service();
    if (what < 16) return add_or_remove_service();
    if (what < 18) return add_or_remove_pool();
    if (what < 20) return permute();
    if (what < 28) return change_health();
    if (what < 32) return pass_time();
    if (what < 40) return advance();
    WorkerModel& worker = workers_[below(kWorkers)];
    if (what < 48) return worker.take_up(published_);
    if (what < 60) return worker.sweep_half(WorkerModel::kFlows);
    if (what < 72) return worker.sweep_half(WorkerModel::kProbation);
    for (unsigned flow = 0; flow < 5; ++flow)
      what < 88 ? worker.open_flow(random_, rows_) : worker.move_flow(random_, rows_);
  }

  void check() const {
    for (const WorkerModel& worker : workers_)
      worker.check();
    if (checked_ == published_->generation) return;
    checked_ = published_->generation;
    check_pools();
    check_services();
    check_rows();
  }

  // The run met what it is about.
  unsigned reloads = 0;
  unsigned refusals = 0;
  unsigned freed_numbers = 0;
  unsigned freed_ranges = 0;
  size_t most_flows = 0;

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  BackendConfig random_backend() {
    const unsigned i = 1 + below(kAddresses);
    return backend(i, static_cast<uint16_t>(below(5)), below(6) == 0 ? 8'080 : 0);
  }
  static bool is_in(const PoolConfig& pool, const BackendConfig& wanted) {
    return std::ranges::any_of(pool.backends, [&](const BackendConfig& each) {
      return each.address == wanted.address && each.port == wanted.port;
    });
  }
  PoolConfig random_pool(const std::string& name) {
    PoolConfig made = pool(name, {}, seconds(60));
    made.slots = 61;
    for (unsigned i = below(8); i > 0; --i)
      add_backend(made);
    return made;
  }
  void add_backend(PoolConfig& to) {
    BackendConfig made = random_backend();
    if (made.port != 0) made.name += "-8080";
    if (!is_in(to, made)) to.backends.push_back(made);
  }
  std::string random_pool_name() {
    return desired_.pools[below(static_cast<unsigned>(desired_.pools.size()))].name;
  }
  ServiceConfig random_service(unsigned i) {
    ServiceConfig made = service(i, random_pool_name());
    if (below(2) == 0) made.backup_pool = random_pool_name();
    if (made.backup_pool == made.pool) made.backup_pool.clear();
    made.forward = below(3) == 0 ? Forward::nat : Forward::l2;
    return made;
  }

  // ---- What may happen.
  void reload(const Config& next) {
    const auto taken = compiler_.set_config(next, now_);
    if (!taken) {
      EXPECT_NE(taken.error().what.find("its flows still use four other pools"), std::string::npos)
          << taken.error().text();
      ++refusals;
      return;
    }
    desired_ = next;
    ++reloads;
    publish();
  }
  void publish() { published_ = compiler_.compile(now_); }

  PoolConfig& some_pool(Config& next) { return next.pools[below(static_cast<unsigned>(next.pools.size()))]; }
  void change_backends() {
    Config next = desired_;
    PoolConfig& pool = some_pool(next);
    for (unsigned changes = 1 + below(3); changes > 0; --changes) {
      if (below(2) == 0 || pool.backends.empty()) {
        add_backend(pool);
      } else {
        pool.backends.erase(pool.backends.begin() + below(static_cast<unsigned>(pool.backends.size())));
      }
    }
    reload(next);
  }
  void change_weight() {
    Config next = desired_;
    PoolConfig& pool = some_pool(next);
    if (pool.backends.empty()) return;
    pool.backends[below(static_cast<unsigned>(pool.backends.size()))].weight =
        static_cast<uint16_t>(below(5));
    reload(next);
  }
  void change_service() {
    if (desired_.services.empty()) return;
    Config next = desired_;
    ServiceConfig& changed = next.services[below(static_cast<unsigned>(next.services.size()))];
    const ServiceConfig other = random_service(1);
    changed.pool = other.pool;
    changed.backup_pool = other.backup_pool;
    reload(next);
  }
  void add_or_remove_service() {
    Config next = desired_;
    const ServiceConfig made = random_service(1 + below(kServices));
    if (std::erase_if(next.services, [&](const auto& each) { return each.name == made.name; }) == 0)
      next.services.push_back(made);
    reload(next);
  }
  void add_or_remove_pool() {
    Config next = desired_;
    const std::string name = "p" + std::to_string(below(kPools));
    const bool used = std::ranges::any_of(
        next.services, [&](const auto& each) { return each.pool == name || each.backup_pool == name; });
    const auto is_it = [&](const PoolConfig& each) { return each.name == name; };
    if (std::ranges::none_of(next.pools, is_it)) {
      next.pools.push_back(random_pool(name));
    } else if (!used && next.pools.size() > 1) {
      std::erase_if(next.pools, is_it);
    }
    reload(next);
  }
  void permute() {
    Config next = desired_;
    std::ranges::shuffle(next.pools, random_);
    std::ranges::shuffle(next.services, random_);
    for (PoolConfig& pool : next.pools)
      std::ranges::shuffle(pool.backends, random_);
    reload(next);
  }
  void change_health() {
    const PoolConfig& pool = some_pool(desired_);
    if (pool.backends.empty()) return;
    const BackendConfig& backend = pool.backends[below(static_cast<unsigned>(pool.backends.size()))];
    if (compiler_.set_health(pool.name, backend.name, below(2) == 0)) publish();
  }
  void pass_time() { now_ += (1 + below(40)) * kSecond; }
  void advance() {
    SweepProgress progress;
    for (const WorkerModel& worker : workers_)
      progress.workers.push_back(worker.progress());
    std::vector<PairRange> freed;
    const bool changed = compiler_.advance(progress, now_, freed);
    for (const PairRange& range : freed) {
      ++(range.capacity == 1 ? freed_numbers : freed_ranges);
      rows_.erase(rows_.lower_bound(range.first), rows_.lower_bound(range.first + range.capacity));
    }
    for (const WorkerModel& worker : workers_)
      most_flows = std::max(most_flows, worker.flows());
    // The daemon compiles a little later; other things may come in between.
    if (changed && below(3) != 0) publish();
  }

  // ---- What must hold in every snapshot that has just been compiled.
  void check_pools() const {
    for (const auto& [name, pool] : compiler_.registry().pools()) {
      std::set<std::pair<IpAddress, uint16_t>> present;
      for (size_t number = 0; number < pool.backends.size(); ++number) {
        const auto& backend = pool.backends[number];
        if (!backend) continue;
        EXPECT_EQ(backend->number, number);
        if (!backend->is_present()) continue;
        EXPECT_TRUE(present.emplace(backend->config.address, backend->config.port).second)
            << backend->config.name << " has two numbers in " << name;
      }
    }
  }

  void check_services() const {
    std::set<uint16_t> ids;
    for (const auto& [key, record] : compiler_.registry().services()) {
      EXPECT_TRUE(ids.insert(record.id).second) << "id " << record.id << " is given twice";
      const Service* compiled = published_->service(record.id);
      ASSERT_NE(compiled, nullptr);
      EXPECT_EQ(ServiceKey(compiled->vip, compiled->protocol, compiled->port.host()), key);
      check_choice(*compiled, record);
      for (uint8_t i = 0; i < kPoolPositions; ++i)
        check_position(compiled->pools[i], record.positions[i]);
    }
    for (const Service& compiled : published_->services)
      EXPECT_TRUE(compiled.id == 0 || ids.contains(compiled.id));
  }

  void check_choice(const Service& compiled, const ServiceRecord& record) const {
    const std::string& name = record.positions[compiled.choice_pool].pool;
    EXPECT_TRUE(name == record.config.pool || name == record.config.backup_pool);
    const PoolRecord& pool = compiler_.registry().pools().at(name);
    const SlotChoice& choice = compiled.choice;
    for (uint32_t slot = 0; slot < choice.slots; ++slot) {
      const uint16_t number = choice.owner[slot];
      ASSERT_LT(number, pool.backends.size());
      ASSERT_TRUE(pool.backends[number] && pool.backends[number]->is_active())
          << "slot " << slot << " of " << name;
    }
    const bool has_active =
        std::ranges::any_of(pool.backends, [](const auto& each) { return each && each->is_active(); });
    EXPECT_EQ(choice.slots != 0, has_active);
    const bool has_up =
        compiler_.condition({compiled.vip, compiled.protocol, compiled.port.host()})->pool.up > 0;
    EXPECT_TRUE(!has_up || choice.running_sum[choice.count - 1] > 0)
        << "somebody is up, nobody can be chosen";
  }

  void check_position(const PoolView& view, const PoolPosition& position) const {
    if (position.pool.empty() || position.departure.presence == Presence::gone) {
      EXPECT_EQ(view.count, 0U);
      return;
    }
    const PoolRecord& pool = compiler_.registry().pools().at(position.pool);
    ASSERT_EQ(view.count, pool.backends.size());
    EXPECT_LE(view.count, position.pairs.capacity);
    EXPECT_EQ(view.pairs, position.pairs.first);
    for (uint32_t number = 0; number < view.count; ++number) {
      const auto& backend = pool.backends[number];
      const bool present = backend && backend->is_present();
      EXPECT_EQ(view.destinations[number].present, present);
      const bool may_accept = present && backend->is_active() && backend->config.weight > 0;
      EXPECT_TRUE(may_accept || view.accept[number] == 0);
      EXPECT_TRUE(!present || view.destinations[number].address == backend->config.address);
    }
  }

  void check_rows() const {
    std::map<uint32_t, uint32_t> ranges;
    for (const auto& [key, record] : compiler_.registry().services()) {
      for (const PoolPosition& position : record.positions) {
        std::vector<PairRange> all = position.before;
        if (position.pairs.capacity != 0) all.push_back(position.pairs);
        for (const PairRange& range : all)
          EXPECT_TRUE(ranges.emplace(range.first, range.capacity).second);
      }
    }
    uint32_t end = 0;
    for (const auto& [first, capacity] : ranges) {
      EXPECT_GE(first, end) << "rows of two";
      end = first + capacity;
    }
    EXPECT_LE(end, kMaxPairs);
  }

  std::mt19937_64 random_;
  Compiler compiler_;
  Config desired_;
  std::shared_ptr<const Snapshot> published_;
  std::array<WorkerModel, kWorkers> workers_;
  RowOwners rows_;
  uint64_t now_ = kStart;
  mutable uint64_t checked_ = 0;
};

class CompilerModel : public testing::TestWithParam<uint64_t> {};

TEST_P(CompilerModel, ANameNeverComesToMeanAnotherBackend) {
  Model model(GetParam());
  for (unsigned step = 0; step < kSteps; ++step) {
    model.step();
    model.check();
    ASSERT_FALSE(HasFailure()) << "seed " << GetParam() << ", step " << step;
  }
  EXPECT_GT(model.reloads, 500U);
  EXPECT_GT(model.refusals, 0U);
  EXPECT_GT(model.freed_numbers, 20U);
  EXPECT_GT(model.freed_ranges, 10U);
  EXPECT_GT(model.most_flows, 50U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CompilerModel, testing::Range<uint64_t>(1, 6));

}  // namespace
}  // namespace shunt
