// Announcer: which VIPs this shunt announces now, and why it doesn't announce the others.
//
// A VIP with `announce = "route"` is announced while each of its services is fit. Nothing is announced in
// standby (VRRP: the other shunt has the VIPs), and no route while shuntd is stopping. A route that an
// earlier shuntd left behind is kept while its VIP's first checks run, so that a quick restart isn't seen
// outside.
//
// Owner: the control thread. Configuration and fitness in, announcements and events out. Bound: an entry for
// each VIP.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/route_status.h"
#include "control/vip_fitness.h"

namespace shunt {

struct RouteEvent {
  std::string kind;     // route.announced, route.withdrawn, route.metric
  std::string subject;  // the VIP
  std::string text;
};

class Announcer {
 public:
  using Judge = std::function<Fitness(const ServiceConfig&)>;

  // `left`: VIPs that have a route from before the start.
  Announcer(bool standby, std::set<Prefix> left) : on_(!standby), left_(std::move(left)) {}

  bool on() const { return on_; }
  bool stopping() const { return stopping_; }
  void set_on(bool on) { on_ = on; }
  void stop() { stopping_ = true; }  // for good

  // Judges all VIPs anew. The events of what became another.
  std::vector<RouteEvent> update(const Config& config, const Judge& judge);

  // VIPs with a route now, with its metric.
  const std::map<Prefix, uint32_t>& routes() const { return routes_; }
  // Every VIP, in the order of the file's first service of each.
  const std::vector<VipStatus>& vips() const { return vips_; }

 private:
  void judge_vips(const Config& config, const Judge& judge);
  void decide(VipStatus& vip, bool may_be_fit);

  bool on_;
  bool stopping_ = false;
  std::set<Prefix> left_;
  std::map<Prefix, uint32_t> routes_;
  std::vector<VipStatus> vips_;
};

}  // namespace shunt
