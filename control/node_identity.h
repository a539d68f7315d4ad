// What a node is known by: the cluster key that chooses backends, and the MACs that it makes up.
#pragma once

#include <string>

#include "common/address.h"
#include "common/keyed_hash.h"
#include "common/result.h"

namespace shunt {

// The file's bytes, whatever they are (at least 16), become a key. Without a file it is the same fixed one
// everywhere.
Result<HashKey> read_cluster_key(const std::string& path);

// A tap's MAC is made from the names, so that it is the same after every start: neighbours remember it.
MacAddress tap_mac(const std::string& node, const std::string& port);

// What the kernel sends to this MAC is for a VIP, and enters the pipeline.
MacAddress second_mac(MacAddress port_mac);

}  // namespace shunt
