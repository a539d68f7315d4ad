// What is known now, as JSON: services, backends, nodes, the frame that viewers get each second, topology,
// protocols, the newest flows. Shapes: docs/insight-api.md.
//
// Values in, texts out.
#pragma once

#include <string>

#include "insight/api/findings_source.h"
#include "insight/api/live_view.h"

namespace shunt::insight {

// What each of them is made from, on the server's thread.
struct LiveParts {
  const LiveState& live;
  const LiveView& view;  // of it
  const FindingsSource& findings;
};

inline constexpr size_t kFrameCountries = 200;
inline constexpr size_t kFrameIncidents = 50;

std::string frame_json(const LiveParts& parts);
std::string services_json(const LiveParts& parts);
std::string backends_json(const LiveParts& parts, const std::string& service);  // empty: of all
// Members into an object that is open: a list of all nodes.
void put_nodes(JsonText& json, const LiveState& live);

struct FlowFilter {
  std::string service;  // empty: any
  std::string backend;
  bool failed_only = false;
  size_t limit = 100;
  bool whole_addresses = false;  // else clients are /24 and /48
};
std::string flows_json(const LiveState& live, const FlowFilter& filter);

}  // namespace shunt::insight
