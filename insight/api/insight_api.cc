#include "insight/api/insight_api.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <utility>

#include "insight/api/api_rows.h"
#include "insight/api/insight_schemas.h"
#include "insight/api/session_cookie.h"

namespace shunt::insight {
namespace {

int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// This host's name, and the first part of it.
std::vector<std::string> own_names() {
  std::array<char, 256> text{};
  if (gethostname(text.data(), text.size() - 1) != 0) return {};
  const std::string name = text.data();
  return {name, name.substr(0, name.find('.'))};
}

std::string page_dir(const InsightApiSettings& settings) {
  if (!settings.page_dir.empty()) return settings.page_dir;
  std::error_code ignored;
  const std::string program = settings.program.empty()
                                  ? std::filesystem::read_symlink("/proc/self/exe", ignored).string()
                                  : settings.program;
  return PageFiles::find_beside(program);
}

HttpSettings http_settings(const InsightApiSettings& settings) {
  HttpSettings http{settings.listen, settings.token_file, settings.tls_certificate, settings.tls_key,
                    settings.audit_file};
  http.anonymous = {settings.anonymous, true, own_names()};
  std::ranges::copy(settings.host_names, std::back_inserter(http.anonymous.names));
  return http;
}

HttpHost host_of(const std::shared_ptr<ApiState>& state, const InsightApiParts& parts) {
  HttpHost host;
  host.identity = {"shunt-insight", state->version, "What watched shuntds do, did, and what is unusual",
                   &insight_schemas(), false};
  const auto add = [&host](std::vector<ApiRoute> rows) {
    std::ranges::move(rows, std::back_inserter(host.routes));
  };
  add(probe_rows(*state));
  add(live_rows(*state));
  add(history_rows(*state));
  add(findings_rows(*state));
  add(action_rows(*state));
  host.page = [raw = state.get()](const ApiCall& call) { return raw->page.answer(call); };
  host.cookie = kSessionCookie;
  host.note = parts.note;
  host.kept = state;
  return host;
}

bool is_postgres(const std::string& url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

}  // namespace

Result<std::unique_ptr<InsightApi>> InsightApi::start(boost::asio::io_context& io,
                                                      const InsightApiSettings& settings,
                                                      const InsightApiParts& parts) {
  Result<PageFiles> page = PageFiles::load(page_dir(settings));
  if (!page) return page.error();
  auto state = std::make_shared<ApiState>(io, parts.live, parts.findings, parts.actor, settings.warehouse);
  state->page = page.take();
  state->clock = parts.now_s ? parts.now_s : system_now;
  state->started_s = state->clock();
  state->version = settings.version;
  state->is_postgres = is_postgres(settings.warehouse.address.url);
  state->availability = settings.availability;
  state->thresholds = settings.thresholds;
  std::unique_ptr<InsightApi> api(new InsightApi(state, settings, parts.tallies));
  auto server = HttpServer::start(io, host_of(state, parts), http_settings(settings), settings.limits);
  if (!server) return server.error();
  api->server_ = server.take();
  api->publish();
  return api;
}

InsightApi::~InsightApi() {
  stop();
}

void InsightApi::publish() {
  ApiState& state = *state_;
  state.view = view_of(state.live);
  if (tallies_) state.tallies = tallies_();
  state.self.tick(state.tallies, std::chrono::steady_clock::now());
  state.lag.next_second();
  state.anomaly_totals.take(state.findings.anomalies());
  state.feed.publish();
}

Result<> InsightApi::reload() {
  auto prepared = server_->prepare(http_settings(settings_));
  if (!prepared) return prepared.error();
  prepared.value()();
  return Ok{};
}

size_t InsightApi::viewers() const {
  return state_->feed.viewers();
}

void InsightApi::stop() {
  if (server_) server_->stop();
  state_->desk.stop();
  state_->exports.stop();
  state_->lag.stop();
}

}  // namespace shunt::insight
