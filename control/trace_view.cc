// What StatusView says of a packet that never came.
#include "control/daemon.h"
#include "control/status_view.h"
#include "control/tracer.h"

namespace shunt {

Result<TraceReport> StatusView::trace(const TraceQuestion& question) {
  const std::vector<const WorkerState*> workers = daemon_.engine_->workers();
  if (!rehearsal_) {
    auto made = Rehearsal::make(*workers.front());
    if (!made) return made.error();
    rehearsal_ = made.take();
  }
  const auto reason = [this](const std::string& pool, const std::string& backend) {
    const auto health = daemon_.health_->status(pool, backend);
    return health ? health->last_reason : std::string();
  };
  Tracer tracer(*daemon_.compiler_, *daemon_.engine_->current(), *rehearsal_, reason);
  return tracer.trace(question, workers, PacketEngine::now());
}

}  // namespace shunt
