// The part of a trace that says whom a new flow gets, and why.
#include "control/tracer.h"

namespace shunt {
namespace {

const char* text_of(BalanceBy by) {
  switch (by) {
    case BalanceBy::turn:
      return "turn";
    case BalanceBy::connections:
      return "connections";
    case BalanceBy::response_time:
      return "response_time";
    case BalanceBy::slot:
      break;
  }
  return "slot";
}

std::string of_all(uint64_t number) {
  return std::to_string(number) + " of " + std::to_string(kAcceptAll);
}

// The hash of the probe with this number, from 0 (slot_choice.h).
Hash128 probe_hash(const HashKey& key, const Hash128& hash, unsigned probe) {
  return probe == 0 ? hash : keyed_hash(key, hash.low, hash.high + probe);
}

}  // namespace

// Why a backend takes as much as it does of what its slots give it.
std::string Tracer::why_it_accepts(BackendRef ref) const {
  const BackendRecord* const backend = backend_of(ref);
  if (backend == nullptr || !backend->is_active()) return "it was removed";
  if (backend->config.admin == AdminState::disabled) return "it is disabled";
  if (backend->config.admin == AdminState::draining) return "it is draining";
  if (backend->config.weight == 0) return "its weight is 0";
  const std::string& pool = record_->positions[ref.position()].pool;
  const std::vector<BackendHealth>* const healths = compiler_.health(pool);
  if (healths == nullptr || ref.number() >= healths->size()) return "";
  const BackendHealth& health = (*healths)[ref.number()];
  if (!health.up) {
    const std::string reason = reason_ ? reason_(pool, backend->config.name) : "";
    return reason.empty() ? "it is down" : "it is down: " + reason;
  }
  if (health.asked == 0) return "its agent asks for no new flows";
  if (health.asked < kAcceptAll) return "its agent asks for less";
  if (health.trusted < kAcceptAll) return "what clients met there makes it get less";
  return health.rising_since_ns != 0 ? "it came up lately (slow_start)" : "";
}

// Whom the pool lets be chosen.
void Tracer::tell_pool() {
  const ServiceConfig& config = record_->config;
  const ServiceCondition* const condition =
      compiler_.condition({config.address, config.protocol, config.port});
  if (condition == nullptr) return;
  const std::string up = std::to_string(condition->pool.up) + " of " +
                         std::to_string(condition->pool.members) + " backends of pool " + config.pool +
                         " are up";
  if (condition->rule.use_backup) {
    say(up + ", so backup pool " + config.backup_pool + " is used");
  } else if (condition->rule.mode == ChoiceMode::everybody) {
    say(up + ", so all are used, up or not (panic)");
  } else {
    say(up);
  }
}

void Tracer::tell_choice() {
  const Rehearsed& told = told_[at_];
  const Service& service = *told.service;
  tell_pool();
  TracedChoice choice;
  choice.forgetting = told.forgetting;
  const BalanceBy by = told.forgetting ? BalanceBy::slot : service.balance->by;
  choice.by = text_of(by);
  if (told.forgetting) say("openings are lost there (a flood?): chosen by slot");
  if (service.choice.slots != 0) tell_slot(service, choice);
  if (by == BalanceBy::turn)
    say("round-robin: it is the turn of " + (told.backend ? name_of(*told.backend) : "nobody"));
  if (by == BalanceBy::connections && told.backend)
    say("least-connections: " + name_of(*told.backend) + " has the fewest for its weight");
  if (by == BalanceBy::response_time && told.backend)
    say("least-response-time: drawn by weight and load, " + name_of(*told.backend));
  report_.choice = choice;
}

// The slot that the flow's hash names, its owner, and how often was tried.
void Tracer::tell_slot(const Service& service, TracedChoice& choice) {
  const Rehearsed& told = told_[at_];
  const bool decides = choice.by == "slot";
  choice.slots = service.choice.slots;
  for (unsigned probe = 0; probe < kSlotProbes; ++probe) {
    const Hash128 hash = probe_hash(snapshot_.cluster_key, told.hash, probe);
    const uint32_t slot = detail::slot_at(service.choice, hash);
    const BackendRef owner = BackendRef::of(service.choice_pool, service.choice.owner[slot]);
    const uint32_t accept = service.choice.accept[owner.number()];
    if (probe == 0) {
      choice.slot = slot;
      choice.owner = name_of(owner);
      choice.accept = accept;
      if (!decides) return;
    }
    const std::string found = std::string(probe == 0 ? "slot " : "next slot ") + std::to_string(slot) +
                              " of " + std::to_string(choice.slots) + " is " + name_of(owner) + "'s";
    const bool takes_it = (hash.low & 0xffU) < accept;
    const std::string why = accept < kAcceptAll ? why_it_accepts(owner) : "";
    const std::string share =
        accept < kAcceptAll ? ", which takes " + of_all(accept) + (why.empty() ? "" : " (" + why + ")") : "";
    if (takes_it && told.backend == owner) {
      choice.probe = probe + 1;
      return say(found + share + ": taken");
    }
    say(found + share + (takes_it ? ", which is full (max_connections)" : ": passed by"));
    if (!told.backend) return;
  }
  if (told.backend) say("then by a place in the sum of weights: " + name_of(*told.backend));
}

}  // namespace shunt
