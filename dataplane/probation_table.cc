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

void ProbationTable::mark_forgetting(const FlowKey& key, ProbationHalf half, uint32_t now_ms) {
  mark(line(key, half), now_ms);
}

}  // namespace shunt
