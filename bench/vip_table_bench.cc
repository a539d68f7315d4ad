// From a destination to its service (dataplane/vip_table.h), for 1 to 10,000 VIPs, beside rte_hash and
// std::unordered_map used in the same way: a probe for each prefix length, exact port, any port, VIP.
//
// `hit`: addresses of their own with an exact port. `prefix`: a quarter each of single addresses and of three
// prefix lengths, half of them with any port. `miss`: destinations that are no VIPs, with the first kind of
// table. The rivals look up whole bursts; ours takes packets one by one, exact ones first, as
// classify does.
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/rival_maps.h"
#include "dataplane/vip_table.h"

namespace shunt::bench {
namespace {

constexpr size_t kBatchPackets = 64 * kBurst;
constexpr uint16_t kVipOnly = 0xfffe;  // a VIP, but no service of it
constexpr uint8_t kTcp = 6;
constexpr uint16_t kPort = 80;

struct VipSet {
  Family family;
  std::vector<VipTable::ServiceRow> services;
  std::vector<VipTable::VipRow> vips;
};

IpAddress address_of(Family family, uint32_t vip, uint32_t host) {
  if (family == Family::ipv4) return IpAddress::v4(be32(0x0a000000 + vip * 256 + host));
  std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  store(&bytes[4], be32(vip));
  store(&bytes[12], be32(host));
  return IpAddress::v6(bytes.data());
}

VipSet make_vips(Family family, uint32_t count, bool prefixes) {
  constexpr std::array<uint8_t, 4> kLengths4 = {32, 28, 26, 24};
  constexpr std::array<uint8_t, 4> kLengths6 = {128, 112, 96, 64};
  const auto& lengths = family == Family::ipv4 ? kLengths4 : kLengths6;
  VipSet set{family, {}, {}};
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t length = lengths[prefixes ? i % 4 : 0];
    const uint32_t host = i % 4 == 0 || !prefixes ? 1 : 0;
    const Prefix vip{address_of(family, i, host), length};
    const auto port = static_cast<uint16_t>(prefixes && i / 4 % 2 == 1 ? 0 : kPort);
    set.services.push_back({vip, Protocol::tcp, port, static_cast<uint16_t>(i + 1)});
    set.vips.push_back({vip, false});
  }
  return set;
}

struct Packet {
  IpAddress destination;
  uint16_t port;

  AddressKey key() const {
    return destination.is_v4() ? AddressKey::v4(destination.v4().raw()) : AddressKey::v6(destination.wire());
  }
};

class Shunt {
 public:
  static constexpr const char* kName = "shunt";

  explicit Shunt(const VipSet& set) : family_(set.family), table_(set.services, set.vips) {}

  static constexpr bool usable() { return true; }
  void find(std::span<const Packet> packets, uint16_t* out) const {
    for (size_t i = 0; i < packets.size(); ++i) {
      out[i] = exact(packets[i]);
      if (out[i] == 0) out[i] = any(packets[i]);
    }
  }

 private:
  uint16_t exact(const Packet& packet) const {
    const be16 port(packet.port);
    if (family_ == Family::ipv6)
      return id_of(table_.exact_v6(Protocol::tcp).find(ExactKey6::at(packet.destination.wire(), port)));
    return id_of(table_.exact_v4(Protocol::tcp).find(ExactKey4::of(packet.destination.v4(), port)));
  }
  static uint16_t id_of(uint64_t tag) {
    return static_cast<uint16_t>(tag >> ExactServices<ExactKey4>::kTagShift);
  }
  uint16_t any(const Packet& packet) const {
    const VipTable::Match match = table_.find(packet.key(), family_, kTcp, packet.port);
    return match.service != 0 ? match.service : match.is_vip ? kVipOnly : kNone;
  }

  Family family_;
  VipTable table_;
};

struct VipKey {
  uint64_t high = 0;
  uint64_t low = 0;
  uint32_t extra = 0;  // length, protocol, port
  uint32_t kind = 0;   // 0: a service, 1: a VIP

  bool operator==(const VipKey&) const = default;
};

// The same rules over another map.
template <template <typename> typename Map>
class Rival {
 public:
  static constexpr const char* kName = Map<VipKey>::kName;

  explicit Rival(const VipSet& set) : map_(set.services.size() + set.vips.size()) {
    if (!map_.usable()) return;
    for (const auto& row : set.services)
      map_.insert(key_of(AddressKey::of(row.vip.network()), row.vip.length, kTcp, row.port, 0), row.service);
    for (const auto& row : set.vips) {
      map_.insert(key_of(AddressKey::of(row.vip.network()), row.vip.length, 0, 0, 1), kVipOnly);
      const Length length = length_of(set.family, row.vip.length);
      if (std::ranges::none_of(lengths_, [&](const Length& known) { return known.bits == length.bits; }))
        lengths_.push_back(length);
    }
    std::ranges::sort(lengths_, std::greater{}, &Length::bits);
  }

  bool usable() const { return map_.usable(); }

  // At most a burst.
  void find(std::span<const Packet> packets, uint16_t* out) const {
    std::array<uint8_t, kBurst> waiting;
    size_t count = packets.size();
    for (size_t i = 0; i < count; ++i) {
      waiting[i] = static_cast<uint8_t>(i);
      out[i] = kNone;
    }
    for (const Length& length : lengths_) {
      count = probe(packets, length, &Rival::exact_port, waiting, count, out);
      count = probe(packets, length, &Rival::any_port, waiting, count, out);
      count = probe(packets, length, &Rival::vip, waiting, count, out);
    }
  }

 private:
  struct Length {
    uint64_t high_mask = 0;
    uint64_t low_mask = 0;
    uint8_t bits = 0;
  };
  using MakeKey = VipKey (*)(const AddressKey&, uint8_t length, uint16_t port);

  static VipKey key_of(const AddressKey& address, uint8_t length, uint8_t protocol, uint16_t port,
                       uint32_t kind) {
    return {address.high, address.low, uint32_t{length} << 24U | uint32_t{protocol} << 16U | port, kind};
  }
  static VipKey exact_port(const AddressKey& address, uint8_t length, uint16_t port) {
    return key_of(address, length, kTcp, port, 0);
  }
  static VipKey any_port(const AddressKey& address, uint8_t length, uint16_t) {
    return key_of(address, length, kTcp, 0, 0);
  }
  static VipKey vip(const AddressKey& address, uint8_t length, uint16_t) {
    return key_of(address, length, 0, 0, 1);
  }

  static Length length_of(Family family, uint8_t bits) {
    const unsigned kept = family == Family::ipv4 ? 96U + bits : bits;
    std::array<uint8_t, 16> mask{};
    for (unsigned bit = 0; bit < kept; ++bit)
      mask[bit / 8] = static_cast<uint8_t>(mask[bit / 8] | 0x80U >> (bit % 8));
    return {load<uint64_t>(mask.data()), load<uint64_t>(&mask[8]), bits};
  }

  // Keeps those waiting for which nothing was found. A VIP found keeps waiting for a shorter prefix's
  // service.
  size_t probe(std::span<const Packet> packets, const Length& length, MakeKey make,
               std::array<uint8_t, kBurst>& waiting, size_t count, uint16_t* out) const {
    if (count == 0) return 0;
    std::array<VipKey, kBurst> keys;
    std::array<uint16_t, kBurst> found;
    for (size_t i = 0; i < count; ++i) {
      AddressKey address = packets[waiting[i]].key();
      address.high &= length.high_mask;
      address.low &= length.low_mask;
      keys[i] = make(address, length.bits, packets[waiting[i]].port);
    }
    map_.find({keys.data(), count}, found.data());
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      if (found[i] != kNone) out[waiting[i]] = found[i];
      if (found[i] == kNone || found[i] == kVipOnly) waiting[left++] = waiting[i];
    }
    return left;
  }

  std::vector<Length> lengths_;
  Map<VipKey> map_;
};

using Packets = std::vector<Packet>;

// To VIPs with their port; to none; and of everything something.
Packets hits(const VipSet& set, size_t count, std::minstd_rand& random) {
  Packets packets;
  for (size_t i = 0; i < count; ++i) {
    const auto& row = set.services[random() % set.services.size()];
    const auto vip = static_cast<uint32_t>(row.service - 1);
    const uint32_t host = row.vip.is_host() ? 1 : static_cast<uint32_t>(random() % 16);
    packets.push_back({address_of(set.family, vip, host), row.port != 0 ? row.port : kPort});
  }
  return packets;
}
Packets misses(const VipSet& set, size_t count, std::minstd_rand& random) {
  Packets packets;
  for (size_t i = 0; i < count; ++i) {
    const auto beyond = static_cast<uint32_t>(set.services.size() + random() % 20'000);
    packets.push_back({address_of(set.family, beyond, 1), kPort});
  }
  return packets;
}

template <typename Theirs>
void prove_equal(const VipSet& set, const Shunt& ours, const Theirs& theirs) {
  std::minstd_rand random(7);
  Packets all = hits(set, 2'000, random);
  for (const Packet& packet : misses(set, 2'000, random))
    all.push_back(packet);
  const size_t known = all.size();
  for (size_t i = 0; i < known; ++i) {
    Packet packet = all[i];
    packet.port = 81;
    all.push_back(packet);
  }
  std::array<size_t, 3> kinds{};
  for (size_t at = 0; at < all.size(); at += kBurst) {
    const auto burst = std::span(all).subspan(at, std::min(kBurst, all.size() - at));
    std::array<uint16_t, kBurst> mine{};
    std::array<uint16_t, kBurst> yours{};
    ours.find(burst, mine.data());
    theirs.find(burst, yours.data());
    prove(mine == yours, std::string("VipTable and ") + Theirs::kName + " find the same services");
    for (size_t i = 0; i < burst.size(); ++i)
      ++kinds[mine[i] == kNone ? 0 : mine[i] == kVipOnly ? 1 : 2];
  }
  prove(kinds[0] > 0 && kinds[1] > 0 && kinds[2] > 0, "services, bare VIPs and strangers were asked for");
}

template <typename Table>
Candidate candidate(const Table& table, const std::vector<Packets>& batches, size_t& turn,
                    std::vector<uint16_t>& out) {
  return {Table::kName, [&turn, &batches] { turn = (turn + 1) % batches.size(); },
          [&] {
            const Packets& batch = batches[turn];
            for (size_t at = 0; at < batch.size(); at += kBurst)
              table.find(std::span(batch).subspan(at, kBurst), &out[at]);
            keep(out[0]);
            return batch.size();
          }};
}

template <typename Theirs>
void compare(Report& report, const char* test_case, const VipSet& set) {
  Row row;
  row.test_case = test_case;
  row.family = set.family == Family::ipv4 ? "ipv4" : "ipv6";
  row.extra = {{"vips", static_cast<double>(set.vips.size())}};
  if (!report.wants(row)) return;
  const Shunt ours(set);
  const Theirs theirs(set);
  if (!theirs.usable()) return;
  prove_equal(set, ours, theirs);
  std::minstd_rand random(1);
  std::vector<Packets> batches;
  for (int i = 0; i < 8; ++i)
    batches.push_back(std::string_view(test_case) == "miss" ? misses(set, kBatchPackets, random)
                                                            : hits(set, kBatchPackets, random));
  size_t our_turn = 0;
  size_t their_turn = 0;
  std::vector<uint16_t> out(kBatchPackets);
  const Candidate candidates[] = {candidate(ours, batches, our_turn, out),
                                  candidate(theirs, batches, their_turn, out)};
  report.measure(row, candidates, 4, 4);
}

int run(int argc, char** argv) {
  const Options options =
      read_options(argc, argv, "VIP lookup beside other maps. --max-flows is the most VIPs.");
  const bool eal = start_eal(64);
  Report report("vip_table", options);
  for (const uint64_t vips : options.sizes({1, 100, 1'000, 10'000}, {100, 10'000})) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      for (const char* test_case : {"hit", "miss", "prefix"}) {
        const VipSet set =
            make_vips(family, static_cast<uint32_t>(vips), std::string_view(test_case) == "prefix");
        if (eal) compare<Rival<RteHash>>(report, test_case, set);
        compare<Rival<StdMap>>(report, test_case, set);
      }
    }
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  shunt::bench::malloc_in_huge_pages(argv);
  return shunt::bench::run(argc, argv);
}
