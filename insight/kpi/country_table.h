// CountryTable: which country an address is in, by the two files of the Debian package tor-geoipdb (made from
// IPFire's location database, CC BY-SA 4.0). `geoip` has lines `LOW,HIGH,CC` with IPv4 addresses as numbers,
// `geoip6` the same with IPv6 addresses; '#' begins a comment.
//
// Immutable once made; any thread reads. Cost: an IPv4 address is one read of an index by its upper 16 bits
// and a short binary search in a sorted array (bench/ingest_bench.cc). Bound: some 12 MB for the 400,000 and
// 300,000 ranges of the files, at most 4 million lines each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/result.h"

namespace shunt::insight {

// Two letters of ISO 3166-1 (or IPFire's own: T1, A1, XD …); nothing known: "??".
class CountryCode {
 public:
  constexpr CountryCode() = default;
  constexpr CountryCode(char first, char second) : letters_{first, second} {}
  std::string_view text() const { return {letters_.data(), letters_.size()}; }
  auto operator<=>(const CountryCode&) const = default;

 private:
  std::array<char, 2> letters_ = {'?', '?'};
};

class CountryTable {
 public:
  static constexpr const char* kIpv4File = "/usr/share/tor/geoip";
  static constexpr const char* kIpv6File = "/usr/share/tor/geoip6";

  // Every line is read or refused, with its number: ranges must not overlap and must be in order.
  static Result<CountryTable> load(const std::string& ipv4_path = kIpv4File,
                                   const std::string& ipv6_path = kIpv6File);
  static Result<CountryTable> parse(const std::string& ipv4_name, std::string_view ipv4_text,
                                    const std::string& ipv6_name, std::string_view ipv6_text);

  CountryCode of(const IpAddress& address) const;
  CountryCode of_ipv4(uint32_t address) const;  // host order
  size_t ranges() const { return ranges_; }

 private:
  using Wide = __uint128_t;
  void make_index();

  // A range goes from its start to the next one's; what is in no line has a range without a country.
  std::vector<uint32_t> starts_;
  std::vector<CountryCode> codes_;
  std::vector<uint32_t>
      index_;  // [upper 16 bits]: the last range that begins at or before their first address
  std::vector<Wide> wide_starts_;
  std::vector<CountryCode> wide_codes_;
  size_t ranges_ = 0;
};

}  // namespace shunt::insight
