// Plan: what changes between two configurations, for whoever wants to know before it happens and for the
// history after it did: parts added, removed and changed field by field, slots that get another owner, flows
// that are met.
//
// Pure. A service is the same one if address, protocol and port are; a backend if address and port are; a
// pool by its name (registry.h: so are the flows). Cost: comparing, about 1 ms for 1,000 backends; slots:
// two tables for each pool whose members differ.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/keyed_hash.h"
#include "control/config.h"
#include "control/edits.h"

namespace shunt {

enum class PlanVerb : uint8_t { added, removed, changed };
enum class PlanPart : uint8_t { node, port, pool, backend, service };

const char* verb_text(PlanVerb verb);
const char* part_text(PlanPart part);

struct FieldChange {
  std::string key;
  std::string from;
  std::string to;
};

// kept: they go on where they are, until they end or the drain is over. cut: their packets find another
// backend or none, at once.
enum class FlowFate : uint8_t { untouched, kept, cut };

struct PlanChange {
  PlanVerb verb = PlanVerb::changed;
  PlanPart part = PlanPart::node;
  std::string name;                 // "web", "web/web-1"; of the node's sections: empty
  std::vector<FieldChange> fields;  // of what changed
  FlowFate fate = FlowFate::untouched;
  uint64_t flows = 0;    // active ones that meet this fate
  std::string kept_for;  // of kept ones: the drain, "10m"

  std::string text() const;  // one line
};

// Slots whose new flows get another backend than before: by the table, or since their owner stops taking any.
struct SlotMove {
  std::string pool;
  uint32_t slots = 0;
  uint32_t moved = 0;

  double share() const { return slots == 0 ? 0 : static_cast<double>(moved) / slots; }
  std::string text() const;
};

// Flows that live now, by the running configuration's names.
struct ActiveFlows {
  std::map<std::string, uint64_t> services;
  std::map<BackendName, uint64_t> backends;  // over all services
};

struct Plan {
  std::vector<PlanChange> changes;
  std::vector<SlotMove> moves;

  bool empty() const { return changes.empty(); }
  uint64_t flows(FlowFate fate) const;
  // "1 service added, 2 backends changed"; "nothing changes".
  std::string summary() const;
  // All of it, a line each.
  std::vector<std::string> lines() const;
};

// Without slots and flows.
Plan compare(const Config& from, const Config& to);

// With all of it.
Plan make_plan(const Config& from, const Config& to, const HashKey& cluster_key, const ActiveFlows& flows);

}  // namespace shunt
