// HostScraper: asks the node_exporter of each backend's machine, again and again, and tells what it says.
//
// Whom: the addresses of all backends that the live state has, each once. When: every `interval_s`, spread
// over it; a host that has refused kTired times in a row is asked less and less often, once a minute in the
// end (most machines have no node_exporter). Numbers are stale after three intervals without an answer, and
// forgotten with their backend.
//
// Owner: one thread; the asker answers on it, once for each question, whenever; an answer that comes when the
// scraper has given up (kGivenUp_s), or is no more, changes nothing. Bound: kMostHosts hosts (the others are
// counted), kAtOnce questions at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "insight/hosts/host_reading.h"
#include "insight/warehouse/rows.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct HostSettings {
  uint16_t port = 9100;
  int64_t interval_s = 5;
};

class HostScraper {
 public:
  static constexpr size_t kMostHosts = 2'000;
  static constexpr size_t kAtOnce = 16;
  static constexpr int64_t kGivenUp_s = 30;
  static constexpr uint32_t kTired = 3;
  static constexpr int64_t kSlowest_s = 60;
  static constexpr int64_t kStaleIntervals = 3;

  // The text of /metrics, or why there is none.
  using Answer = std::function<void(Result<std::string>)>;
  using Ask = std::function<void(const std::string& address, uint16_t port, Answer answer)>;
  using Put = std::function<void(WarehouseRow)>;  // a HostRow for each backend and minute
  struct Tally {
    uint64_t asked = 0;
    uint64_t answered = 0;  // with numbers
    uint64_t refused = 0;   // answers that are none of a node_exporter
    uint64_t failed = 0;    // no answer
    uint64_t given_up = 0;
    uint64_t passed_over = 0;  // hosts for which there was no room, each second
  };

  using Clock = std::function<int64_t()>;  // milliseconds since 1970

  HostScraper(const HostSettings& settings, Ask ask, Put put, Clock clock_ms);
  ~HostScraper();
  HostScraper(const HostScraper&) = delete;
  HostScraper& operator=(const HostScraper&) = delete;

  // Once a second, behind the readings of nodes: asks who is due, and fills live.hosts.
  void tick(LiveState& live);
  const Tally& tally() const;
  // Why a host has no numbers; empty: it has, or it wasn't asked.
  std::string error(const std::string& address) const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;  // answers hold it weakly
};

}  // namespace shunt::insight
