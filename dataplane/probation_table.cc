#include "dataplane/probation_table.h"

#include <algorithm>
#include <cassert>

namespace shunt {

size_t ProbationTable::bytes_for(uint32_t entries) {
  const size_t lines_per_half = (size_t{entries} + 3) / 4;
  return std::max<size_t>(lines_per_half, 1) * 2 * sizeof(ProbationLine);
}

ProbationTable::ProbationTable(std::span<std::byte> memory)
    : lines_(reinterpret_cast<ProbationLine*>(memory.data())),
      lines_per_half_(static_cast<uint32_t>(memory.size() / sizeof(ProbationLine) / 2)) {
  assert(lines_per_half_ > 0);
  assert(reinterpret_cast<uintptr_t>(memory.data()) % alignof(ProbationLine) == 0);
}

ProbationEntry* ProbationTable::victim(ProbationLine& line, uint32_t now_ms) {
  const auto age = [now_ms](const ProbationEntry& entry) { return now_ms - entry.opened_ms; };
  const auto chosen_again_alike = [](const ProbationEntry& entry) {
    return entry.chosen_by_slot || entry.kind == ProbationKind::mid_flow;
  };
  ProbationEntry& first = line.entries[0];
  ProbationEntry& second = line.entries[1];
  ProbationEntry& older = age(second) > age(first) ? second : first;
  ProbationEntry& younger = &older == &first ? second : first;
  if (chosen_again_alike(older)) return &older;
  if (chosen_again_alike(younger)) return &younger;
  return age(older) >= kChosenProtectedMs ? &older : nullptr;
}

// Key 0 first and the real key last: a process that ends in between leaves no entry of two flows.
void ProbationTable::fill(ProbationEntry& entry, const ProbationEntry& fresh) {
  entry.opened_ms = fresh.opened_ms;
  entry.sequence = fresh.sequence;
  entry.backend = fresh.backend;
  entry.kind = fresh.kind;
  entry.retransmissions = fresh.retransmissions;
  entry.chosen_by_slot = fresh.chosen_by_slot;
  write(entry.key, fresh.key);
  ++entries_;
}

void ProbationTable::remove(ProbationEntry* entry) {
  write(entry->key, uint64_t{0});
  std::atomic_signal_fence(std::memory_order_seq_cst);  // no later field is written before the key
  entry->kind = ProbationKind::empty;
  --entries_;
}

bool ProbationTable::forgetting(const FlowKey& key, ProbationHalf half, uint32_t now_ms) const {
  const ProbationLine& place = line(key, half);
  return place.forgetting != 0 && now_ms - place.forgot_ms < kForgettingMs;
}

void ProbationTable::mark_forgetting(const FlowKey& key, ProbationHalf half, uint32_t now_ms) {
  mark(line(key, half), now_ms);
}

}  // namespace shunt
