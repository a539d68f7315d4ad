#include "insight/program/insight_program.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <optional>
#include <utility>

#include "insight/api/http_node_actor.h"
#include "insight/api/insight_api.h"
#include "insight/findings/findings.h"
#include "insight/hosts/host_scraper.h"
#include "insight/hosts/http_asker.h"
#include "insight/program/news.h"
#include "insight/program/past.h"
#include "insight/program/settings.h"
#include "insight/watch/http_node_asker.h"
#include "insight/watch/shared_records.h"
#include "insight/watch/watch.h"

namespace shunt::insight {
namespace {

constexpr std::chrono::seconds kLastRows{3};  // for the warehouse, at the end

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t now_s() {
  return now_us() / 1'000'000;
}

std::vector<NodeParts> node_parts(const boost::asio::any_io_executor& executor, const InsightConfig& config) {
  std::vector<NodeParts> nodes;
  for (const NodeConfig& node : config.nodes) {
    NodeParts parts;
    parts.name = node.name;
    parts.asker =
        std::make_shared<HttpNodeAsker>(executor, NodePlace{node.api, node.token_file, node.ca_file});
    if (!node.records.empty()) parts.records = std::make_unique<SharedRecords>(node.records);
    nodes.push_back(std::move(parts));
  }
  return nodes;
}

}  // namespace

struct InsightProgram::Parts {
  explicit Parts(InsightConfig from) : config(std::move(from)), signals(io) {}

  void put(WarehouseRow row) { writer->put(std::move(row)); }
  void load_countries();
  void go_on_from_the_past();
  void watch_nodes();
  void on_second(LiveState& live);
  Result<Ok> serve();
  void wait_for_signal();
  InsightTallies tallies() const;

  const InsightConfig config;
  boost::asio::io_context io{1};
  boost::asio::signal_set signals;
  std::optional<CountryTable> countries;
  std::unique_ptr<WarehouseWriter> writer;
  std::unique_ptr<Findings> findings;
  std::unique_ptr<HostScraper> hosts;
  std::unique_ptr<Watch> watch;
  News news;
  std::unique_ptr<FindingsView> view;
  std::unique_ptr<HttpNodeActor> actor;
  std::unique_ptr<InsightApi> api;
  std::vector<std::string> addresses;
};

void InsightProgram::Parts::load_countries() {
  const std::string& dir = config.countries_dir;
  if (dir.empty()) return;
  auto loaded = CountryTable::load(dir + "/geoip", dir + "/geoip6");
  if (loaded) {
    countries = loaded.take();
    return;
  }
  spdlog::warn("no countries of clients: {} (Debian package tor-geoipdb)", loaded.error().text());
}

void InsightProgram::Parts::watch_nodes() {
  WatchSinks sinks;
  sinks.cell = [this](const ClosedCell& cell) {
    findings->take(cell);
    put(cell);
  };
  sinks.clients = [this](ClientMinute&& minute) { put(std::move(minute)); };
  sinks.flow = [this](FlowRow&& row) { put(std::move(row)); };
  sinks.description = [this](DescriptionRow&& row) { put(std::move(row)); };
  sinks.second = [this](LiveState& live) { on_second(live); };
  watch = std::make_unique<Watch>(io.get_executor(), node_parts(io.get_executor(), config),
                                  countries ? &*countries : nullptr, now_us, std::move(sinks));
}

// What can't be read is said, and holds up nothing.
void InsightProgram::Parts::go_on_from_the_past() {
  const WriterSettings settings = writer_settings(config.warehouse);
  const auto was = go_on(settings.address, settings.retention, now_s(), *watch, *findings);
  if (!was) {
    spdlog::warn("the warehouse's past can't be read, beginning anew: {}", was.error().text());
  } else if (was.value().warehouse) {
    spdlog::info("going on where the last one ended: {} unfinished cells, {} open anomalies",
                 was.value().cells, was.value().anomalies);
  }
}

void InsightProgram::Parts::on_second(LiveState& live) {
  if (hosts) hosts->tick(live);
  findings->tick(live);
  news.tell(live, *findings);
  if (api) api->publish();
}

Result<Ok> InsightProgram::Parts::serve() {
  view = std::make_unique<FindingsView>(*findings);
  actor = std::make_unique<HttpNodeActor>(io, node_addresses(config));
  InsightApiParts parts{watch->live(), *view, *actor, [this] { return tallies(); }};
  parts.note = [](const std::string& kind, const std::string& subject, const std::string& text) {
    spdlog::info("{} {}: {}", kind, subject, text);
  };
  auto started = InsightApi::start(io, api_settings(config), parts);
  if (!started) return started.error();
  api = started.take();
  addresses = api->addresses();
  return Ok{};
}

InsightTallies InsightProgram::Parts::tallies() const {
  InsightTallies tallies;
  const WatchTally watched = watch->tally();
  tallies.warehouse = writer->status();
  tallies.records = watched.records;
  tallies.records_lost = watched.records_dropped;
  tallies.series = watched.series;
  if (countries) {
    tallies.country_ranges = countries->ranges();
    tallies.country_source = "IPFire's location database, CC BY-SA 4.0 (tor-geoipdb)";
  }
  return tallies;
}

void InsightProgram::Parts::wait_for_signal() {
  signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      spdlog::info("stopping");
      io.stop();
      return;
    }
    if (const auto read = api->reload(); read) {
      spdlog::info("tokens and certificate were read again");
    } else {
      spdlog::error("nothing has changed: {}", read.error().text());
    }
    wait_for_signal();
  });
}

InsightProgram::InsightProgram(InsightConfig config) : parts_(std::make_unique<Parts>(std::move(config))) {}

InsightProgram::~InsightProgram() {
  stop();
}

const std::vector<std::string>& InsightProgram::addresses() const {
  return parts_->addresses;
}

Result<Ok> InsightProgram::start() {
  Parts& parts = *parts_;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    parts.signals.add(signal);
  parts.wait_for_signal();
  parts.load_countries();
  parts.findings = std::make_unique<Findings>(finding_settings(parts.config),
                                              [&parts](WarehouseRow row) { parts.put(std::move(row)); });
  if (parts.config.hosts.enabled) {
    parts.hosts = std::make_unique<HostScraper>(
        host_settings(parts.config.hosts), http_asker(parts.io.get_executor()),
        [&parts](WarehouseRow row) { parts.put(std::move(row)); }, [] { return now_us() / 1'000; });
  }
  parts.watch_nodes();
  parts.go_on_from_the_past();
  // Behind the past: from here on the file is this program's.
  parts.writer = std::make_unique<WarehouseWriter>(writer_settings(parts.config.warehouse), now_s);
  if (auto served = parts.serve(); !served) return served.error();
  parts.watch->start();
  return Ok{};
}

void InsightProgram::run() {
  parts_->io.run();
}

void InsightProgram::stop() {
  Parts& parts = *parts_;
  if (parts.api) parts.api->stop();
  if (parts.watch && parts.writer) parts.watch->stop();
  if (parts.writer && !parts.writer->flush(kLastRows))
    spdlog::warn("{} rows didn't reach the warehouse", parts.writer->status().queued);
  boost::system::error_code ignored;
  parts.signals.cancel(ignored);
  parts.writer.reset();
}

}  // namespace shunt::insight
