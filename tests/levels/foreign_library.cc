// A libshunt-dataplane.so that isn't of this build: shuntd has to refuse it before it calls anything else in
// there.
#include <cstdlib>

#include "dataplane/cpu_variant.h"
#include "dataplane/shared_layout.h"

namespace shunt {

CpuVariant cpu_variant() {
  return {"x86-64-v2", kSharedLayout + 1};
}

class DpdkWorkerThread::Loop {};
DpdkWorkerThread::DpdkWorkerThread(const Settings& /*settings*/) {
  std::abort();
}
DpdkWorkerThread::~DpdkWorkerThread() {
  std::abort();
}
Result<> DpdkWorkerThread::start() {
  std::abort();
}
void DpdkWorkerThread::stop() {
  std::abort();
}
const LedgerBlock& DpdkWorkerThread::ledger() const {
  std::abort();
}

}  // namespace shunt
