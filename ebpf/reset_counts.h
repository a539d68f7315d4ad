// What resets.bpf.c counted, read from its map, and as text: for a person, as JSON, for Prometheus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"

namespace shunt {

struct ResetCount {
  IpAddress address;  // the VIP that the RSTs came from
  uint16_t port = 0;
  uint64_t reset = 0;
  uint64_t refused = 0;
};

struct ResetCounts {
  std::vector<ResetCount> rows;  // by address and port
  uint64_t others_reset = 0;     // of ports that found no place
  uint64_t others_refused = 0;
};

// `program`: of the interface's egress.
Result<ResetCounts> read_resets(int program);
// Whose RSTs are counted from now on: those of these prefixes and no others. Counts stay.
Result<> set_vips(int program, const std::vector<Prefix>& vips);

std::string table_of(const ResetCounts& counts);
std::string json_of(const ResetCounts& counts);
// Metrics shunt_decap_…, for node_exporter's textfile collector.
std::string prometheus_of(const ResetCounts& counts);

}  // namespace shunt
