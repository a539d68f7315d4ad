#include "control/announcer.h"

#include <algorithm>
#include <utility>

namespace shunt {
namespace {

std::string backends_up(const VipStatus& vip) {
  return std::to_string(vip.up) + " of " + std::to_string(vip.members) + " backends of " + vip.service +
         " up";
}

const char* announce_name(Announce announce) {
  switch (announce) {
    case Announce::arp:
      return "arp";
    case Announce::route:
      return "route";
    case Announce::automatic:  // resolved by validation
    case Announce::none:
      break;
  }
  return "none";
}

// Of two services of one VIP: first the one that isn't fit, then the one with more of its backends down.
bool is_worse(const Fitness& a, const Fitness& b) {
  return a.fit() == b.fit() ? a.tenths_down() > b.tenths_down() : !a.fit();
}

}  // namespace

void Announcer::decide(VipStatus& vip, bool may_be_fit) {
  const bool is_route = vip.announce == "route";
  if (vip.announce == "none") {
    vip.reason = "announce = \"none\"";
  } else if (!on_) {
    vip.reason = "this shunt is in standby";
  } else if (is_route && stopping_) {
    vip.reason = "shuntd is stopping";
  } else if (!is_route) {
    vip.announced = true;
    vip.reason = "answered for by ARP or ND, whatever is up";
  } else if (vip.fit) {
    vip.announced = true;
    vip.reason = backends_up(vip);
  } else if (may_be_fit && left_.contains(vip.vip)) {
    vip.announced = true;
    vip.reason = backends_up(vip) + "; its route is from before the start, first checks are running";
  } else {
    vip.reason = backends_up(vip) + ", " + std::to_string(vip.needed) + " needed";
  }
  if (!may_be_fit || vip.fit || !vip.announced) left_.erase(vip.vip);
  if (is_route && vip.announced) routes_[vip.vip] = vip.metric;
}

void Announcer::judge_vips(const Config& config, const Judge& judge) {
  struct Judged {
    size_t index = 0;
    Fitness worst;
    uint32_t tenths_down = 0;
    bool may_be_fit = true;
  };
  std::map<Prefix, Judged> judged;
  vips_.clear();
  for (const ServiceConfig& service : config.services) {
    const Fitness fitness = judge(service);
    const auto [entry, fresh] = judged.try_emplace(service.address, Judged{vips_.size(), fitness});
    Judged& all = entry->second;
    if (fresh) {
      VipStatus vip;
      vip.vip = service.address;
      vip.announce = announce_name(service.announce);
      vip.service = service.name;
      vips_.push_back(std::move(vip));
    } else if (is_worse(fitness, all.worst)) {
      all.worst = fitness;
      vips_[all.index].service = service.name;
    }
    all.tenths_down = std::max(all.tenths_down, fitness.tenths_down());
    all.may_be_fit = all.may_be_fit && fitness.may_be_fit();
  }
  for (const auto& [prefix, all] : judged) {
    VipStatus& vip = vips_[all.index];
    vip.up = all.worst.up;
    vip.members = all.worst.members;
    vip.needed = all.worst.needed;
    vip.fit = all.worst.fit();
    if (vip.announce == "route") vip.metric = route_metric(config.routes, all.tenths_down);
    decide(vip, all.may_be_fit);
  }
}

std::vector<RouteEvent> Announcer::update(const Config& config, const Judge& judge) {
  const std::map<Prefix, uint32_t> before = std::exchange(routes_, {});
  judge_vips(config, judge);
  std::vector<RouteEvent> events;
  for (const VipStatus& vip : vips_) {
    const auto old = before.find(vip.vip);
    const auto now = routes_.find(vip.vip);
    const std::string subject = vip.vip.text();
    if (now != routes_.end() && old == before.end()) {
      events.push_back(
          {"route.announced", subject, "metric " + std::to_string(vip.metric) + ": " + vip.reason});
    } else if (now == routes_.end() && old != before.end()) {
      events.push_back({"route.withdrawn", subject, vip.reason});
    } else if (now != routes_.end() && now->second != old->second) {
      events.push_back(
          {"route.metric", subject,
           std::to_string(old->second) + " → " + std::to_string(now->second) + ": " + vip.reason});
    }
  }
  for (const auto& [prefix, metric] : before) {
    const bool known = std::ranges::any_of(vips_, [&](const VipStatus& vip) { return vip.vip == prefix; });
    if (!known) events.push_back({"route.withdrawn", prefix.text(), "no service has it any more"});
  }
  return events;
}

}  // namespace shunt
