// kSharedLayout: a fingerprint of everything that shuntd and its worker library (cpu_variant.h) both look
// into.
//
// They are compiled apart, with different -march. No -march changes these layouts; what would is an older
// library beside a newer shuntd, or an #ifdef of the instruction set around a member. shuntd compares the two
// at start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "dataplane/capture.h"
#include "dataplane/dpdk_publication.h"
#include "dataplane/dpdk_worker_thread.h"
#include "dataplane/snapshot.h"
#include "dataplane/transmit.h"
#include "dataplane/worker_state.h"
#include "stats/ledger.h"

namespace shunt {
namespace detail {

// FNV-1a over each type's size and alignment, in order.
template <typename... Types>
constexpr uint64_t layout_of() {
  uint64_t digest = 0xcbf29ce484222325U;
  for (const size_t number : {sizeof(Types)..., alignof(Types)...})
    digest = (digest ^ number) * 0x100000001b3U;
  return digest;
}

}  // namespace detail

inline constexpr uint64_t kSharedLayout =
    detail::layout_of<DpdkWorkerThread::Settings, Publication,  // the call
                      Snapshot, Service, PoolView, Destination, PortState,
                      NatSource,  // what workers are told
                      SlotChoice, VipTable, RouteTable, NeighbourTable, AddressMap<uint8_t>,
                      AddressMap<ProbeTarget>, WorkerState, FlowTable, FlowBucket, ProbationTable,
                      ProbationLine, ClientMacs, FragmentTable,
                      FragmentLimits,                                                      // what they keep
                      PairCounters, ServiceCounters, WorkerCounters, Ledger, LedgerBlock,  // what they count
                      CaptureTap, PuntRings, HandOverRings, FrameRing, NeighbourQuestions>();  // rings

}  // namespace shunt
