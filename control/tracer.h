// Tracer: what becomes of a client's packet, and why, from a rehearsal of it by the published snapshot
// (dataplane/rehearsal.h), with the names and reasons of the desired state.
//
// Owner: the control thread. Cost: a rehearsal for each worker that may get the packet. What was decided is
// the rehearsal's; here is only said how that came.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "control/compiler.h"
#include "control/trace_status.h"
#include "dataplane/rehearsal.h"

namespace shunt {

class Tracer {
 public:
  // Why the last check of a backend failed, where one did.
  using HealthReason = std::function<std::string(const std::string& pool, const std::string& backend)>;

  // All of them outlive the tracer. `snapshot` is the one that `compiler` made last.
  Tracer(const Compiler& compiler, const Snapshot& snapshot, Rehearsal& rehearsal, HealthReason reason)
      : compiler_(compiler), snapshot_(snapshot), rehearsal_(rehearsal), reason_(std::move(reason)) {}

  TraceReport trace(const TraceQuestion& question, std::span<const WorkerState* const> workers,
                    const Now& now);

 private:
  const Rehearsed& rehearse(const TraceQuestion& question, std::span<const WorkerState* const> workers,
                            const Now& now);
  void tell_service();
  void tell_worker(std::span<const WorkerState* const> workers);
  void tell_known();
  void tell_choice();
  void tell_slot(const Service& service, TracedChoice& choice);
  void tell_pool();
  void tell_way();
  void tell_size(const Destination& destination);
  void tell_end();

  const BackendRecord* backend_of(BackendRef ref) const;
  std::string name_of(BackendRef ref) const;
  std::string why_it_accepts(BackendRef ref) const;
  void say(std::string step) { report_.steps.push_back(std::move(step)); }

  const Compiler& compiler_;
  const Snapshot& snapshot_;
  Rehearsal& rehearsal_;
  HealthReason reason_;
  TraceReport report_;
  std::vector<Rehearsed> told_;            // by worker
  size_t at_ = 0;                          // whose is told of
  const ServiceRecord* record_ = nullptr;  // of the service that it is for
};

}  // namespace shunt
