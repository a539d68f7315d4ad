// What a polling thread tells DPDK about itself. Apart from dpdk_eal.h, because it is the workers' library
// that calls it.
#pragma once

#include "common/result.h"

namespace shunt {

// The calling thread becomes one that DPDK knows (pool caches). Called by each worker on its own thread.
Result<> register_eal_thread();
void unregister_eal_thread();

}  // namespace shunt
