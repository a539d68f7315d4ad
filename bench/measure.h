// The frame of the benches: what a program takes, how it times, what it prints.
//
// A bench proves that its candidates give equal results, then measures them in one run, batch by batch in
// turn, so that a change of the core's clock or a busy neighbour meets all of them. Batches are short (some
// 20 to 100 µs), what they work on is made outside the timed part. Figures are TSC ticks per operation, the
// least and the median of at least 25 batches. The TSC is not the core's clock, and that moves by a quarter
// from run to run, so a probe of the clock stands beside every figure.
//
// Not Google Benchmark: it runs one candidate to its end before the next.
#pragma once

#include <x86intrin.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace shunt::bench {

// --quick: few sizes, fewer batches. --filter TEXT: only rows with TEXT in "CASE FLOWS FORWARD FAMILY".
// --max-flows N: leaves larger sizes out. --help.
struct Options {
  bool quick = false;
  std::string filter;
  uint64_t max_flows = UINT64_MAX;

  unsigned batches() const { return quick ? 31 : 101; }
  // The sizes to run, in the order given; the smallest one if all are above --max-flows.
  std::vector<uint64_t> sizes(const std::vector<uint64_t>& all,
                              const std::vector<uint64_t>& quick_ones) const;
};

// Ends the program with a usage text on --help or on what it doesn't know.
Options read_options(int argc, char** argv, std::string_view about);

// Ends the program with status 1 and the text if it doesn't hold.
void prove(bool holds, std::string_view what);

// The compiler must make this value, and can't assume anything about memory afterwards.
template <typename T>
inline void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

// Everything before has ended, nothing after has begun.
inline uint64_t now_ticks() {
  _mm_lfence();
  const uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
}

double tsc_ghz();   // from CPUID, or measured once against the kernel's raw clock
double core_ghz();  // now, by 4,000 dependent additions: a microsecond

struct Candidate {
  std::string name;
  std::function<void()> prepare;  // untimed: the next batch's input. May be empty
  std::function<uint64_t()> run;  // timed; how many operations it did, at least 1
};

struct Timing {
  double ticks_min = 0;
  double ticks_median = 0;
  double ghz = 0;  // median of the probes right before and after its batches
};

// Candidates take turns of `batches_in_turn` timed batches until each has had at least `batches`. A turn
// begins with `warm_up` untimed batches (prepare and run), since the others have just used the caches: enough
// of them to have touched all of what a candidate keeps in a cache when it is alone, else tables that share
// one look worse than they are. Who begins changes from round to round.
std::vector<Timing> measure(std::span<const Candidate> candidates, unsigned batches, unsigned warm_up = 1,
                            unsigned batches_in_turn = 1);

// One row of results: ours, beside one rival or none. What doesn't apply stays empty (null in JSON).
struct Row {
  std::string test_case;  // hit, miss, new, flood, mixed, build, ...; of the pipeline too: fragments
  std::optional<uint64_t> flows;
  std::optional<std::string> forward;
  std::optional<std::string> family;
  std::vector<std::pair<std::string, std::variant<double, std::string>>> extra;  // further JSON keys
  Timing ours;
  std::optional<std::string> rival;
  Timing theirs;

  std::string name() const;  // "CASE FLOWS FORWARD FAMILY", what there is of it
};

// Collects rows; each is said on stderr at once, print() writes them to stdout as one JSON array.
class Report {
 public:
  Report(std::string bench, const Options& options) : bench_(std::move(bench)), options_(options) {}

  // For leaving out what --filter doesn't name before it is built and timed.
  bool wants(const Row& row) const { return row.name().find(options_.filter) != std::string::npos; }
  void add(const Row& row);
  // Measures; the first candidate is ours. One row per rival, or a single one without.
  void measure(Row row, std::span<const Candidate> candidates, unsigned warm_up = 1,
               unsigned batches_in_turn = 1);
  // 0, or 1 if there are no rows: the status of main().
  int print() const;

 private:
  std::string bench_;
  Options options_;
  std::vector<Row> rows_;
};

}  // namespace shunt::bench
