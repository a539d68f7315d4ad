// The hash that names a flow's slot: of the 5-tuple, or of the client's address where the service says so.
// The same on all shunts of a cluster.
#pragma once

#include "common/keyed_hash.h"
#include "dataplane/packet_view.h"
#include "dataplane/snapshot.h"

namespace shunt {

// Of the address's leading bits alone, so that a client has one slot in all services of a pool.
[[gnu::always_inline]] inline Hash128 source_hash(const Service& service, const HashKey& cluster_key, L3 l3,
                                                  const uint8_t* source) {
  if (l3 == L3::ipv4)
    return keyed_hash(cluster_key, load<uint32_t>(source) & service.source_mask4, uint64_t{4} << 56U);
  return keyed_hash(cluster_key, load<uint64_t>(source) & service.source_mask6[0],
                    load<uint64_t>(source + 8) & service.source_mask6[1]);
}

// `addresses`: source and destination side by side, as in a packet. `ports`: both, raw.
[[gnu::always_inline]] inline Hash128 cluster_hash(const Service& service, const HashKey& cluster_key, L3 l3,
                                                   const uint8_t* addresses, uint32_t ports,
                                                   uint8_t protocol) {
  if (service.hashes_source) [[unlikely]]
    return source_hash(service, cluster_key, l3, addresses);
  return l3 == L3::ipv4 ? slot_hash_v4(cluster_key, addresses, ports, protocol)
                        : slot_hash_v6(cluster_key, addresses, ports, protocol);
}

}  // namespace shunt
