#include "control/node_identity.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace shunt {

Result<HashKey> read_cluster_key(const std::string& path) {
  std::string bytes = "shunt default cluster key";
  if (!path.empty()) {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.is_open() || file.bad()) return Error{"[node] cluster_key_file", path + ": can't be read"};
    if (bytes.size() < 16) return Error{"[node] cluster_key_file", path + ": at least 16 bytes are needed"};
  }
  const HashKey low{
      {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL, 0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL}};
  const HashKey high{
      {0x452821e638d01377ULL, 0xbe5466cf34e90c6cULL, 0xc0ac29b7c97c50ddULL, 0x3f84d5b5b5470917ULL}};
  const Hash128 first = keyed_hash(low, bytes.data(), bytes.size());
  const Hash128 second = keyed_hash(high, bytes.data(), bytes.size());
  return HashKey{{first.low, first.high, second.low, second.high}};
}

MacAddress tap_mac(const std::string& node, const std::string& port) {
  const std::string name = node + "/" + port;
  const Hash128 hash = keyed_hash(HashKey{{1, 2, 3, 4}}, name.data(), name.size());
  MacAddress mac;
  std::memcpy(mac.bytes.data(), &hash.low, mac.bytes.size());
  mac.bytes[0] = 0x02;  // locally administered, unicast
  return mac;
}

MacAddress second_mac(MacAddress mac) {
  mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] | 0x02U) ^ 0x04U);
  return mac;
}

}  // namespace shunt
