// InsightApi: what shunt-insight answers over HTTP: the page, /api/v1, a frame each second, /metrics.
//
// Owner: the thread of its io_context, which never waits here: what the warehouse is asked for goes to
// WarehouseDesk's thread and CsvExport's. Bound: ApiLimits, DeskSettings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "http/http_server.h"
#include "insight/api/findings_source.h"
#include "insight/api/history_json.h"
#include "insight/api/node_actor.h"
#include "insight/api/tallies.h"
#include "insight/api/warehouse_desk.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

// More viewers than shuntd has; all behind one address (a proxy, a NAT) are fine.
inline ApiLimits insight_limits() {
  ApiLimits limits;
  limits.tcp_connections = 1'024;
  limits.peer_connections = 768;
  limits.viewers = 512;
  limits.requests_per_second = 500;
  limits.request_burst = 2'000;
  return limits;
}

struct InsightApiSettings {
  std::vector<std::string> listen;
  std::string token_file = {};
  // The role of who asks from this host where there is no token_file; `anyone` is none.
  ApiRole anonymous = ApiRole::reader;
  std::vector<std::string> host_names = {};  // by which it may be asked for then; this host's own are added
  std::string tls_certificate = {};
  std::string tls_key = {};
  std::string audit_file = {};
  std::string page_dir = {};  // empty: where it was installed or built, beside `program`
  std::string program = {};   // empty: /proc/self/exe
  std::string version = {};
  DeskSettings warehouse = {};
  double availability = 0.999;  // objective
  HostThresholds thresholds = {};
  ApiLimits limits = insight_limits();
};

// What it shows and asks; has to live until stop().
struct InsightApiParts {
  const LiveState& live;
  FindingsSource& findings;
  NodeActor& actor;
  std::function<InsightTallies()> tallies;
  std::function<int64_t()> now_s = {};  // seconds since 1970; empty: the system's clock
  // What a person would want to know: kind, subject, text.
  std::function<void(std::string, std::string, std::string)> note = {};
};

struct ApiState;

class InsightApi {
 public:
  // Listens on every address or, when one fails, on none.
  static Result<std::unique_ptr<InsightApi>> start(boost::asio::io_context& io,
                                                   const InsightApiSettings& settings,
                                                   const InsightApiParts& parts);
  ~InsightApi();
  InsightApi(const InsightApi&) = delete;
  InsightApi& operator=(const InsightApi&) = delete;

  // Once a second, when the live state and the findings are of that second: viewers are told.
  void publish();
  // Ends listening, connections and threads. Safe to repeat.
  void stop();
  // Reads tokens and certificate again, and opens the audit file anew; an error leaves all as it was.
  Result<> reload();

  const std::vector<std::string>& addresses() const { return server_->addresses(); }
  const ApiRouteTable& routes() const { return server_->routes(); }
  size_t viewers() const;

 private:
  InsightApi(std::shared_ptr<ApiState> state, InsightApiSettings settings,
             std::function<InsightTallies()> tallies)
      : state_(std::move(state)), settings_(std::move(settings)), tallies_(std::move(tallies)) {}

  std::shared_ptr<ApiState> state_;  // shared with the connections
  InsightApiSettings settings_;
  std::function<InsightTallies()> tallies_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace shunt::insight
