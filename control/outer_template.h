// What rewrite is to do for a backend, and the outer header that it puts before packets, made once per
// backend (dataplane/outer_header.h fills in what differs from packet to packet). Pure functions, for the
// compiler.
#pragma once

#include <cstdint>

#include "common/forwarding.h"
#include "dataplane/snapshot.h"

namespace shunt {

// By the forwarding mode (of gue the variant too) and the backend's family, which is that of an outer header.
Change change_for(Forward forward, uint8_t gue_variant, Family backend);

// How many bytes a packet grows by.
uint8_t outer_bytes_of(Change change);

// Fills in the outer header's fixed fields and their sum. `destination` has its backend's address and its
// change; `source` is of the same family, its spread bits 0. `inner`: of the packets.
void seal_outer(Destination& destination, const IpAddress& source, Forward forward, Family inner);

}  // namespace shunt
