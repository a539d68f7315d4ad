// Names and words.
#include "insight/detect/anomaly.h"

#include <algorithm>
#include <array>

namespace shunt {

std::string_view kpi_name(Kpi kpi) {
  static constexpr std::array<std::string_view, kKpis> kNames = {
      "up",           "failures", "latency", "syn_retransmits", "reconnects", "flows",
      "active_flows", "share",    "cpu",     "memory",          "disk"};
  return kNames[static_cast<size_t>(kpi)];
}

std::string_view kpi_words(Kpi kpi) {
  static constexpr std::array<std::string_view, kKpis> kWords = {
      "health",     "failures",  "latency",      "SYN retransmissions",
      "reconnects", "new flows", "active flows", "share of traffic",
      "CPU",        "memory",    "disk"};
  return kWords[static_cast<size_t>(kpi)];
}

std::string subject_words(const Subject& subject) {
  if (subject.service.empty()) return subject.backend.empty() ? "the node" : "backend " + subject.backend;
  if (subject.backend.empty()) return "service " + subject.service;
  return "backend " + subject.backend + " of " + subject.service;
}

const Topology::Service* Topology::find(const std::string& name) const {
  const auto found =
      std::find_if(services.begin(), services.end(), [&](const Service& s) { return s.name == name; });
  return found == services.end() ? nullptr : &*found;
}

}  // namespace shunt
