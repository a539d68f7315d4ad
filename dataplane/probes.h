// Health checks that travel as clients' packets do (`via = "tunnel"`): the control thread connects to a probe
// address, one for each backend; the kernel routes it to its port's second MAC.
//
//   kernel ─► host_interface ─► punt thread (ProbeFlows notes the flow) ─► worker: direct_probes ─► backend
//   kernel ◄─ host_interface ◄─ punt thread (ProbeFlows restores)  ◄─ punted by whichever worker got it ◄─┘
//
// On its way out a packet gets the VIP as its destination, and then what its service's packets get on their
// way to that very backend, chosen by the probe address alone: no table is asked or changed. The backend
// answers as it answers any client, from the VIP to the address of the node that the check comes from. No
// probe address is ever on a wire.
//
// Cost: nothing on the way of clients' packets; a burst of probes is parsed and changed by itself.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/snapshot.h"
#include "dataplane/worker_state.h"

namespace shunt {

// Of a parsed burst that the kernel sent to probe addresses. Too big for the way to its backend: the kernel
// is told, as a client would be. Dropped: what no node address sent (bad_source), what isn't TCP or UDP
// (no_service), to an address that stands for nobody (no_backend), and what a client's packet would be
// dropped for.
void direct_probes(Burst& burst, const Snapshot& snapshot, WorkerState& worker);

}  // namespace shunt
