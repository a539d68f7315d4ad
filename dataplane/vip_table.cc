#include "dataplane/vip_table.h"

#include <algorithm>
#include <bit>

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
  exact4_.assign(std::bit_ceil(services.size() * 4 + 2), ExactRow{});
  exact_shift_ = 64U - static_cast<unsigned>(std::countr_zero(exact4_.size()));
  for (const ServiceRow& row : services) {
    if (!row.vip.address.is_v4() || !row.vip.is_host() || row.port == 0) continue;
    const uint64_t key =
        exact_key(row.vip.address.v4().raw(), be16(row.port), static_cast<uint8_t>(row.protocol));
    size_t at = exact_home(key);
    while (exact4_[at].key != 0 && exact4_[at].key != key)
      at = (at + 1) & (exact4_.size() - 1);
    exact4_[at] = {key, row.service};
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

void VipTable::fill_filter(const std::vector<VipRow>& vips) {
  filter_.assign(std::bit_ceil(vips.size() * kFilterBitsPerVip / 64 + 1), 0);
  filter_shift_ = 58U - static_cast<unsigned>(std::countr_zero(filter_.size()));
  for (const VipRow& row : vips) {
    const size_t bit = filter_bit(AddressKey::of(row.vip.network()));
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

}  // namespace shunt
