// Building a slot table of 65,537 slots (control/maglev.h) beside two plain Maglevs: the paper's, which makes
// every member's permutation first, and one that walks the permutations lazily.
//
// `build`: weights 1 to 9, which the lazy one serves by turns and the paper's can't. `build equal`: all
// weights equal, all three. The paper's isn't run for 10,000 members: 2.6 GB of permutations. Ticks are of
// one whole build; milliseconds stand beside them.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "common/keyed_hash.h"
#include "control/maglev.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kSlots = 65'537;
constexpr size_t kMostForPaper = 1'000;
constexpr unsigned kLongBatches = 25;  // the paper's takes a quarter of a second then
constexpr HashKey kClusterKey{{1, 2, 3, 4}};
constexpr uint16_t kFree = 0xffff;

using Members = std::vector<SlotMember>;
using Table = std::vector<uint16_t>;

Members members_of(size_t count, bool weighted) {
  Members members;
  for (size_t i = 0; i < count; ++i) {
    const auto address = IpAddress::v4(be32(static_cast<uint32_t>(0x0a000001 + i)));
    members.push_back(
        {address, 80, static_cast<uint16_t>(weighted ? 1 + i % 9 : 1), static_cast<uint16_t>(i)});
  }
  return members;
}

Table ours(const Members& members) {
  return build_maglev(members, kSlots, kClusterKey);
}

// Section 3.4: position j of a member's list is (offset + j · skip) mod M.
struct Walk {
  uint32_t offset;
  uint32_t skip;

  static Walk of(const SlotMember& member) {
    const Hash128 hash =
        keyed_hash(kClusterKey, member.address.bytes().data(), member.address.bytes().size());
    return {static_cast<uint32_t>(hash.low % kSlots), static_cast<uint32_t>(hash.high % (kSlots - 1) + 1)};
  }
};

Table paper(const Members& members) {
  std::vector<uint32_t> permutation(members.size() * kSlots);
  for (size_t member = 0; member < members.size(); ++member) {
    const Walk walk = Walk::of(members[member]);
    for (uint64_t j = 0; j < kSlots; ++j)
      permutation[member * kSlots + j] = static_cast<uint32_t>((walk.offset + j * walk.skip) % kSlots);
  }
  std::vector<size_t> next(members.size());
  Table table(kSlots, kFree);
  for (uint32_t filled = 0;;) {
    for (size_t member = 0; member < members.size(); ++member) {
      uint32_t slot = 0;
      do {
        slot = permutation[member * kSlots + next[member]++];
      } while (table[slot] != kFree);
      table[slot] = members[member].number;
      if (++filled == kSlots) return table;
    }
  }
}

// As many turns a round as a member weighs.
Table lazy(const Members& members) {
  std::vector<Walk> walks;
  for (const SlotMember& member : members)
    walks.push_back(Walk::of(member));
  Table table(kSlots, kFree);
  for (uint32_t filled = 0;;) {
    for (size_t member = 0; member < members.size(); ++member) {
      Walk& walk = walks[member];
      for (unsigned turn = 0; turn < members[member].weight; ++turn) {
        while (table[walk.offset] != kFree)
          walk.offset = (walk.offset + walk.skip) % kSlots;
        table[walk.offset] = members[member].number;
        if (++filled == kSlots) return table;
      }
    }
  }
}

using Build = Table (*)(const Members&);

std::vector<uint32_t> shares(const Table& table, size_t members) {
  std::vector<uint32_t> count(members);
  for (const uint16_t owner : table) {
    prove(owner < members, "every slot has an owner");
    ++count[owner];
  }
  return count;
}

// All tables keep the same promises. Every member has its share by weight: of ours exactly (within one slot),
// of the rivals within a round, that is its weight. Without one member, few slots move but its own.
void prove_table(Build build, const char* name, const Members& members, bool exact) {
  const Table table = build(members);
  prove(table.size() == kSlots, std::string(name) + " fills the table");
  const std::vector<uint32_t> count = shares(table, members.size());
  const double total =
      std::accumulate(members.begin(), members.end(), 0.0,
                      [](double sum, const SlotMember& member) { return sum + member.weight; });
  for (const SlotMember& member : members) {
    const double share = kSlots * member.weight / total;
    const double off = std::abs(count[member.number] - share);
    // With thousands of members ours first sees to it that everybody has a slot.
    prove(off <= (exact ? 1.0 : member.weight) || count[member.number] == 1,
          std::string(name) + " is in balance");
  }
  Members fewer = members;
  const uint16_t gone = fewer[fewer.size() / 2].number;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(fewer.size() / 2));
  const Table after = build(fewer);
  size_t moved = 0;
  for (size_t slot = 0; slot < kSlots; ++slot)
    moved += table[slot] != gone && table[slot] != after[slot] ? 1U : 0U;
  prove(moved < kSlots / 20, std::string(name) + " moves few slots of others");
}

void prove_order_is_nothing(const Members& members) {
  Members turned = members;
  std::ranges::reverse(turned);
  prove(ours(members) == ours(turned), "the order of the members doesn't matter");
}

Candidate candidate(const char* name, Build build, const Members& members) {
  return {name, {}, [build, &members] {
            const Table table = build(members);
            keep(table.data());
            return uint64_t{1};
          }};
}

void compare(Report& report, const Options& options, size_t count, bool weighted) {
  Row row;
  row.test_case = weighted ? "build" : "build equal";
  if (!report.wants(row)) return;
  const Members members = members_of(count, weighted);
  prove_order_is_nothing(members);
  prove_table(ours, "shunt", members, true);
  prove_table(lazy, "the lazy Maglev", members, false);
  std::vector<Candidate> candidates = {
      candidate("shunt", ours, members),
      candidate(weighted ? "lazy Maglev, by turns" : "lazy Maglev", lazy, members)};
  if (!weighted && count <= kMostForPaper) {
    prove_table(paper, "the paper's Maglev", members, false);
    prove(paper(members) == lazy(members), "the lazy and the paper's Maglev are one");
    candidates.push_back(candidate("the paper's Maglev", paper, members));
  }
  const unsigned batches = candidates.size() > 2 && count == kMostForPaper ? kLongBatches : options.batches();
  const std::vector<Timing> timings = measure(candidates, batches, 0);
  const auto ms = [](double ticks) { return ticks / tsc_ghz() / 1e6; };
  row.ours = timings[0];
  for (size_t i = 1; i < candidates.size(); ++i) {
    row.rival = candidates[i].name;
    row.theirs = timings[i];
    row.extra = {{"backends", static_cast<double>(count)},
                 {"ms_min", ms(row.ours.ticks_min)},
                 {"ms_median", ms(row.ours.ticks_median)},
                 {"rival_ms_min", ms(row.theirs.ticks_min)},
                 {"rival_ms_median", ms(row.theirs.ticks_median)}};
    report.add(row);
  }
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "Building slot tables. --max-flows is the most backends.");
  Report report("maglev", options);
  for (const uint64_t count : options.sizes({10, 100, 1'000, 10'000}, {10, 100})) {
    compare(report, options, count, true);
    compare(report, options, count, false);
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
