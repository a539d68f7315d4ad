// Rehearsal: what the workers would do now with a packet that never came.
//
// The packet goes through the stages themselves, by the published snapshot, with a worker state of its own
// into which the lines of a worker's tables that the packet would meet are copied, with that worker's counts
// and turns. So it can't say anything else than what the worker would do, and the worker knows nothing of it.
//
// Owner: the control thread. Bound: address space for tables of the worker's size, a few pages of which are
// ever touched. Cost of a run: a few lines, and the service's counter rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "common/keyed_hash.h"
#include "common/result.h"
#include "dataplane/burst.h"
#include "dataplane/table_memory.h"
#include "dataplane/worker_state.h"

namespace shunt {

// A client's packet to a VIP, without payload. Both addresses are of one family.
struct ImaginedPacket {
  IpAddress client;
  uint16_t client_port = 0;
  IpAddress vip;
  uint16_t vip_port = 0;
  Protocol protocol = Protocol::tcp;
};

// What a worker's tables know of a flow.
struct KnownFlow {
  BackendRef backend;
  bool waits = false;                         // in probation: the client's second packet hasn't come
  ProbationKind kind = ProbationKind::empty;  // of one that waits
  TcpState state = TcpState::none;            // of the others
  uint32_t idle_ms = 0;                       // since its last packet, by seconds; waits: since its first
};

struct Rehearsed {
  enum class End : uint8_t { sent, punted, handed_over, cut, answered, dropped };

  bool opens = false;    // a SYN or datagram of a flow that no table knows; else a further packet of its flow
  uint8_t in_port = 0;   // where the client's packets come from, by the routes
  uint8_t out_port = 0;  // of what is sent
  End end = End::dropped;
  DropReason reason = DropReason::no_service;  // dropped, answered
  uint8_t owner = 0;                           // handed over: the worker that owns the flow
  const Service* service = nullptr;            // of the snapshot; nullptr: none was found
  std::optional<KnownFlow> known;
  std::optional<BackendRef> backend;  // it was given, also where it then couldn't be sent
  bool forgetting = false;            // so many openings come by there that all go by slot
  Hash128 hash;                       // what names the slot, of a service
  std::vector<uint8_t> in;            // the frame
  std::vector<uint8_t> out;           // what became of it; sent only
};

class Rehearsal {
 public:
  // Of tables as large, and under the same key, as these.
  static Result<std::unique_ptr<Rehearsal>> make(const WorkerState& like);

  // What `worker` would do. It goes on meanwhile.
  Rehearsed run(const Snapshot& snapshot, const WorkerState& worker, const ImaginedPacket& packet,
                const Now& now);

 private:
  struct Memory {
    TableMemory flows;
    TableMemory probation;
    TableMemory pairs;
    TableMemory services;
  };
  Rehearsal(Memory memory, const WorkerState& like);

  void put(const std::vector<uint8_t>& frame, uint8_t port);
  void walk_to_key(const Snapshot& snapshot, const std::vector<uint8_t>& frame, uint8_t port);
  void copy_tables(const WorkerState& worker, const Packet& packet);
  void copy_counts(const WorkerState& worker, const Service& service);
  void clear_tables(const Packet& packet);
  std::optional<KnownFlow> known_flow(const Snapshot& snapshot, const Packet& packet, const Now& now);
  void tell_end(Rehearsed& told) const;

  Memory memory_;
  WorkerState state_;
  Burst burst_;
  std::vector<uint8_t> buffer_;  // headroom, then the frame
};

}  // namespace shunt
