// Voices of nodes become one.
#include "insight/findings/standing.h"

#include <algorithm>
#include <utility>

namespace shunt::insight {
namespace {

// What is worse to miss comes first.
int rank(BackendState state) {
  switch (state) {
    case BackendState::down:
      return 0;
    case BackendState::up:
      return 1;
    case BackendState::starting:
      return 2;
    case BackendState::drain:
      return 3;
    case BackendState::disabled:
      return 4;
    case BackendState::unknown:
      return 5;
  }
  return 5;
}

}  // namespace

bool BackendStanding::is_steady(int64_t now_s) const {
  return state == BackendState::up && weight > 0 && now_s - changed_s >= Standing::kSettle_s;
}

bool BackendStanding::is_set_aside() const {
  return state == BackendState::drain || state == BackendState::disabled || state == BackendState::starting ||
         (state == BackendState::up && !(weight > 0));
}

void Standing::hear(const LiveNode& node) {
  NodeStanding& standing = nodes_[node.name];
  standing = {node.up, node.error};
  if (!node.up) return;
  for (const LiveBackend& backend : node.backends) {
    SeriesName name = backend.name;
    name.node.clear();
    if (!voices_.contains(name) && voices_.size() >= kMostBackends) continue;
    addresses_[name] = backend.address;
    voices_[name][node.name] = {backend.state, backend.reason, backend.weight, now_s_};
  }
}

void Standing::forget() {
  const auto is_over = [&](const auto& voice) {
    const auto node = nodes_.find(voice.first);
    // A node that answers and doesn't name it has it no more.
    return node == nodes_.end() || voice.second.at_s < now_s_ - kForgotten_s ||
           (node->second.up && voice.second.at_s != now_s_);
  };
  for (auto at = voices_.begin(); at != voices_.end();) {
    std::erase_if(at->second, is_over);
    at = at->second.empty() ? voices_.erase(at) : std::next(at);
  }
  std::erase_if(addresses_, [&](const auto& address) { return !voices_.contains(address.first); });
  std::erase_if(backends_, [&](const auto& backend) { return !voices_.contains(backend.first); });
}

BackendStanding Standing::together(const Voices& voices) const {
  BackendStanding all;
  for (const auto& [node, said] : voices) {
    const BackendState state = said.at_s < now_s_ - kHeld_s ? BackendState::unknown : said.state;
    all.weight = std::max(all.weight, said.weight);
    if (rank(state) > rank(all.state)) continue;
    if (state == BackendState::down && !said.reason.empty()) {
      const std::string reason = voices.size() > 1 ? node + ": " + said.reason : said.reason;
      all.reason =
          all.state == BackendState::down && !all.reason.empty() ? all.reason + "; " + reason : reason;
    }
    all.state = state;
  }
  return all;
}

void Standing::sum_up() {
  services_.clear();
  for (const auto& [name, voices] : voices_) {
    BackendStanding now = together(voices);
    now.address = addresses_[name];
    const auto [at, is_new] = backends_.try_emplace(name, now);
    BackendStanding& kept = at->second;
    if (!is_new) {
      const bool changed = kept.state != now.state || kept.weight != now.weight;
      now.changed_s = changed ? now_s_ : kept.changed_s;
      kept = std::move(now);
    } else if (is_running_) {
      kept.changed_s = now_s_;  // it came while we watched
    }
    ServiceStanding& service = services_[name.service];
    ++service.all;
    service.up += kept.state == BackendState::up ? 1U : 0U;
    service.down += kept.state == BackendState::down ? 1U : 0U;
    service.starting += kept.state == BackendState::starting ? 1U : 0U;
    service.unknown += kept.state == BackendState::unknown ? 1U : 0U;
    // Who starts serves already, if less.
    if (!kept.is_set_aside() || kept.state == BackendState::starting) service.weight += kept.weight;
    if (kept.state == BackendState::down) service.weight_down += kept.weight;
  }
  weigh_losses();
  is_running_ = true;
}

void Standing::weigh_losses() {
  constexpr double kHalf = 0.5;
  constexpr double kLessThanHalf = 0.49;
  std::erase_if(halved_s_, [&](const auto& known) { return !services_.contains(known.first); });
  for (auto& [name, service] : services_) {
    service.capacity_lost = service.weight > 0 ? service.weight_down / service.weight : 0;
    if (service.capacity_lost < kHalf) {
      halved_s_.erase(name);
      continue;
    }
    const int64_t since_s = halved_s_.try_emplace(name, now_s_).first->second;
    if (service.capacity_lost <= kHalf && now_s_ - since_s < kRestart_s)
      service.capacity_lost = kLessThanHalf;
  }
}

void Standing::take(const LiveState& live) {
  now_s_ = live.now_s;
  nodes_.clear();
  for (const LiveNode& node : live.nodes)
    hear(node);
  forget();
  sum_up();
}

const BackendStanding* Standing::find(const SeriesName& backend) const {
  const auto found = backends_.find(backend);
  return found == backends_.end() ? nullptr : &found->second;
}

Topology Standing::topology() const {
  Topology topology;
  for (const auto& [name, backend] : backends_) {
    if (topology.services.empty() || topology.services.back().name != name.service)
      topology.services.push_back({name.service, {}});
    topology.services.back().backends.push_back(name.backend);
  }
  return topology;
}

}  // namespace shunt::insight
