// The stages, in the order that packets meet them. Each is a free function over the live packets of one
// burst.
//
//   receive → parse → classify → lookup → select → rewrite → transmit
//
// Nearly all packets are parsed and classified in one pass before, take_plain. A stage decides a packet's
// fate at most once, which takes it out of the live ones; only transmit frees. receive and transmit are
// templates over the device edge (FrameIo) in files of their own. What comes in equals what goes out: the
// worker's ledger is balanced after every loop.
#pragma once

#include "common/clock.h"
#include "dataplane/burst.h"
#include "dataplane/snapshot.h"
#include "dataplane/worker_state.h"

namespace shunt {

// Both of the next two, for plain packets to exactly a service's address and port.
void take_plain(Burst& burst, const PortState& port, const Snapshot& snapshot, const WorkerState& worker);

// Ethernet, VLAN tags, IP, TCP and UDP into the view. Drops what isn't for this port or can't be read at all;
// what is merely malformed is marked, because the kernel may want it.
void parse(Burst& burst, const PortState& port);

// Destination → service and flow key, or a nat backend's reply, or the kernel's.
void classify(Burst& burst, const Snapshot& snapshot, WorkerState& worker);

// The connection table, for the whole burst. What it doesn't settle is `selecting`.
void lookup(Burst& burst, WorkerState& worker, const Now& now);

// For the others: probation, choice of a backend, new entries.
void select(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now);

// Encapsulates or translates, and finds the way out.
void rewrite(Burst& burst, const Snapshot& snapshot, WorkerState& worker);

// The same for one fragment, or for a piece of what was cut, that fits the way to its destination.
void rewrite_fragment(Packet& packet, WorkerState& worker);

}  // namespace shunt
