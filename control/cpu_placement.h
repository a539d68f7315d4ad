// Which CPUs the threads run on: workers where the configuration says, everything else beside them.
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.h"

namespace shunt {

// An error when a worker's CPU isn't one that this process may use. (Else its thread would fail, later.)
Result<> check_worker_cpus(const std::vector<uint32_t>& workers);

// Those that the process may use, without the workers'; all of them where nothing would be left.
std::vector<unsigned> control_cpus(const std::vector<uint32_t>& workers);

}  // namespace shunt
