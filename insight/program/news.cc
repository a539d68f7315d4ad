#include "insight/program/news.h"

#include <spdlog/spdlog.h>

namespace shunt::insight {

void News::tell(const LiveState& live, const Findings& findings) {
  tell_nodes(live);
  tell_incidents(findings);
}

void News::tell_nodes(const LiveState& live) {
  for (const LiveNode& node : live.nodes) {
    const auto [known, is_new] = up_.try_emplace(node.name, node.up);
    if (!is_new && known->second == node.up) continue;
    known->second = node.up;
    if (node.up) {
      spdlog::info("node {}: read, generation {}", node.name, node.generation);
    } else {
      spdlog::warn("node {}: {}", node.name, node.error.empty() ? "not read yet" : node.error);
    }
  }
}

void News::tell_incidents(const Findings& findings) {
  std::map<int64_t, std::string> open;
  for (const FoundIncident& found : findings.incidents()) {
    if (!found.open) continue;
    open.emplace(found.id, found.incident.headline);
    if (!open_.contains(found.id))
      spdlog::warn("incident {} ({}): {}", found.id, severity_name(found.incident.severity),
                   found.incident.headline);
  }
  for (const auto& [id, headline] : open_) {
    if (!open.contains(id)) spdlog::info("incident {} is over: {}", id, headline);
  }
  open_ = std::move(open);
}

}  // namespace shunt::insight
