// The constructions of slot tables beside each other: how long 65,537 slots take to build, and how many of
// them move when a backend comes or goes, beside the least that could.
//
// `build`: weights 1 to 9. The least that must move: the slots of who goes, or those that who comes has
// afterwards. `moved_*` is the share of all slots that moved beyond that, in per cent, on average over
// backends that go and come.
#include <algorithm>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "control/maglev.h"
#include "control/rendezvous.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kSlots = 65'537;
constexpr HashKey kClusterKey{{1, 2, 3, 4}};
constexpr size_t kTrials = 8;

using Members = std::vector<SlotMember>;
using Table = std::vector<uint16_t>;
using Build = Table (*)(std::span<const SlotMember>, uint32_t, const HashKey&);

Members members_of(size_t count) {
  Members members;
  for (size_t i = 0; i < count; ++i) {
    const auto address = IpAddress::v4(be32(static_cast<uint32_t>(0x0a000001 + i)));
    members.push_back({address, 80, static_cast<uint16_t>(1 + i % 9), static_cast<uint16_t>(i)});
  }
  return members;
}

// Of the slots that aren't `one`'s in either table, the per cent that changed hands.
double moved_of_others(const Table& a, const Table& b, uint16_t one) {
  size_t moved = 0;
  for (size_t slot = 0; slot < kSlots; ++slot)
    moved += a[slot] != b[slot] && a[slot] != one && b[slot] != one ? 1U : 0U;
  return 100.0 * static_cast<double>(moved) / kSlots;
}

// What moves beyond the least: when one goes, and so when it comes (the tables are the same two).
double disruption(Build build, const Members& members) {
  const Table all = build(members, kSlots, kClusterKey);
  prove(all.size() == kSlots, "the table is whole");
  double sum = 0;
  for (size_t trial = 0; trial < kTrials; ++trial) {
    const size_t gone = members.size() * trial / kTrials;
    Members fewer = members;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(gone));
    sum += moved_of_others(all, build(fewer, kSlots, kClusterKey), members[gone].number);
  }
  return sum / kTrials;
}

Candidate candidate(const char* name, Build build, const Members& members) {
  return {name, {}, [build, &members] {
            const Table table = build(members, kSlots, kClusterKey);
            keep(table.data());
            return uint64_t{1};
          }};
}

void compare(Report& report, const Options& options, size_t count) {
  Row row;
  row.test_case = "build";
  if (!report.wants(row)) return;
  const Members members = members_of(count);
  const double rendezvous = disruption(build_rendezvous, members);
  const double maglev = disruption(build_maglev, members);
  // Nobody else's slots move, but for the one that somebody without any is given.
  if (count <= 100) prove(rendezvous == 0, "rendezvous moves the least that is possible");
  prove(maglev < 5, "maglev moves few slots of others");
  const std::vector<Candidate> candidates = {candidate("rendezvous", build_rendezvous, members),
                                             candidate("maglev", build_maglev, members)};
  const std::vector<Timing> timings = measure(candidates, options.batches(), 0);
  const auto ms = [](double ticks) { return ticks / tsc_ghz() / 1e6; };
  row.ours = timings[0];
  row.rival = "maglev";
  row.theirs = timings[1];
  row.extra = {{"backends", static_cast<double>(count)},
               {"ms_median", ms(row.ours.ticks_median)},
               {"rival_ms_median", ms(row.theirs.ticks_median)},
               {"moved_beyond_least", rendezvous},
               {"rival_moved_beyond_least", maglev}};
  report.add(row);
}

int run(int argc, char** argv) {
  const Options options =
      read_options(argc, argv, "Slot tables: building, and what moves. --max-flows is the most backends.");
  Report report("slot_table", options);
  for (const uint64_t count : options.sizes({10, 100, 1'000, 10'000}, {10, 100}))
    compare(report, options, count);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
