// What detectors, incidents and alerts take of shunt-insight's loop: each second, and when an interval's
// cells come. Times are of one service with all the backends, after an hour of past.
#include <cstdio>
#include <vector>

#include "bench/measure.h"
#include "tests/unit/findings_harness.h"

namespace shunt::bench {
namespace {

using namespace shunt::insight;

void add_row(Report& report, const Options& options, const char* name, size_t backends,
             const Candidate& candidate) {
  Row row;
  row.test_case = name;
  row.extra.emplace_back("backends", static_cast<double>(backends));
  if (!report.wants(row)) return;
  row.ours = measure(std::span(&candidate, 1), options.quick ? 31 : 101, 1)[0];
  row.extra.emplace_back("milliseconds", row.ours.ticks_median / (tsc_ghz() * 1e6));
  report.add(row);
}

void bench_site(Report& report, const Options& options, size_t backends) {
  Site site(backends);
  site.learn(options.quick ? 60 : 360);
  site.pass(6);
  prove(site.open().empty(), "calm traffic has no anomaly");
  add_row(report, options, "second", backends, {"shunt", {}, [&] {
                                                  site.seconds(1);
                                                  return uint64_t{1};
                                                }});
  std::vector<ClosedCell> cells;
  const auto close_interval = [&] {
    cells.clear();
    site.live.now_s += 10;
    site.give([&](const ClosedCell& cell) { cells.push_back(cell); }, site.live.now_s - 10);
  };
  add_row(report, options, "cells", backends, {"shunt", close_interval, [&] {
                                                 for (const ClosedCell& cell : cells)
                                                   site.findings->take(cell);
                                                 site.findings->tick(site.live);
                                                 return uint64_t{1};
                                               }});
  prove(site.open().empty(), "calm traffic has still no anomaly");
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "Detectors, incidents and alerts of shunt-insight.");
  Report report("findings", options);
  for (const uint64_t backends : options.sizes({100, 1'000, 2'000}, {100}))
    bench_site(report, options, backends);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
