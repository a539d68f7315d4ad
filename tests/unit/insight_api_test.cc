// What shunt-insight's API answers: every row against its schema, numbers against what was put in, what is
// refused and how, and that docs/insight-api.md has every row.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "insight/api/http_node_actor.h"
#include "tests/unit/insight_api_bed.h"
#include "tests/unit/schema_validator.h"

namespace shunt::insight {
namespace {

using Json = nlohmann::json;

Json json_of(const RawAnswer& answer) {
  return Json::parse(answer.body, nullptr, false);
}

// A target that a row answers with 200.
std::string example_of(const std::string& pattern) {
  if (pattern == "/api/v1/export.csv") return pattern + "?view=v_kpi_minute";
  if (pattern == "/api/v1/hosts") return pattern + "?pool=web-pool&backend=a";
  if (pattern == "/api/v1/anomalies/{id}/accept") return "/api/v1/anomalies/5/accept";
  return pattern;
}

std::string example_body(const std::string& target) {
  if (target == "/api/v1/drain") return R"({"pool": "web-pool", "backend": "a", "drain": true})";
  if (target == "/api/v1/weights") return R"({"pool": "web-pool", "backend": "a", "weight": 3})";
  return "{}";
}

InsightApiSettings as_operator() {
  InsightApiSettings settings;
  settings.anonymous = ApiRole::operator_;
  return settings;
}

TEST(InsightContract, AnswersAreAsTheDocumentSays) {
  InsightBed bed(as_operator());
  const Json document = json_of(bed.get("/api/v1/openapi.json"));
  ASSERT_EQ(document["openapi"], "3.1.0");
  const Validator validator(document);
  const Json problem_schema = {{"$ref", "#/components/schemas/Problem"}};
  for (const ApiRoute& row : bed.api->routes().rows()) {
    const std::string target = example_of(row.pattern);
    SCOPED_TRACE(row.method + " " + target);
    if (row.pattern == "/api/v1/session") continue;  // needs tokens: insight_access_test
    RawAnswer answer = row.writes ? send_json(bed.tcp(), row.method, target, example_body(target))
                                  : ask(bed.tcp(), row.method, target);
    EXPECT_EQ(answer.status, row.done) << answer.body;
    const Json& operation = document["paths"][row.pattern][row.method == "GET"    ? "get"
                                                           : row.method == "POST" ? "post"
                                                                                  : "delete"];
    ASSERT_TRUE(operation["responses"].contains(std::to_string(row.done)));
    if (row.done == 204) continue;
    const Json& content = operation["responses"]["200"]["content"];
    const std::string type = answer.fields["content-type"];
    EXPECT_TRUE(type.starts_with(content.begin().key())) << type;
    if (type == "application/json") {
      EXPECT_EQ(validator.check(content["application/json"]["schema"], json_of(answer), target), "");
    }
    const RawAnswer refused = ask(bed.tcp(), "BREW", target);
    EXPECT_EQ(validator.check(problem_schema, json_of(refused), target), "");
  }
}

TEST(InsightContract, BothHeatmapsAndOldHistoryToo) {
  InsightBed bed;
  const Json document = json_of(bed.get("/api/v1/openapi.json"));
  const Validator validator(document);
  const std::map<std::string, std::string> targets = {
      {"/api/v1/heatmap?service=web&kpi=flows", "PoolHeatmap"},
      {"/api/v1/heatmap?service=web&kpi=connect_p95_us", "PoolHeatmap"},
      {"/api/v1/heatmap?service=web&pool=web-pool&backend=a&timing=response", "LatencyHeatmap"},
      {"/api/v1/topology?window=600", "Topology"},
      {"/api/v1/alerts?from=1", "Alerts"},
      {"/api/v1/anomalies?open=1", "Anomalies"},
      {"/api/v1/incidents?open=1", "Incidents"}};
  for (const auto& [target, schema] : targets) {
    const std::string from = target.ends_with("from=1") ? std::to_string(kBedNow - 3599) : "";
    const RawAnswer answer = bed.get(target.substr(0, target.size() - (from.empty() ? 0 : 1)) + from);
    ASSERT_EQ(answer.status, 200U) << target << answer.body;
    const Json of = {{"$ref", "#/components/schemas/" + schema}};
    EXPECT_EQ(validator.check(of, json_of(answer), target), "");
  }
}

TEST(InsightFrame, IsTheSumOfTheNodesThatAnswer) {
  InsightBed bed;
  const Json frame = json_of(bed.get("/api/v1/stream"));
  EXPECT_EQ(frame["t"], kBedNow);
  EXPECT_EQ(frame["totals"]["flows"], 360.0);  // (100 + 20) × (1 + 2)
  EXPECT_EQ(frame["totals"]["active"], 1080);
  ASSERT_EQ(frame["services"].size(), 2U);
  EXPECT_EQ(frame["services"][0]["name"], "mail");
  const Json& web = frame["services"][1];
  EXPECT_EQ(web["flows"], 300.0);
  EXPECT_EQ(web["failures"], 30.0);
  EXPECT_NEAR(web["failure_ratio"].get<double>(), 30.0 / 180, 1e-6);
  EXPECT_EQ(web["bytes"], 300'000.0);
  EXPECT_EQ(web["active"], 900);
  EXPECT_EQ(web["state"], "degraded");
  EXPECT_EQ(web["backends"], 2);
  EXPECT_EQ(web["healthy"], 1);
  EXPECT_EQ(web["severity"], "critical");
  EXPECT_EQ(web["connect_method"], "synack");
  QuantileSketch both;
  both.add(300, 3'000);
  EXPECT_NEAR(web["connect_p95_us"].get<double>(), both.quantile(0.95), 0.01);
  ASSERT_EQ(frame["backends"].size(), 3U);
  const Json& b = frame["backends"][2];
  EXPECT_EQ(b["name"], "b");
  EXPECT_EQ(b["state"], "down") << "at one of two nodes";
  EXPECT_EQ(b["reason"], "connection refused");
  EXPECT_EQ(b["address"], "[2001:db8::2]:8080");
  EXPECT_EQ(b["host"], nullptr);
  EXPECT_NEAR(b["share"].get<double>(), 0.4, 1e-6);
  EXPECT_EQ(frame["backends"][1]["host"]["cpu"], 0.5);
  EXPECT_EQ(frame["countries"][0]["failure_ratio"], 0.05);
  EXPECT_EQ(frame["nodes"][2]["state"], "down");
  EXPECT_EQ(frame["incidents"][0]["headline"], "backend b of web is down");
  EXPECT_EQ(frame["alerts"], Json({{"firing", 1}, {"pending", 1}, {"worst", "critical"}}));
}

TEST(InsightFrame, ChangesWithTheSecond) {
  InsightBed bed;
  EXPECT_EQ(json_of(bed.get("/api/v1/stream"))["t"], kBedNow);
  bed.on_thread([&] {
    bed.live.now_s = kBedNow + 1;
    bed.live.nodes[0].up = bed.live.nodes[1].up = false;
  });
  EXPECT_EQ(json_of(bed.get("/api/v1/stream"))["t"], kBedNow) << "until it is published";
  bed.publish();
  const Json frame = json_of(bed.get("/api/v1/stream"));
  EXPECT_EQ(frame["t"], kBedNow + 1);
  EXPECT_EQ(frame["totals"]["flows"], 0);
  EXPECT_EQ(frame["services"][0]["state"], "unknown");
  EXPECT_EQ(frame["backends"][0]["state"], "unknown");
}

TEST(InsightFlows, ClientsAreWholeForOperatorsOnly) {
  InsightBed readers;
  const Json seen = json_of(readers.get("/api/v1/flows"))["flows"];
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0]["client"], "2001:db8:1::/48");
  EXPECT_EQ(seen[1]["client"], "192.0.2.0/24");
  EXPECT_EQ(seen[1]["outcome"], "syn_timeout");
  EXPECT_EQ(seen[1]["attempt"], nullptr);
  EXPECT_EQ(json_of(readers.get("/api/v1/flows?failed=1"))["flows"].size(), 1U);
  EXPECT_EQ(json_of(readers.get("/api/v1/flows?limit=1"))["flows"].size(), 1U);
  EXPECT_EQ(json_of(readers.get("/api/v1/flows?backend=a"))["flows"].size(), 1U);
  InsightBed operators(as_operator());
  EXPECT_EQ(json_of(operators.get("/api/v1/flows"))["flows"][1]["client"], "192.0.2.77");
}

TEST(InsightHistory, WindowsAreWhatWasStored) {
  InsightBed bed;
  const Json kpis = json_of(bed.get("/api/v1/kpis?window=300&service=web"));
  ASSERT_EQ(kpis["services"].size(), 1U);
  const Json& web = kpis["services"][0];
  EXPECT_EQ(web["flows"], 200.0) << "two nodes, 100 a second each";
  EXPECT_EQ(web["opened"], 60'000);
  EXPECT_EQ(web["outcomes"]["syn_timeout"], 6'000);
  EXPECT_NEAR(web["availability"].get<double>(), 5.0 / 6, 1e-5);
  EXPECT_NEAR(web["budget_burn"].get<double>(), 1.0 / 6 / 0.001, 0.01);
  EXPECT_EQ(web["previous"]["flows"], 200.0);
  EXPECT_EQ(json_of(bed.get("/api/v1/kpis?window=600"))["totals"]["previous"], nullptr)
      << "nobody was asked before";
  const Json retries = json_of(bed.get("/api/v1/retries?window=300&service=web"));
  EXPECT_EQ(retries["totals"]["reconnects"], 3'000);
  EXPECT_NEAR(retries["totals"]["amplification"].get<double>(), 60'000.0 / 57'000, 1e-5);
  EXPECT_EQ(retries["backends"].size(), 2U);
  EXPECT_EQ(retries["attempts"][0]["attempt"], 2);
  const Json geo = json_of(bed.get("/api/v1/geo?service=web"));
  EXPECT_EQ(geo["countries"][0]["country"], "DE");
  EXPECT_EQ(json_of(bed.get("/api/v1/prefixes"))["prefixes"][0]["prefix"], "192.0.2.0/24");
}

TEST(InsightHistory, SeriesHaveAValueForEachStep) {
  InsightBed bed;
  const std::string range =
      "&from=" + std::to_string(kBedNow - 700) + "&to=" + std::to_string(kBedNow) + "&points=100";
  const Json series = json_of(bed.get("/api/v1/timeseries?service=web" + range));
  EXPECT_EQ(series["step"], 10);
  ASSERT_EQ(series["t"].size(), 70U);
  for (const auto& [name, values] : series.items()) {
    if (values.is_array()) {
      EXPECT_EQ(values.size(), 70U) << name;
    }
  }
  EXPECT_EQ(series["flows"][0], nullptr);
  EXPECT_EQ(series["flows"][20], 200.0);
  EXPECT_EQ(series["active"][20], 2'000);
  EXPECT_EQ(json_of(bed.get("/api/v1/timeseries?service=web&node=lb1" + range))["flows"][20], 100.0);
  EXPECT_EQ(json_of(bed.get("/api/v1/timeseries?x=1" + range))["flows"][20], 600.0) << "three services";
  const Json hosts = json_of(bed.get("/api/v1/hosts?pool=web-pool&backend=a"));
  ASSERT_EQ(hosts["t"].size(), 1U);
  EXPECT_EQ(hosts["cpu"][0], 0.5);
  EXPECT_EQ(hosts["disk"][0], nullptr);
  const Json heat = json_of(bed.get("/api/v1/heatmap?service=web" + range));
  ASSERT_EQ(heat["counts"].size(), heat["t"].size());
  ASSERT_EQ(heat["counts"][20].size(), heat["bounds_us"].size());
  uint64_t all = 0;
  for (size_t row = 0; row < heat["bounds_us"].size(); ++row) {
    const uint64_t count = heat["counts"][20][row].get<uint64_t>();
    all += count;
    if (count == 0) continue;
    EXPECT_EQ(heat["bounds_us"][row], 384) << "300 µs lie between 256 and 384";
  }
  EXPECT_EQ(all, 2'000U);
}

TEST(InsightHistory, WhatMemoryKnowsIsNewer) {
  InsightBed bed;
  const std::string range = "?from=" + std::to_string(kBedNow - 600);
  const Json anomalies = json_of(bed.get("/api/v1/anomalies" + range))["anomalies"];
  ASSERT_EQ(anomalies.size(), 3U);
  EXPECT_EQ(anomalies[0]["id"], 5);
  EXPECT_EQ(anomalies[1]["id"], 7) << "of the warehouse";
  EXPECT_EQ(anomalies[2]["closed"], kBedNow - 400);
  EXPECT_EQ(json_of(bed.get("/api/v1/anomalies" + range + "&severity=critical"))["anomalies"].size(), 1U);
  EXPECT_EQ(json_of(bed.get("/api/v1/anomalies?open=1"))["anomalies"].size(), 1U);
  const Json incidents = json_of(bed.get("/api/v1/incidents" + range))["incidents"];
  ASSERT_EQ(incidents.size(), 3U);
  EXPECT_EQ(incidents[0]["id"], 2);
  EXPECT_EQ(incidents[0]["root"], Json({{"service", "web"}, {"backend", "b"}}));
  EXPECT_EQ(incidents[2]["id"], 3);
  EXPECT_EQ(incidents[2]["anomalies"], Json({7}));
  EXPECT_EQ(json_of(bed.get("/api/v1/alerts"))["history"][0]["subject"], "web/b");
  EXPECT_EQ(json_of(bed.get("/api/v1/alerts" + range))["history"][0]["subject"], "web/a");
  EXPECT_EQ(json_of(bed.get("/api/v1/alerts"))["rules"][1]["state"], "pending");
}

TEST(InsightQueries, SayWhatIsWrong) {
  InsightBed bed;
  const std::map<std::string, std::string> bad = {
      {"/api/v1/timeseries?from=20&to=10", "from has to be before to"},
      {"/api/v1/timeseries?from=-1", "from is 0 to"},
      {"/api/v1/timeseries?from=x", "not \"x\""},
      {"/api/v1/timeseries?from=1", "400 days"},
      {"/api/v1/timeseries?points=1001", "points is 3 to 1000"},
      {"/api/v1/timeseries?service=web&pool=web-pool", "service, pool and backend"},
      {"/api/v1/kpis?window=9", "window is 10 to 2678400"},
      {"/api/v1/kpis?window=2678401", "window is 10 to 2678400"},
      {"/api/v1/hosts?pool=web-pool", "backend has to be given"},
      {"/api/v1/heatmap?kpi=flows", "service has to be given"},
      {"/api/v1/heatmap?service=web&kpi=bytes", "kpi is one of"},
      {"/api/v1/heatmap?service=web&timing=x", "timing is one of"},
      {"/api/v1/anomalies?severity=bad", "severity is one of"},
      {"/api/v1/anomalies?open=maybe", "open is 1 or 0"},
      {"/api/v1/anomalies?limit=2001", "limit is 1 to 2000"},
      {"/api/v1/flows?limit=0", "limit is 1 to 2000"},
      {"/api/v1/export.csv", "view has to be given"}};
  for (const auto& [target, words] : bad) {
    RawAnswer answer = bed.get(target);
    EXPECT_EQ(answer.status, 400U) << target;
    EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
    EXPECT_NE(json_of(answer).value("detail", "").find(words), std::string::npos) << answer.body;
  }
}

TEST(InsightQueries, AServiceNobodyKnowsIs404WithTheOnesThereAre) {
  InsightBed bed;
  for (const char* path : {"/api/v1/kpis", "/api/v1/timeseries", "/api/v1/heatmap", "/api/v1/retries",
                           "/api/v1/geo", "/api/v1/prefixes", "/api/v1/backends", "/api/v1/flows"}) {
    const RawAnswer answer = bed.get(std::string(path) + "?service=nobody");
    EXPECT_EQ(answer.status, 404U) << path;
    EXPECT_NE(json_of(answer).value("detail", "").find("\"nobody\""), std::string::npos) << answer.body;
    EXPECT_EQ(json_of(answer)["services"], Json({"mail", "web"}));
  }
  EXPECT_EQ(bed.get("/api/v1/kpis?service=gone").status, 200U) << "the warehouse knows it";
  EXPECT_EQ(bed.get("/api/v1/export.csv?view=dim_node").status, 404U);
  EXPECT_EQ(bed.get("/api/v1/nothing").status, 404U);
}

TEST(InsightExport, IsTheViewsRows) {
  InsightBed bed;
  RawAnswer answer = bed.get("/api/v1/export.csv?view=v_kpi_minute");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.fields["content-type"], "text/csv; charset=utf-8");
  EXPECT_TRUE(answer.fields["content-disposition"].starts_with("attachment"));
  EXPECT_EQ(answer.fields["transfer-encoding"], "chunked");
  EXPECT_EQ(std::ranges::count(answer.body, '\n'), 1 + 10 * 10);
  EXPECT_TRUE(answer.body.starts_with("ts,time,node,service"));
  EXPECT_EQ(ask(bed.tcp(), "HEAD", "/api/v1/export.csv?view=v_kpi_minute").status, 200U);
}

TEST(InsightDesk, AWarehouseThatIsNotThereIs503) {
  InsightBed bed;
  std::filesystem::remove(bed.folder.path() + "/warehouse.db");
  std::filesystem::create_directory(bed.folder.path() + "/warehouse.db");
  RawAnswer answer = bed.get("/api/v1/kpis");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.fields["retry-after"], "1");
  EXPECT_EQ(bed.get("/api/v1/export.csv?view=v_sla_daily").status, 503U);
  EXPECT_EQ(bed.get("/api/v1/vips").status, 200U) << "what is known now is known all the same";
}

TEST(InsightDesk, HasABoundedQueueAndADeadline) {
  boost::asio::io_context io;
  const auto guard = boost::asio::make_work_guard(io);
  TemporaryFolder folder;
  fill_warehouse(folder.path() + "/warehouse.db");
  DeskSettings settings;
  settings.address.url = folder.path() + "/warehouse.db";
  settings.waiting = 3;
  WarehouseDesk desk(io, settings);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<unsigned> statuses;
  const auto work = [released](WarehouseReader&) -> Result<std::function<ApiResponse()>> {
    released.wait();
    return std::function<ApiResponse()>([] { return ApiResponse{}; });
  };
  for (int i = 0; i < 5; ++i)
    desk.ask(work, [&](const ApiResponse& response) { statuses.push_back(response.status); });
  EXPECT_EQ(statuses, (std::vector<unsigned>{503, 503})) << "three wait, the others are told at once";
  release.set_value();
  while (statuses.size() < 5)
    io.run_one();
  EXPECT_EQ(statuses, (std::vector<unsigned>{503, 503, 200, 200, 200}));
  EXPECT_EQ(desk.tally().refused, 2U);
  settings.deadline = std::chrono::milliseconds(0);
  WarehouseDesk hurried(io, settings);
  hurried.ask(work, [&](const ApiResponse& response) { statuses.push_back(response.status); });
  while (statuses.size() < 6)
    io.run_one();
  EXPECT_EQ(statuses.back(), 503U);
}

TEST(InsightActions, GoToEveryNodeThatHasTheBackend) {
  InsightBed bed(as_operator());
  const auto post = [&](const std::string& path, const std::string& body) {
    return send_json(bed.tcp(), "POST", path, body);
  };
  bed.actor.replies["lb2"] = {409, std::nullopt, "it is the last one"};
  const RawAnswer drained = post("/api/v1/drain", R"({"pool": "web-pool", "backend": "a", "drain": true})");
  EXPECT_EQ(drained.status, 200U) << drained.body;
  const Json nodes = json_of(drained)["nodes"];
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0], Json({{"node", "lb1"}, {"status", 200}, {"generation", 12}, {"error", ""}}));
  EXPECT_EQ(nodes[1]["error"], "it is the last one");
  EXPECT_EQ(bed.actor.actions.at(0).method, "POST");
  EXPECT_EQ(bed.actor.actions.at(0).path, "/api/v1/pools/web-pool/backends/a/drain");
  post("/api/v1/drain", R"({"pool": "web-pool", "backend": "a", "drain": false})");
  EXPECT_EQ(bed.actor.actions.back().path, "/api/v1/pools/web-pool/backends/a/undrain");
  post("/api/v1/weights", R"({"pool": "mail-pool", "backend": "m", "weight": 7})");
  EXPECT_EQ(bed.actor.actions.back().method, "PATCH");
  EXPECT_EQ(bed.actor.actions.back().body, R"({"weight":7})");
  for (const char* node : {"lb1", "lb2", "lb3"})
    bed.actor.replies[node] = {0, std::nullopt, "connection refused"};
  const RawAnswer failed = post("/api/v1/weights", R"({"pool": "mail-pool", "backend": "m", "weight": 7})");
  EXPECT_EQ(failed.status, 502U);
  EXPECT_EQ(json_of(failed)["errors"][0], "lb1: connection refused");
  EXPECT_EQ(post("/api/v1/drain", R"({"pool": "x", "backend": "y", "drain": true})").status, 404U);
  for (const char* body : {"", "[]", "{}", R"({"pool": "web-pool", "backend": "a"})",
                           R"({"pool": "web-pool", "backend": 5, "drain": true})",
                           R"({"pool": "web-pool", "backend": "a", "drain": "yes"})"})
    EXPECT_EQ(post("/api/v1/drain", body).status, 400U) << body;
  EXPECT_EQ(post("/api/v1/weights", R"({"pool": "web-pool", "backend": "a", "weight": -1})").status, 400U);
  EXPECT_EQ(post("/api/v1/anomalies/5/accept", "").status, 204U);
  EXPECT_EQ(post("/api/v1/anomalies/6/accept", "").status, 404U);
  EXPECT_EQ(post("/api/v1/anomalies/x/accept", "").status, 400U);
  EXPECT_EQ(bed.findings.accepted, (std::vector<int64_t>{5, 6}));
}

TEST(InsightActions, ShuntdsAnswersAreUnderstood) {
  EXPECT_EQ(reply_of(200, R"({"accepted": true, "generation": 9})").generation, 9U);
  EXPECT_EQ(reply_of(422, R"({"detail": "no", "errors": ["a", "b"]})").error, "no; a; b");
  EXPECT_EQ(reply_of(500, "oops").error, "HTTP 500");
  EXPECT_EQ(reply_of(200, "oops").error, "");
}

TEST(InsightProbes, ReadyWhenTheWarehouseIsOpen) {
  InsightBed bed;
  EXPECT_EQ(bed.get("/healthz").body, "ok\n");
  EXPECT_EQ(bed.get("/readyz").status, 200U);
  bed.on_thread([&] {
    bed.tallies.warehouse.is_open = false;
    bed.tallies.warehouse.trouble_text = "disk I/O error";
  });
  bed.publish();
  const RawAnswer answer = bed.get("/readyz");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(json_of(answer)["reasons"][0], "the warehouse isn't open: disk I/O error");
}

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(InsightMetrics, AreDocumentedAndWellFormed) {
  InsightBed bed;
  RawAnswer answer = bed.get("/metrics");
  EXPECT_EQ(answer.fields["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.body.find(
                "shunt_anomaly_score{vip=\"web\",backend=\"b\",kpi=\"up\",severity=\"critical\"} 0.9\n"),
            std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find("shunt_anomalies_total{severity=\"critical\"} 1\n"), std::string::npos);
  EXPECT_NE(answer.body.find("shunt_insight_node_up{node=\"lb3\"} 0\n"), std::string::npos);
  const std::string docs = slurp(std::string(SHUNT_SOURCE_ROOT) + "/docs/metrics.md");
  std::istringstream lines(answer.body);
  const std::regex sample(R"re([a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+)re");
  std::set<std::string> families;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#")) {
      EXPECT_TRUE(std::regex_match(line, sample)) << line;
      continue;
    }
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_GE(families.size(), 15U);
  for (const std::string& family : families)
    EXPECT_NE(docs.find("| `" + family + "` |"), std::string::npos) << family << " isn't in docs/metrics.md";
}

// Of two that see the same thing the worse one; of many the worst.
TEST(InsightMetrics, AnomaliesAreBounded) {
  InsightBed bed;
  bed.on_thread([&] {
    auto& list = bed.findings.anomaly_list;
    FoundAnomaly mild = list.back();  // the open one
    mild.anomaly.severity = Severity::info;
    mild.anomaly.score = 0.1;
    FoundAnomaly grave = mild;
    grave.anomaly.severity = Severity::critical;
    grave.anomaly.score = 0.4;
    list = {grave, mild};
    for (int i = 0; i < 600; ++i) {
      mild.series.service = "a" + std::to_string(i);  // before "web"
      list.push_back(mild);
    }
  });
  const std::string page = bed.get("/metrics").body;
  EXPECT_NE(
      page.find("shunt_anomaly_score{vip=\"web\",backend=\"b\",kpi=\"up\",severity=\"critical\"} 0.4\n"),
      std::string::npos);
  size_t lines = 0;
  for (size_t at = page.find("\nshunt_anomaly_score{"); at != std::string::npos;
       at = page.find("\nshunt_anomaly_score{", at + 1))
    ++lines;
  EXPECT_EQ(lines, 500U);
}

// A row for each route, and no other.
TEST(InsightDocs, HaveEveryRoute) {
  InsightBed bed;
  std::set<std::string> wanted;
  for (const ApiRoute& row : bed.api->routes().rows())
    wanted.insert(row.method + " " + row.pattern + " " + std::string(role_name(row.role)));
  std::set<std::string> found;
  std::istringstream lines(slurp(std::string(SHUNT_SOURCE_ROOT) + "/docs/insight-api.md"));
  const std::regex row(R"(\| `([^`]+)` \| ([A-Z]+)[^|]*\| (\w+) \|.*)");
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, row))
      found.insert(match.str(2) + " " + match.str(1) + " " + match.str(3));
  }
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace shunt::insight
