// A worker as the compiler must think of it: it takes up snapshots late, remembers flows by service id and
// BackendRef in two tables, and sweeps each half of a table in turn, whenever it comes to it.
//
// What it remembers of a flow beside that (whose it is) is for the test: a name in a table must never come to
// mean another backend.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "control/registry.h"
#include "dataplane/snapshot.h"
#include "tests/unit/control_samples.h"

namespace shunt::control_test {

struct Meaning {
  ServiceKey service;
  IpAddress backend;
  uint16_t port = 0;

  auto operator<=>(const Meaning&) const = default;
  std::string text() const {
    return std::get<0>(service).text() + " → " + backend.text() + " port " + std::to_string(port);
  }
};

// What a name means in a snapshot; nothing: nobody.
inline std::optional<Meaning> meaning_of(const Snapshot& snapshot, uint16_t service, BackendRef backend) {
  const Service* found = snapshot.service(service);
  if (found == nullptr || !found->destination(backend).present) return std::nullopt;
  const Destination& destination = found->destination(backend);
  return Meaning{{found->vip, found->protocol, found->port.host()},
                 destination.address,
                 destination.backend_port.host()};
}

// Whose counters are in a row, until it is freed; all workers together.
using RowOwners = std::map<uint32_t, Meaning>;

class WorkerModel {
 public:
  using Snapshots = std::shared_ptr<const Snapshot>;
  enum Table { kFlows, kProbation };

  void take_up(Snapshots snapshot) { snapshot_ = std::move(snapshot); }

  SweepProgress::Worker progress() const {
    return {snapshot_ ? snapshot_->generation : 0, passes_[kFlows], passes_[kProbation]};
  }

  // A client's first packet; counted in the row of its service and backend.
  void open_flow(std::mt19937_64& random, RowOwners& rows) {
    if (!snapshot_ || snapshot_->services.empty()) return;
    const Service& service = snapshot_->services[random() % snapshot_->services.size()];
    if (service.id == 0) return;
    const ChosenBackend chosen = choose(service.choice, snapshot_->cluster_key,
                                        keyed_hash(snapshot_->cluster_key, random(), random()));
    if (!chosen) return;
    const BackendRef backend = BackendRef::of(service.choice_pool, chosen.number);
    const auto meaning = meaning_of(*snapshot_, service.id, backend);
    ASSERT_TRUE(meaning) << "the choice names nobody";
    remember(kProbation, {service.id, backend, *meaning, random() % 2 == 0}, random);
    count(service, backend, *meaning, rows);
  }

  // The second one: from probation into the connection table, where the backend is somebody still.
  void move_flow(std::mt19937_64& random, RowOwners& rows) {
    auto& waiting = tables_[kProbation];
    if (waiting.empty()) return;
    Flow flow = waiting[random() % waiting.size()];
    const auto meaning = meaning_of(*snapshot_, flow.service, flow.backend);
    if (!meaning) return;
    flow.second_half = random() % 2 == 0;
    remember(kFlows, flow, random);
    count(*snapshot_->service(flow.service), flow.backend, *meaning, rows);
  }

  // Half a pass; what has no backend any more ends.
  void sweep_half(Table table) {
    if (!snapshot_) return;
    const bool second_half = halves_[table] == 1;
    std::erase_if(tables_[table], [&](const Flow& flow) {
      return flow.second_half == second_half && !meaning_of(*snapshot_, flow.service, flow.backend);
    });
    halves_[table] = 1 - halves_[table];
    passes_[table] += second_half ? 1U : 0U;
  }

  // The promise: every name means what it meant, or nobody.
  void check() const {
    for (const auto& table : tables_) {
      for (const Flow& flow : table) {
        const auto now = meaning_of(*snapshot_, flow.service, flow.backend);
        if (!now || *now == flow.meaning) continue;
        ADD_FAILURE() << "a flow of " << flow.meaning.text() << " now is one of " << now->text();
        return;
      }
    }
  }
  size_t flows() const { return tables_[kFlows].size() + tables_[kProbation].size(); }

 private:
  static constexpr size_t kMostFlows = 100;
  struct Flow {
    uint16_t service = 0;
    BackendRef backend;
    Meaning meaning;
    bool second_half = false;  // where in the table
  };

  void remember(Table table, const Flow& flow, std::mt19937_64& random) {
    auto& flows = tables_[table];
    if (flows.size() < kMostFlows) {
      flows.push_back(flow);
    } else {
      flows[random() % flows.size()] = flow;
    }
  }

  static void count(const Service& service, BackendRef backend, const Meaning& meaning, RowOwners& rows) {
    const auto [row, is_new] = rows.try_emplace(service.pair(backend), meaning);
    if (is_new || row->second == meaning) return;
    ADD_FAILURE() << "a row of " << row->second.text() << " counts " << meaning.text();
  }

  Snapshots snapshot_;
  std::array<std::vector<Flow>, 2> tables_;
  std::array<unsigned, 2> halves_{};
  std::array<uint64_t, 2> passes_{};
};

}  // namespace shunt::control_test
