// ClientCounts: where the clients of a service are, how many there are, and who opens most, by the minute.
//
// Records of failures are there of all flows, others of watched ones alone, one in `sample`: each of those
// stands for that many. So flows are estimates, failures are not; unique clients are those that were seen.
//
// Owner: one thread. Time is given. Bound: max_services, each with 256 countries, a sketch of 4 kB and 64
// candidates; what comes beyond is counted and passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "insight/kpi/country_table.h"
#include "insight/kpi/heavy_hitters.h"
#include "insight/kpi/series_name.h"
#include "insight/kpi/unique_sketch.h"
#include "stats/flow_record.h"

namespace shunt::insight {

// Nobody needs to know a client by its address to see who loads a service: its /24, of IPv6 its /48.
std::string client_prefix(const IpAddress& client);

struct CountryFlows {
  uint64_t flows = 0;  // estimated, failures included
  uint64_t failures = 0;
};

struct ClientMinute {
  int64_t begin_s = 0;
  std::shared_ptr<const SeriesName> service;  // as a whole
  std::map<CountryCode, CountryFlows> countries;
  UniqueSketch clients;
  std::vector<HeavyHitter> top;  // prefixes: /24 of IPv4, /48 of IPv6; the largest first
};

struct ClientSettings {
  uint32_t max_services = 1'000;
  int64_t lateness_s = 2;
};

class ClientCounts {
 public:
  struct Tally {
    uint64_t records = 0;
    uint64_t late = 0;  // of a minute that is closed, or of one in the future
    uint64_t unknown_client = 0;
    uint64_t passed_over = 0;  // of services beyond the bound
  };
  using Sink = std::function<void(ClientMinute&&)>;

  // `countries` may be absent: then all are "??". It outlives this.
  ClientCounts(const ClientSettings& settings, const CountryTable* countries, int64_t now_us, Sink sink);

  // `sample`: one in how many flows is watched at this node.
  void take(const SeriesName& service, const FlowRecord& record, uint32_t sample);
  // Hands out the minutes that are over for `lateness_s`.
  void advance(int64_t now_us);
  const Tally& tally() const { return tally_; }

 private:
  struct Service {
    std::shared_ptr<const SeriesName> name;
    std::map<CountryCode, CountryFlows> countries;
    UniqueSketch clients;
    HeavyHitters top;
  };
  using Minute = std::map<std::string, Service>;

  ClientSettings settings_;
  const CountryTable* countries_;
  int64_t open_minute_;                // the first that isn't closed
  std::map<int64_t, Minute> minutes_;  // two at most: the open one and the next
  Sink sink_;
  Tally tally_;
};

}  // namespace shunt::insight
