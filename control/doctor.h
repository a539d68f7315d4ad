// Doctor: what is set up so that packets won't arrive, or arrive slowly: findings with names, each with what
// to do about it.
//
// Pure: facts in, findings out, the gravest first. The facts are gathered by doctor_view.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/forwarding.h"
#include "control/finding.h"

namespace shunt {

// A backend as one service reaches it.
struct DoctorBackend {
  std::string pool;
  std::string name;
  IpAddress address;
  std::string port;  // of the way out; empty: there is no route
  bool has_route = false;
  bool is_on_link = false;
  bool has_mac = false;
  uint16_t mtu = 0;         // of the way, IP bytes
  uint8_t outer_bytes = 0;  // how much packets grow
};

struct DoctorService {
  std::string name;
  Forward forward = Forward::l2;
  std::string pool;
  size_t backends_up = 0;
  size_t members = 0;           // that may be chosen at all
  bool is_checked = true;       // its pool has a health check
  bool clamps_mss = false;      // segments are kept small enough
  uint64_t untracked = 0;       // flows that found the connection table full
  uint16_t largest_packet = 0;  // that clients' ports let in, IP bytes
  std::vector<DoctorBackend> backends;
};

struct DoctorVip {
  Prefix vip;
  bool is_arp = false;       // announce = "arp"
  bool is_route = false;     // announce = "route"
  bool is_fit = false;       // its route may stand
  bool is_kernels = false;   // unserved = "punt": the kernel is to answer
  bool is_on_link = false;   // in a port's own subnet
  std::string kernel_owner;  // the interface that has it as an address; empty: none
};

struct DoctorPort {
  std::string name;
  std::string device;
  std::string host_interface;  // empty: none
  bool is_card = false;        // a PCI device
  bool link_up = true;
  bool spreads_flows = true;  // RSS, or one queue is all there is
  uint64_t missed = 0;
};

struct DoctorWorker {
  uint32_t cpu = 0;
  std::string governor;  // of its CPU's clock; empty: not known
  uint64_t flow_entries = 0;
  uint64_t flow_capacity = 0;
};

struct DoctorFacts {
  std::vector<DoctorService> services;
  std::vector<DoctorVip> vips;
  std::vector<DoctorPort> ports;
  std::vector<DoctorWorker> workers;
  bool has_hugepages = true;
  bool has_cluster_key = true;
  bool has_peers = false;
  bool is_standby = false;  // nothing is announced
};

std::vector<Finding> diagnose(const DoctorFacts& facts);

}  // namespace shunt
