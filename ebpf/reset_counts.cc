#include "ebpf/reset_counts.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "ebpf/resets.h"
#include "ebpf/tc_programs.h"

namespace shunt {
namespace {

constexpr std::array<uint8_t, 12> kMappedV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

IpAddress address_of(const uint8_t* bytes) {
  const bool is_v4 = std::memcmp(bytes, kMappedV4.data(), kMappedV4.size()) == 0;
  return is_v4 ? IpAddress::v4(load<be32>(bytes + kMappedV4.size())) : IpAddress::v6(bytes);
}

resets_prefix key_of(const Prefix& prefix) {
  resets_prefix key{};
  const bool is_v4 = prefix.address.is_v4();
  key.bits = prefix.length + (is_v4 ? 96U : 0U);
  std::memcpy(key.address, prefix.address.bytes().data(), sizeof key.address);
  return key;
}

Error no_map(const char* name) {
  return {name, "the program on the interface has no such map: another version's? detach, then attach"};
}

// Every entry of a map, though others change it meanwhile.
template <typename Key, typename Tell>
void each_key(int map, Tell&& tell) {
  Key previous{};
  Key key{};
  bool more = bpf_map_get_next_key(map, nullptr, &key) == 0;
  while (more) {
    previous = key;
    more = bpf_map_get_next_key(map, &previous, &key) == 0;
    tell(previous);
  }
}

}  // namespace

Result<ResetCounts> read_resets(int program) {
  const UniqueFd map = map_of_program(program, "resets");
  if (!map) return no_map("resets");
  ResetCounts counts;
  each_key<resets_key>(map.get(), [&](const resets_key& key) {
    resets_count count{};
    if (bpf_map_lookup_elem(map.get(), &key, &count) != 0) return;
    const ResetCount row{address_of(key.address), key.port, count.reset, count.refused};
    if (key.port != 0) return counts.rows.push_back(row);
    counts.others_reset = row.reset;
    counts.others_refused = row.refused;
  });
  std::ranges::sort(counts.rows, {}, [](const ResetCount& row) { return std::tuple(row.address, row.port); });
  return counts;
}

Result<> set_vips(int program, const std::vector<Prefix>& vips) {
  const UniqueFd counts = map_of_program(program, "resets");
  const UniqueFd known = map_of_program(program, "vips");
  if (!counts || !known) return no_map("vips");
  const resets_key others{};
  const resets_count none{};
  if (bpf_map_update_elem(counts.get(), &others, &none, BPF_NOEXIST) != 0 && errno != EEXIST)
    return Error{"resets", std::strerror(errno)};
  std::vector<resets_prefix> stale;
  each_key<resets_prefix>(known.get(), [&](const resets_prefix& key) { stale.push_back(key); });
  for (const Prefix& vip : vips) {
    const resets_prefix key = key_of(vip);
    const uint8_t yes = 1;
    if (bpf_map_update_elem(known.get(), &key, &yes, BPF_ANY) != 0)
      return Error{vip.text(), std::strerror(errno)};
    std::erase_if(stale, [&](const resets_prefix& old) { return std::memcmp(&old, &key, sizeof key) == 0; });
  }
  for (const resets_prefix& key : stale)
    bpf_map_delete_elem(known.get(), &key);
  return Ok{};
}

std::string table_of(const ResetCounts& counts) {
  std::ostringstream text;
  text << "VIP  PORT  RESET  REFUSED\n";
  for (const ResetCount& row : counts.rows)
    text << row.address.text() << "  " << row.port << "  " << row.reset << "  " << row.refused << "\n";
  if (counts.others_reset + counts.others_refused != 0)
    text << "others  -  " << counts.others_reset << "  " << counts.others_refused << "\n";
  return text.str();
}

std::string json_of(const ResetCounts& counts) {
  nlohmann::ordered_json json;
  json["resets"] = nlohmann::ordered_json::array();
  for (const ResetCount& row : counts.rows)
    json["resets"].push_back({{"address", row.address.text()},
                              {"port", row.port},
                              {"reset", row.reset},
                              {"refused", row.refused}});
  json["others"] = {{"reset", counts.others_reset}, {"refused", counts.others_refused}};
  return json.dump() + "\n";
}

std::string prometheus_of(const ResetCounts& counts) {
  std::ostringstream text;
  const auto family = [&](const char* name, const char* help, uint64_t ResetCount::* count, uint64_t others) {
    text << "# HELP " << name << " " << help << "\n# TYPE " << name << " counter\n";
    for (const ResetCount& row : counts.rows)
      text << name << "{address=\"" << row.address.text() << "\",port=\"" << row.port << "\"} " << row.*count
           << "\n";
    text << name << "{address=\"other\",port=\"other\"} " << others << "\n";
  };
  family("shunt_decap_resets_total", "RSTs of connections that left from a VIP.", &ResetCount::reset,
         counts.others_reset);
  family("shunt_decap_refused_total", "RSTs that left from a VIP in answer to a SYN.", &ResetCount::refused,
         counts.others_refused);
  return text.str();
}

}  // namespace shunt
