// ICMP to a VIP, and ICMP errors about nat flows: what classify, select and rewrite do with them.
//
//   classify: take_icmp       an echo request → answered; an error → its service and flow key
//   select:   direct_errors   → the backend that owns the quoted flow; no table changes
//   rewrite:  translate_error   in nat, the addresses outside and in the quote; elsewhere an error travels as
//                             its flow's packets do
//
// An error about a packet that left the VIP quotes it, so its flow key is the quoted header reversed; behind
// nat, one about a packet to a backend quotes that as the client's with the backend as destination. Cost: a
// checksum and the lookups of a miss; out of line, since such packets are rare. RFC 5508 for nat.
#pragma once

#include "common/clock.h"
#include "dataplane/burst.h"
#include "dataplane/icmp_message.h"
#include "dataplane/snapshot.h"
#include "dataplane/translation.h"
#include "dataplane/worker_state.h"

namespace shunt {

// Is there somebody at this packet's source whom an answer reaches, and who may be its sender? (RFC 1122
// 3.2.2. What parse calls a bad source never comes this far.)
bool may_be_answered(const Burst& burst, unsigned i, const Snapshot& snapshot);

// For a packet without TCP or UDP. True: its fate is told, or it is one of burst.errors. False: it is none of
// these; to `match` it is like any other packet.
bool take_icmp(Burst& burst, unsigned i, const VipTable::Match& match, const Snapshot& snapshot,
               WorkerState& worker);

// Makes burst.errors live again, each with its backend, or drops it.
void direct_errors(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now);

// Changes one end of the error itself and the other end of the packet it quotes, takes `hops` away, and
// brings every checksum up to date: the quoted ones by what changed (RFC 1624), the message's own in full,
// because it was right when the error came. Port 0: the quoted one stays.
void translate_error(const PacketView& view, uint8_t* frame, End end, const IpAddress& address, be16 port,
                     uint8_t hops);

}  // namespace shunt
