// ApiState: what the rows of insight's API share.
//
// Owner: the server's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "insight/api/anomaly_totals.h"
#include "insight/api/csv_stream.h"
#include "insight/api/findings_source.h"
#include "insight/api/frame_feed.h"
#include "insight/api/history_json.h"
#include "insight/api/live_json.h"
#include "insight/api/live_view.h"
#include "insight/api/node_actor.h"
#include "insight/api/page_files.h"
#include "insight/api/self_figures.h"
#include "insight/api/tallies.h"
#include "insight/api/warehouse_desk.h"

namespace shunt::insight {

struct ApiState {
  ApiState(boost::asio::io_context& io, const LiveState& live_state, FindingsSource& findings_source,
           NodeActor& node_actor, const DeskSettings& desk_settings)
      : live(live_state),
        findings(findings_source),
        actor(node_actor),
        feed([this] { return frame_json(parts()); }),
        desk(io, desk_settings),
        exports(io, desk_settings.address),
        lag(io) {}

  LiveParts parts() const { return {live, view, findings}; }
  int64_t now_s() const { return clock(); }

  const LiveState& live;
  FindingsSource& findings;
  NodeActor& actor;
  LiveView view;  // of the second last published
  FrameFeed feed;
  WarehouseDesk desk;
  CsvExport exports;
  LoopLag lag;
  SelfFigures self;
  AnomalyTotals anomaly_totals;
  InsightTallies tallies;
  PageFiles page;
  std::function<int64_t()> clock;  // seconds since 1970
  std::string version;
  bool is_postgres = false;
  int64_t started_s = 0;
  double availability = 0.999;
  HostThresholds thresholds;
};

}  // namespace shunt::insight
