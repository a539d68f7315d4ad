#include "dataplane/dpdk_thread.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include <string>

namespace shunt {

Result<> register_eal_thread() {
  if (rte_thread_register() != 0) {
    return Error{"DPDK", std::string("can't register a worker thread: ") + rte_strerror(rte_errno)};
  }
  return Ok{};
}

void unregister_eal_thread() {
  rte_thread_unregister();
}

}  // namespace shunt
