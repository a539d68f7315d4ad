// ClientMacs: the MACs that on-link clients of nat services were last heard from, for the first reply to
// each.
//
// The kernel is asked for a client's MAC only when a reply misses it, so without this the first SYN-ACK to
// every new on-link client would be lost, and a connection begin a second late. Used only until the kernel
// names the neighbour: what it says always wins. Owner: one Worker. Bound: kEntries; two clients that share a
// place overwrite each other, which costs the older one that first reply. Cost: one line, when a nat flow
// opens.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"

namespace shunt {

class ClientMacs {
 public:
  void learn(uint8_t port, const IpAddress& address, const uint8_t* mac) {
    Entry& entry = entries_[place_of(address)];
    entry.used = true;
    entry.port = port;
    entry.address = address;
    std::memcpy(entry.mac.bytes.data(), mac, entry.mac.bytes.size());
  }

  const MacAddress* find(uint8_t port, const IpAddress& address) const {
    const Entry& entry = entries_[place_of(address)];
    return entry.used && entry.port == port && entry.address == address ? &entry.mac : nullptr;
  }

 private:
  static constexpr size_t kEntries = 4096;
  struct Entry {
    IpAddress address;
    MacAddress mac;
    uint8_t port = 0;
    bool used = false;
  };

  // Unkeyed: whoever aims at another client's place can only delay that one's first reply.
  static size_t place_of(const IpAddress& address) {
    const auto low = load<uint64_t>(address.bytes().data() + 8);
    const auto high = load<uint64_t>(address.bytes().data());
    return ((low ^ high) * 0x9e3779b97f4a7c15ULL) >> 52U;
  }

  std::array<Entry, kEntries> entries_{};
};

}  // namespace shunt
