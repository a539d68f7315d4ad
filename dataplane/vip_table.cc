#include "dataplane/vip_table.h"

#include <algorithm>
#include <bit>

#include "dataplane/packet_view.h"

namespace shunt {

VipTable::Length VipTable::length_of(const Prefix& prefix) {
  // The mask is the network address of "all ones" under the same length, with IPv4's mapped part kept whole.
  std::array<uint8_t, 16> ones;
  ones.fill(0xff);
  const IpAddress all =
      prefix.address.is_v4() ? IpAddress::v4(be32(0xffffffffU)) : IpAddress::v6(ones.data());
  auto mask = Prefix{all, prefix.length}.network().bytes();
  if (prefix.address.is_v4()) std::fill(mask.begin(), mask.begin() + 12, uint8_t{0xff});
  return {load<uint64_t>(mask.data()), load<uint64_t>(mask.data() + 8), prefix.length};
}

VipTable::VipTable(const std::vector<ServiceRow>& services, const std::vector<VipRow>& vips) {
  std::vector<std::pair<AddressKey, Value>> service_rows;
  std::vector<std::pair<AddressKey, Value>> vip_rows;
  for (const ServiceRow& row : services) {
    const auto key = AddressKey::of(row.vip.network(),
                                    extra(row.vip.length, static_cast<uint8_t>(row.protocol), row.port));
    service_rows.emplace_back(key, Value{row.service, false});
  }
  for (const VipRow& row : vips) {
    vip_rows.emplace_back(AddressKey::of(row.vip.network(), extra(row.vip.length, 0, 0)),
                          Value{0, row.punt_unserved});
    auto& known = row.vip.address.is_v4() ? lengths4_ : lengths6_;
    const Length length = length_of(row.vip);
    if (std::ranges::none_of(known, [&](const Length& other) { return other.bits == length.bits; }))
      known.push_back(length);
  }
  std::ranges::sort(lengths4_, std::greater{}, &Length::bits);
  std::ranges::sort(lengths6_, std::greater{}, &Length::bits);
  fill_exact(services);
  fill_filter(vips);
  services_ = AddressMap<Value>(service_rows);
  vips_ = AddressMap<Value>(vip_rows);
}

void VipTable::fill_exact(const std::vector<ServiceRow>& services) {
  for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    std::vector<std::pair<ExactKey4, uint16_t>> of_v4;
    std::vector<std::pair<ExactKey6, uint16_t>> of_v6;
    for (const ServiceRow& row : services) {
      if (!row.vip.is_host() || row.port == 0 || row.protocol != protocol) continue;
      if (protocol == Protocol::udp && row.port == kGuePort) continue;
      const be16 port(row.port);
      if (row.vip.address.is_v4()) {
        of_v4.emplace_back(ExactKey4::of(row.vip.address.v4(), port), row.service);
      } else {
        of_v6.emplace_back(ExactKey6::at(row.vip.address.wire(), port), row.service);
      }
    }
    exact4_[index_of(protocol)] = ExactServices<ExactKey4>(of_v4);
    exact6_[index_of(protocol)] = ExactServices<ExactKey6>(of_v6);
  }
}

VipTable::Match VipTable::find(const AddressKey& destination, Family family, uint8_t protocol,
                               uint16_t port) const {
  Match match;
  for (const Length& length : lengths(family)) {
    const AddressKey key = masked(destination, length);
    const Value* value = services_.find(key.with(extra(length.bits, protocol, port)));
    if (value == nullptr) value = services_.find(key.with(extra(length.bits, protocol, 0)));
    if (value != nullptr) return {true, false, value->service};
    const Value* vip = vips_.find(key.with(extra(length.bits, 0, 0)));
    if (vip != nullptr && !match.is_vip) match = {true, vip->punt_unserved, 0};
  }
  return match;
}

bool VipTable::holds(const AddressKey& key, const Length& length) const {
  return vips_.find(key.with(extra(length.bits, 0, 0))) != nullptr;
}

bool VipTable::is_vip_v6(const uint8_t* address) const {
  return is_vip(AddressKey::v6(address), Family::ipv6);
}

bool VipTable::is_surely_vip_v4(uint32_t raw) const {
  return is_vip(AddressKey::v4(raw), Family::ipv4);
}

void VipTable::fill_filter(const std::vector<VipRow>& vips) {
  filter_.assign(std::bit_ceil(vips.size() * kFilterBitsPerVip / 64 + 1), 0);
  filter4_.assign(filter_.size(), 0);
  const auto word_bits = static_cast<unsigned>(std::countr_zero(filter_.size()));
  filter_shift_ = 58U - word_bits;
  filter4_shift_ = 26U - word_bits;
  const auto set = [](std::vector<uint64_t>& filter, size_t bit) {
    filter[bit / 64] |= uint64_t{1} << (bit % 64);
  };
  for (const VipRow& row : vips) {
    set(filter_, filter_bit(AddressKey::of(row.vip.network())));
    if (row.vip.address.is_v4()) set(filter4_, filter_bit_v4(row.vip.network().v4().raw()));
  }
}

}  // namespace shunt
