#include "control/path_mtus.h"

#include <algorithm>

namespace shunt {

bool PathMtus::note(const IpAddress& to, uint16_t mtu, uint64_t now_ns) {
  const uint16_t before = of(to);
  std::vector<Report>& reports = reports_[to];
  // A narrower one that lasts longer makes the wider ones needless.
  std::erase_if(reports, [mtu](const Report& old) { return old.mtu >= mtu; });
  if (reports.size() < kRemembered) reports.push_back({mtu, now_ns + kRememberedNs});
  return of(to) < before;
}

bool PathMtus::expire(uint64_t now_ns) {
  bool wider = false;
  for (auto& [to, reports] : reports_) {
    const auto over = std::erase_if(reports, [now_ns](const Report& old) { return old.until_ns <= now_ns; });
    wider = wider || over != 0;
  }
  std::erase_if(reports_, [](const auto& entry) { return entry.second.empty(); });
  return wider;
}

uint16_t PathMtus::of(const IpAddress& to) const {
  const auto found = reports_.find(to);
  return found == reports_.end() || found->second.empty() ? uint16_t{UINT16_MAX} : found->second.front().mtu;
}

}  // namespace shunt
