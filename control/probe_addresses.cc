#include "control/probe_addresses.h"

#include <set>
#include <utility>
#include <vector>

#include "control/probe_prefix.h"

namespace shunt {
namespace {

// Places are counted from 0, the prefix's own address.
IpAddress address_at(const Prefix& prefix, uint32_t place) {
  const IpAddress network = prefix.network();
  if (network.is_v4()) return IpAddress::v4(be32(network.v4().host() + place));
  std::array<uint8_t, 16> bytes = network.bytes();
  store(bytes.data() + 12, be32(load<be32>(bytes.data() + 12).host() + place));
  return IpAddress::v6(bytes.data());
}

}  // namespace

Result<> ProbeAddresses::assign(const Config& config) {
  std::map<Key, IpAddress> given;
  std::set<IpAddress> taken;
  std::vector<std::pair<Key, Prefix>> fresh;
  for (const PoolConfig& pool : config.pools) {
    const auto prefix = probe_prefix_of(config, pool);
    if (!prefix) continue;
    for (const BackendConfig& backend : pool.backends) {
      Key key{pool.name, backend.address, backend.port};
      const auto before = given_.find(key);
      if (before == given_.end() || !prefix->contains(before->second)) {
        fresh.emplace_back(std::move(key), *prefix);
      } else {
        taken.insert(before->second);
        given.emplace(std::move(key), before->second);
      }
    }
  }
  std::map<Prefix, uint32_t> last = last_;
  for (const auto& [key, prefix] : fresh) {
    const uint32_t places = probe_capacity(prefix);
    uint32_t& place = last[prefix];
    uint32_t tries = 0;
    do {
      if (tries++ == places)
        return Error{"pool \"" + std::get<0>(key) + "\"", "probe_prefix " + prefix.text() +
                                                              " has an address for " +
                                                              std::to_string(places) + " backends only"};
      place = place % places + 1;
    } while (!taken.insert(address_at(prefix, place)).second);
    given.emplace(key, address_at(prefix, place));
  }
  given_ = std::move(given);
  last_ = std::move(last);
  return Ok{};
}

std::optional<IpAddress> ProbeAddresses::of(const std::string& pool, const BackendConfig& backend) const {
  const auto found = given_.find({pool, backend.address, backend.port});
  if (found == given_.end()) return std::nullopt;
  return found->second;
}

}  // namespace shunt
