#include "control/doctor.h"

#include <algorithm>
#include <set>
#include <utility>

namespace shunt {
namespace {

class Findings {
 public:
  void fault(std::string name, std::string subject, std::string text, std::string remedy) {
    add(Gravity::fault, std::move(name), std::move(subject), std::move(text), std::move(remedy));
  }
  void warning(std::string name, std::string subject, std::string text, std::string remedy) {
    add(Gravity::warning, std::move(name), std::move(subject), std::move(text), std::move(remedy));
  }
  void note(std::string name, std::string subject, std::string text, std::string remedy) {
    add(Gravity::note, std::move(name), std::move(subject), std::move(text), std::move(remedy));
  }
  std::vector<Finding> take() {
    std::vector<Finding> sorted;
    for (const Gravity gravity : {Gravity::fault, Gravity::warning, Gravity::note}) {
      for (Finding& finding : found_) {
        if (finding.gravity == gravity) sorted.push_back(std::move(finding));
      }
    }
    return sorted;
  }

 private:
  // A backend that several services have is told of once.
  void add(Gravity gravity, std::string name, std::string subject, std::string text, std::string remedy) {
    if (!told_.emplace(name, subject).second) return;
    found_.push_back({std::move(name), gravity, std::move(subject), std::move(text), std::move(remedy)});
  }

  std::vector<Finding> found_;
  std::set<std::pair<std::string, std::string>> told_;
};

void look_at_way(const DoctorService& service, const DoctorBackend& backend, Findings& found) {
  const std::string subject = "backend " + backend.pool + "/" + backend.name;
  const std::string address = backend.address.text();
  if (!backend.has_route) {
    found.fault("no-route", subject, "no route of a host_interface leads to " + address,
                "add one to the kernel (ip route add " + address +
                    " via ROUTER dev HOST_INTERFACE), or an address "
                    "of its subnet to the port");
  } else if (service.forward == Forward::l2 && !backend.is_on_link) {
    found.fault("not-on-link", subject,
                address + " is behind a router, and l2 reaches only what is on the wire",
                "use ipip, gue or gre for service \"" + service.name + "\", or move the backend");
  } else if (!backend.has_mac) {
    found.fault("no-neighbour", subject,
                "nobody on port \"" + backend.port + "\" answers for " + address + " or its router",
                "look whether it is there: ping it from this host, and see ip neigh");
  }
}

// Full-size packets of clients don't fit behind the outer header. What can't be cut is answered "too big".
void look_at_mtu(const DoctorService& service, const DoctorBackend& backend, Findings& found) {
  if (backend.outer_bytes == 0 || service.clamps_mss || !backend.has_route) return;
  const unsigned needed = unsigned{service.largest_packet} + backend.outer_bytes;
  if (needed <= backend.mtu) return;
  found.warning("mtu-too-small", "service " + service.name,
                "packets of " + std::to_string(service.largest_packet) + " bytes grow by " +
                    std::to_string(backend.outer_bytes) + " to " + std::to_string(needed) +
                    ", and the way to " + backend.pool + "/" + backend.name + " carries " +
                    std::to_string(backend.mtu),
                "raise the mtu between shunt and its backends to " + std::to_string(needed) +
                    ", or set mss_clamp = true for the service");
}

void look_at_service(const DoctorService& service, Findings& found) {
  const std::string subject = "service " + service.name;
  if (service.backends_up == 0) {
    found.fault("nobody-up", subject,
                service.members == 0 ? "its pool has nobody who takes new flows"
                                     : "none of its " + std::to_string(service.members) + " backends is up",
                "shuntctl backends " + service.name + " has the reasons");
  }
  if (!service.is_checked) {
    found.note("no-health-check", "pool " + service.pool,
               "without a health check a dead backend keeps getting its share",
               "give the pool a health = { type = … }");
  }
  if (service.untracked > 0) {
    found.warning("table-full", subject,
                  std::to_string(service.untracked) + " flows found the connection table full",
                  "raise [dataplane] connections");
  }
  for (const DoctorBackend& backend : service.backends) {
    look_at_way(service, backend, found);
    look_at_mtu(service, backend, found);
  }
}

void look_at_vip(const DoctorVip& vip, Findings& found) {
  const std::string subject = "VIP " + vip.vip.text();
  if (!vip.kernel_owner.empty() && !vip.is_kernels) {
    found.fault("kernel-has-vip", subject,
                "it is an address of interface " + vip.kernel_owner + ": the kernel answers for it as well",
                "take it off: ip address del " + vip.vip.text() + " dev " + vip.kernel_owner);
  }
  if (vip.is_kernels) return;
  if (!vip.is_arp && !vip.is_route) {
    found.warning("vip-unanswered", subject,
                  "announce = \"none\": nobody answers ARP or ND for it, and no route names it",
                  "set announce to arp or route, unless a router has a static route here");
  } else if (vip.is_arp && !vip.is_on_link) {
    found.warning(
        "vip-off-subnet", subject,
        "ARP is answered for it, but no port has an address in its subnet: hosts elsewhere don't ask",
        "give the port an address in that subnet, or set announce = \"route\"");
  } else if (vip.is_route && !vip.is_fit) {
    found.fault("vip-withdrawn", subject, "its route is withdrawn: too few backends are up",
                "shuntctl backends has the reasons; announce_min says how many are enough");
  }
}

void look_at_port(const DoctorPort& port, Findings& found) {
  const std::string subject = "port " + port.name;
  if (!port.link_up)
    found.fault("link-down", subject, port.device + " has no link", "look at the cable and the switch");
  if (!port.spreads_flows) {
    found.warning("no-rss", subject,
                  port.device + " doesn't spread flows over its queues: one worker gets all packets",
                  "use one worker, or a card with RSS");
  }
  if (port.missed > 0) {
    found.warning("missed", subject, std::to_string(port.missed) + " packets came and no worker fetched them",
                  "more workers, or idle = \"spin\"; shuntctl workers says how busy they are");
  }
  if (port.host_interface.empty()) {
    found.note("no-host-interface", subject,
               "without a host_interface ARP, routes and health checks don't pass here",
               "give it one, unless it only replays packets");
  }
}

void look_at_worker(const DoctorWorker& worker, Findings& found) {
  const std::string subject = "worker on CPU " + std::to_string(worker.cpu);
  if (!worker.governor.empty() && worker.governor != "performance") {
    found.note("cpu-governor", subject, "its clock is ruled by \"" + worker.governor + "\"",
               "cpupower -c " + std::to_string(worker.cpu) + " frequency-set -g performance");
  }
  if (worker.flow_capacity != 0 && worker.flow_entries > worker.flow_capacity / 10 * 9) {
    found.warning("table-nearly-full", subject,
                  std::to_string(worker.flow_entries) + " of " + std::to_string(worker.flow_capacity) +
                      " connections are in use",
                  "raise [dataplane] connections");
  }
}

}  // namespace

const char* to_text(Gravity gravity) {
  switch (gravity) {
    case Gravity::fault:
      return "fault";
    case Gravity::warning:
      return "warning";
    case Gravity::note:
      break;
  }
  return "note";
}

std::vector<Finding> diagnose(const DoctorFacts& facts) {
  Findings found;
  for (const DoctorPort& port : facts.ports)
    look_at_port(port, found);
  if (facts.is_standby) {
    found.note("standby", "node",
               "VIPs are neither answered for nor have they routes: this shunt is in standby",
               "shuntctl announce on, or leave it to keepalived (docs/routes.md)");
  }
  for (const DoctorVip& vip : facts.vips)
    look_at_vip(vip, found);
  for (const DoctorService& service : facts.services)
    look_at_service(service, found);
  for (const DoctorWorker& worker : facts.workers)
    look_at_worker(worker, found);
  const bool has_card = std::ranges::any_of(facts.ports, &DoctorPort::is_card);
  if (has_card && !facts.has_hugepages) {
    found.note("ordinary-memory", "node",
               "the tables are in ordinary memory: a lookup costs half again as much",
               "reserve 2 MiB pages; docs/nic.md says how many");
  }
  if (facts.has_peers && !facts.has_cluster_key) {
    found.warning("default-key", "node",
                  "other shunts share VIPs with this one, and the cluster key is the one that everybody has",
                  "give all of them the same cluster_key_file");
  }
  return found.take();
}

}  // namespace shunt
