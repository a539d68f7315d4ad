#include "tests/unit/insight_api_bed.h"

#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "tests/unit/warehouse_samples.h"

namespace shunt::insight {
namespace {

KpiCell live_cell(uint64_t opened, uint32_t connect_us) {
  KpiCell cell;
  cell.counts[KpiCount::opened] = opened;
  cell.counts.ended(FlowOutcome::closed) = opened / 2;
  cell.counts.ended(FlowOutcome::syn_timeout) = opened / 10;
  cell.counts[KpiCount::bytes] = opened * 1000;
  cell.counts[KpiCount::reconnects] = opened / 20;
  cell.seconds = 10;
  cell.active_max = opened;
  cell.timing(KpiTiming::connect_synack).add(connect_us, opened);
  cell.timing(KpiTiming::first_byte).add(connect_us * 4, opened / 2 + 1);
  return cell;
}

LiveService live_service(const std::string& node, const std::string& name, uint64_t opened) {
  LiveService service;
  service.name = {node, name, "", ""};
  service.vips = {"198.51.100.10:80/tcp"};
  service.protocol = "tcp";
  service.port = 80;
  service.mode = "nat";
  service.scheduler = "maglev";
  service.active = opened * 3;
  service.last = {live_cell(opened, 300).counts, 1.0};
  service.recent = live_cell(opened * 10, 300);
  return service;
}

LiveBackend live_backend(const std::string& node, const std::string& service, const std::string& name,
                         uint64_t opened, const std::string& address) {
  LiveBackend backend;
  backend.name = {node, service, service + "-pool", name};
  backend.address = address;
  backend.port = 8080;
  backend.state = BackendState::up;
  backend.since_s = kBedNow - 600;
  backend.weight = 1;
  backend.active = opened;
  backend.last = {live_cell(opened, 400).counts, 1.0};
  backend.recent = live_cell(opened * 10, 400);
  return backend;
}

LiveNode live_node(const std::string& name, uint64_t scale) {
  LiveNode node;
  node.name = name;
  node.up = true;
  node.since_s = kBedNow - 3600;
  node.read_us = kBedNow * 1'000'000;
  node.started_us = (kBedNow - 7200) * 1'000'000;
  node.generation = 7;
  node.services = {live_service(name, "web", 100 * scale), live_service(name, "mail", 20 * scale)};
  node.backends = {live_backend(name, "web", "a", 60 * scale, "10.0.0.1"),
                   live_backend(name, "web", "b", 40 * scale, "2001:db8::2"),
                   live_backend(name, "mail", "m", 20 * scale, "10.0.0.3")};
  return node;
}

NamedRecord named_record(uint8_t outcome, const char* client, const std::string& backend) {
  NamedRecord named;
  named.series = std::make_shared<const SeriesName>(SeriesName{"lb1", "web", "web-pool", backend});
  named.record.ended_us = kBedNow * 1'000'000U;
  named.record.set_client(IpAddress::parse(client).value(), 40'000);
  named.record.outcome = outcome;
  named.record.connect_us = outcome == 0 ? 250 : 0;
  named.record.packets = 9;
  named.record.attempt = outcome == 0 ? 1 : 0;
  named.country = {'D', 'E'};
  return named;
}

ClosedCell stored_cell(const SeriesName& name, Resolution resolution, int64_t begin_s, uint64_t opened) {
  ClosedCell row{resolution, begin_s, std::make_shared<const SeriesName>(name), live_cell(opened, 300)};
  row.cell.seconds = static_cast<uint32_t>(seconds_of(resolution));
  return row;
}

std::vector<WarehouseRow> stored_cells() {
  std::vector<WarehouseRow> rows;
  for (const char* node : {"lb1", "lb2"}) {
    for (const SeriesName& name : {SeriesName{node, "web", "", ""}, SeriesName{node, "web", "web-pool", "a"},
                                   SeriesName{node, "web", "web-pool", "b"}, SeriesName{node, "mail", "", ""},
                                   SeriesName{node, "gone", "", ""}}) {
      for (const Resolution resolution : {Resolution::second, Resolution::ten_seconds, Resolution::minute}) {
        const int64_t step = seconds_of(resolution);
        for (int64_t at = kBedNow - 600; at < kBedNow; at += step)
          rows.emplace_back(stored_cell(name, resolution, at, 100 * static_cast<uint64_t>(step)));
      }
    }
  }
  return rows;
}

}  // namespace

std::optional<Severity> FakeFindings::worst(const std::string& service, const std::string& pool,
                                            const std::string& backend) const {
  std::optional<Severity> worst;
  for (const FoundAnomaly& found : anomaly_list) {
    if (!found.open || found.series.service != service) continue;
    if (!backend.empty() && (found.series.pool != pool || found.series.backend != backend)) continue;
    worst = std::max(worst.value_or(Severity::info), found.anomaly.severity);
  }
  return worst;
}

bool FakeFindings::accept(int64_t anomaly) {
  accepted.push_back(anomaly);
  return anomaly == 5;
}

LiveState bed_state() {
  LiveState live;
  live.now_s = kBedNow;
  live.nodes = {live_node("lb1", 1), live_node("lb2", 2), live_node("lb3", 5)};
  live.nodes[2].up = false;
  live.nodes[2].error = "connection refused";
  live.nodes[1].backends[1].state = BackendState::down;
  live.nodes[1].backends[1].reason = "connection refused";
  live.hosts["10.0.0.1"] = {0.5, 0.25, std::nullopt, 1e6, 2e6, kBedNow - 3, false};
  live.countries = {{"web", {'D', 'E'}, 120, 6}, {"web", {'F', 'R'}, 30, 0}, {"mail", {}, 2, 0}};
  live.records = {named_record(3, "192.0.2.77", ""), named_record(0, "2001:db8:1:2::9", "a")};
  return live;
}

FakeFindings bed_findings() {
  FakeFindings findings;
  FoundAnomaly closed;
  closed.id = 4;
  closed.series = {"", "web", "web-pool", "a"};
  closed.anomaly = {{"web", "a"},    Kpi::latency, kBedNow - 500, kBedNow - 400, 0.3,
                    Severity::minor, 900,          100,           500,           "slower"};
  closed.detector = "peer";
  closed.open = false;
  FoundAnomaly open;
  open.id = 5;
  open.series = {"", "web", "web-pool", "b"};
  open.anomaly = {{"web", "b"}, Kpi::up, kBedNow - 60, kBedNow, 0.9, Severity::critical, 0, 1, 1, "is down"};
  open.detector = "state";
  open.incident = 2;
  findings.anomaly_list = {closed, open};
  FoundIncident incident;
  incident.id = 2;
  incident.incident.start_s = kBedNow - 60;
  incident.incident.end_s = kBedNow;
  incident.incident.severity = Severity::critical;
  incident.incident.headline = "backend b of web is down";
  incident.incident.words = "It refuses connections.";
  incident.incident.causes = {{{"web", "b"}, Kpi::up, 0.9, "began first"}};
  incident.members = {5};
  findings.incident_list = {incident};
  findings.rule_list = {{"BackendDown", AlertSeverity::critical, 10, "A backend is down", "Look at it"},
                        {"CpuHigh", AlertSeverity::warning, 60, "CPU above 80 %", "Add backends"}};
  findings.alert_list = {{0, {"", "web", "web-pool", "b"}, AlertState::firing, kBedNow - 50, "b is down"},
                         {1, {"lb1", "", "", ""}, AlertState::pending, kBedNow - 5, "CPU 90 %"}};
  findings.history = {{kBedNow - 50, 0, "web/b", AlertState::firing, "b is down"}};
  return findings;
}

void fill_warehouse(const std::string& file) {
  const std::unique_ptr<Database> database = opened({.url = file});
  expect_ok(migrate(*database, all_migrations(), kHour));
  std::vector<WarehouseRow> rows = stored_cells();
  for (WarehouseRow& row : other_rows(kBedNow - 120))
    rows.push_back(std::move(row));
  store_all(*database, rows);
}

InsightBed::InsightBed(InsightApiSettings settings) : work_(io.get_executor()) {
  fill_warehouse(folder.path() + "/warehouse.db");
  settings.warehouse.address.url = folder.path() + "/warehouse.db";
  settings.listen = {unix_socket(), "127.0.0.1:0"};
  settings.program = folder.path() + "/bin/shunt-insight";
  settings.version = "1.2.3";
  tallies.warehouse.is_open = true;
  tallies.warehouse.written = 1000;
  tallies.records = 77;
  tallies.country_ranges = 9;
  tallies.country_source = "a table";
  auto started = InsightApi::start(
      io, settings, {live, findings, actor, [this] { return tallies; }, [] { return kBedNow; }, {}});
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().text());
  if (!started) return;
  api = started.take();
  thread_ = std::thread([this] { io.run(); });
}

InsightBed::~InsightBed() {
  if (!thread_.joinable()) return;
  on_thread([this] { api->stop(); });
  work_.reset();
  thread_.join();
}

void InsightBed::on_thread(const std::function<void()>& work) {
  std::promise<void> done;
  boost::asio::post(io, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void InsightBed::publish() {
  on_thread([this] { api->publish(); });
}

RawAnswer send_json(const std::string& address, const std::string& method, const std::string& target,
                    const std::string& body, const std::string& more) {
  RawClient client(address);
  client.send(request_text(method, target,
                           more + "Content-Type: application/json\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n") +
              body);
  return client.read_answer();
}

}  // namespace shunt::insight
