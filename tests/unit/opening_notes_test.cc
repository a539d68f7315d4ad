#include "dataplane/opening_notes.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace shunt {
namespace {

// Each entry of the TCP half has a note of its own, inside the memory; a line's two notes are one line.
TEST(OpeningNotes, OneForEachEntry) {
  std::vector<ProbationLine> lines(32);
  ProbationTable table(std::as_writable_bytes(std::span(lines)));
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  const size_t bytes = OpeningNotes::bytes_for(table.lines());
  std::vector<Line> memory(bytes / sizeof(Line));
  ASSERT_EQ(bytes, memory.size() * sizeof(Line));
  const OpeningNotes notes(std::as_writable_bytes(std::span(memory)), table);

  const auto* const first = reinterpret_cast<const OpeningNote*>(memory.data());
  std::set<const OpeningNote*> seen;
  for (size_t i = 0; i < lines.size() / 2; ++i) {
    for (const ProbationEntry& entry : lines[i].entries) {
      const OpeningNote* const note = &notes.of(entry);
      EXPECT_GE(note, first);
      EXPECT_LE(note + 1, first + bytes / sizeof(OpeningNote));
      EXPECT_TRUE(seen.insert(note).second);
    }
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&notes.of(lines[i].entries[0])) / 64,
              reinterpret_cast<uintptr_t>(&notes.of(lines[i].entries[1])) / 64);
  }
  EXPECT_EQ(seen.size(), lines.size());
}

}  // namespace
}  // namespace shunt
