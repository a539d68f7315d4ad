// For the benches that are scripts: how quick the TSC and the core's clock are, now and on this CPU, as JSON.
#include <cstdio>

#include "bench/measure.h"

int main() {
  shunt::bench::core_ghz();  // wakes the core up
  std::printf("{\"ghz\": %.3f, \"tsc_ghz\": %.4f}\n", shunt::bench::core_ghz(), shunt::bench::tsc_ghz());
}
