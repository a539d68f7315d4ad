// The page's files, and small parts: JSON, live views, totals.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "insight/api/anomaly_totals.h"
#include "insight/api/finding_json.h"
#include "insight/api/frame_feed.h"
#include "insight/api/json_text.h"
#include "insight/api/live_view.h"
#include "insight/api/page_files.h"
#include "insight/api/topology_json.h"
#include "tests/unit/insight_api_bed.h"
#include "tests/unit/unpacked.h"

namespace shunt::insight {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

void write_file(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class InsightPage : public testing::Test {
 protected:
  InsightPage() {
    write_file(dir_ + "/index.html", "<!doctype html><title>shunt</title>");
    write_file(dir_ + "/assets/index-B3f9aQx1.js", script_);
    write_file(dir_ + "/assets/Alerts-D7rC_N--.css", "a {}");
    write_file(dir_ + "/assets/plain.css", "a {}");
    write_file(dir_ + "/favicon.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    write_file(folder_.path() + "/secret.txt", "secret");
    fs::create_symlink(folder_.path() + "/secret.txt", dir_ + "/link.txt");
    InsightApiSettings settings;
    settings.page_dir = dir_;
    bed_ = std::make_unique<InsightBed>(settings);
  }
  RawAnswer get(const std::string& target, const std::string& more = {}) {
    RawClient client(bed_->tcp());
    client.send(request_text("GET", target, more));
    return client.read_answer();
  }

  TemporaryFolder folder_;
  std::string dir_ = folder_.path() + "/page";
  std::string script_ = std::string(5'000, 'a') + "console.log(1)";
  std::unique_ptr<InsightBed> bed_;
};

TEST_F(InsightPage, HasItsTypesAndFields) {
  RawAnswer page = get("/");
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.fields["content-type"], "text/html; charset=utf-8");
  EXPECT_EQ(page.fields["cache-control"], "no-cache");
  const std::string policy = page.fields["content-security-policy"];
  EXPECT_TRUE(policy.starts_with("default-src 'self'; ")) << policy;
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(page.fields["x-content-type-options"], "nosniff");
  EXPECT_EQ(page.fields["referrer-policy"], "no-referrer");
  RawAnswer script = get("/assets/index-B3f9aQx1.js");
  EXPECT_EQ(script.fields["content-type"], "text/javascript; charset=utf-8");
  EXPECT_EQ(script.fields["cache-control"], "public, max-age=31536000, immutable");
  EXPECT_EQ(script.body, script_);
  EXPECT_EQ(get("/assets/Alerts-D7rC_N--.css").fields["cache-control"], script.fields["cache-control"]);
  EXPECT_EQ(get("/assets/plain.css").fields["cache-control"], "no-cache");
  EXPECT_EQ(get("/favicon.svg").fields["content-type"], "image/svg+xml");
}

TEST_F(InsightPage, IsCompressedForThoseWhoTakeIt) {
  RawAnswer packed = get("/assets/index-B3f9aQx1.js", "Accept-Encoding: gzip, deflate, br\r\n");
  EXPECT_EQ(packed.fields["content-encoding"], "gzip");
  EXPECT_EQ(packed.fields["vary"], "Accept-Encoding");
  EXPECT_LT(packed.body.size(), 200U);
  EXPECT_EQ(unpacked(packed.body), script_);
  EXPECT_EQ(get("/assets/index-B3f9aQx1.js", "Accept-Encoding: gzip;q=0\r\n").body, script_);
  EXPECT_EQ(get("/", "Accept-Encoding: gzip\r\n").fields.count("content-encoding"), 0U) << "too small";
}

TEST_F(InsightPage, IsNotSentAgainToThoseWhoHaveIt) {
  RawAnswer first = get("/favicon.svg");
  ASSERT_FALSE(first.fields["etag"].empty());
  RawAnswer again = get("/favicon.svg", "If-None-Match: " + first.fields["etag"] + "\r\n");
  EXPECT_EQ(again.status, 304U);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(get("/favicon.svg", "If-None-Match: \"other\"\r\n").status, 200U);
}

TEST_F(InsightPage, DeepLinksGiveThePage) {
  for (const char* path : {"/backends", "/backends/web/web-pool/web-1", "/backends/web/v1.2/10.0.0.1",
                           "/anomalies?open=1", "/a%20b"})
    EXPECT_EQ(get(path).fields["content-type"], "text/html; charset=utf-8") << path;
  for (const char* path :
       {"/missing.js", "/assets/missing-12345678.js", "/api/v1/missing", "/api", "/favicon.ico"}) {
    EXPECT_EQ(get(path).status, 404U) << path;
    EXPECT_EQ(get(path).fields["content-type"], "application/problem+json") << path;
  }
  EXPECT_EQ(ask(bed_->tcp(), "POST", "/backends").status, 404U);
  const RawAnswer head = ask(bed_->tcp(), "HEAD", "/backends");
  EXPECT_EQ(head.status, 200U);
}

TEST_F(InsightPage, NothingOutsideOfItIsAnswered) {
  for (const char* path :
       {"/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt",
        "//secret.txt", "/..%5csecret.txt", "/link.txt", "/%00/secret.txt", "/index.html%00.txt"}) {
    const RawAnswer answer = get(path);
    EXPECT_EQ(answer.status, 404U) << path;
    EXPECT_EQ(answer.body.find("secret\n"), std::string::npos);
    EXPECT_NE(answer.body, "secret") << path;
  }
}

TEST(InsightPageFiles, SayHowToBuildThePage) {
  InsightBed bed;  // its program lies where no page is
  const RawAnswer answer = bed.get("/");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_NE(answer.body.find("npm run build"), std::string::npos);
  EXPECT_EQ(bed.get("/backends").status, 200U);
  EXPECT_EQ(bed.get("/x.js").status, 404U);
}

TEST(InsightPageFiles, AreFoundBesideTheProgram) {
  const TemporaryFolder folder;
  const std::string installed = folder.path() + "/usr/share/shunt/dashboard";
  write_file(installed + "/index.html", "x");
  fs::create_directories(folder.path() + "/usr/bin");
  EXPECT_EQ(PageFiles::find_beside(folder.path() + "/usr/bin/shunt-insight"), installed);
  const std::string built = folder.path() + "/tree/dashboard/dist";
  write_file(built + "/index.html", "x");
  fs::create_directories(folder.path() + "/tree/build");
  EXPECT_EQ(PageFiles::find_beside(folder.path() + "/tree/build/shunt-insight"), built);
  EXPECT_EQ(PageFiles::find_beside("/nowhere/bin/shunt-insight"), "");
}

TEST(InsightPageFiles, RefuseWhatIsNoPage) {
  const TemporaryFolder folder;
  EXPECT_NE(PageFiles::load(folder.path()).error().text().find("index.html"), std::string::npos);
  EXPECT_FALSE(PageFiles::load(folder.path() + "/missing").ok());
  write_file(folder.path() + "/index.html", "x");
  for (size_t i = 0; i <= PageFiles::kMostFiles; ++i)
    write_file(folder.path() + "/f" + std::to_string(i) + ".txt", "x");
  EXPECT_NE(PageFiles::load(folder.path()).error().text().find("2,000"), std::string::npos);
}

TEST(InsightPageFiles, TakeWhatTheBuildHasPacked) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/index.html", "plain");
  write_file(folder.path() + "/index.html.gz", "packed");
  const PageFiles page = PageFiles::load(folder.path()).take();
  EXPECT_EQ(page.size(), 1U);
  ApiCall call;
  call.path = "/";
  call.accept_encoding = "gzip";
  EXPECT_EQ(*page.answer(call).shared_body, "packed");
}

TEST(JsonText, IsJson) {
  JsonText json;
  json.open()
      .put("text", std::string("a\"b\\\n\xff ü"))
      .put("whole", 123456789012.0)
      .put("part", 0.123456789)
      .put("negative", -5)
      .put("none", std::optional<double>())
      .put("infinite", std::numeric_limits<double>::infinity())
      .put("yes", true)
      .list("list")
      .put(1)
      .open()
      .close()
      .list()
      .end_list()
      .raw("[2]")
      .end_list()
      .raw("raw", "{}")
      .close();
  const Json read = Json::parse(json.text());
  EXPECT_EQ(read["text"], "a\"b\\\n\uFFFD ü");
  EXPECT_EQ(read["whole"], 123456789012);
  EXPECT_EQ(read["part"], 0.123457);
  EXPECT_EQ(read["none"], nullptr);
  EXPECT_EQ(read["infinite"], nullptr);
  EXPECT_EQ(read["list"], Json::parse("[1,{},[],[2]]"));
}

TEST(LiveView, StatesAreOfTheNodesThatAnswer) {
  LiveState live = bed_state();
  const auto state_of = [&](const char* service) { return view_of(live).find(service)->state; };
  EXPECT_EQ(state_of("web"), ServiceState::degraded);
  EXPECT_EQ(state_of("mail"), ServiceState::up);
  live.nodes[0].backends[2].state = BackendState::drain;
  EXPECT_EQ(state_of("mail"), ServiceState::down) << "nobody takes new flows";
  live.nodes[1].up = false;
  EXPECT_EQ(state_of("web"), ServiceState::up) << "the node that saw it down is gone";
  live.nodes[0].up = false;
  EXPECT_EQ(state_of("web"), ServiceState::unknown);
  EXPECT_EQ(view_of(live).backends[0].reason, "node lb1 doesn't answer");
  live.nodes[2].up = true;
  EXPECT_EQ(state_of("web"), ServiceState::up);
  EXPECT_EQ(view_of(live).backends[0].reason, "");
  EXPECT_EQ(view_of({}).services.size(), 0U);
}

TEST(FrameFeed, MakesAFrameForThoseWhoLookOnly) {
  int made = 0;
  int woken = 0;
  FrameFeed feed([&] { return std::to_string(++made); });
  feed.publish();
  feed.publish();
  EXPECT_EQ(made, 0);
  const auto cursor = feed.watch([&] { ++woken; });
  const auto other = feed.watch([&] { ++woken; });
  EXPECT_EQ(*cursor->next(), "1");
  EXPECT_EQ(cursor->next(), nullptr);
  EXPECT_EQ(*other->next(), "1") << "the same for all";
  feed.publish();
  feed.publish();
  EXPECT_EQ(woken, 4);
  EXPECT_EQ(*cursor->next(), "2") << "the newest, no backlog";
  EXPECT_EQ(cursor->next(), nullptr);
}

TEST(AnomalyTotals, CountOnceForEachSeverityThatIsReached) {
  AnomalyTotals totals;
  FoundAnomaly one;
  one.id = 1;
  one.anomaly.severity = Severity::minor;
  std::deque<FoundAnomaly> found = {one};
  totals.take(found);
  totals.take(found);
  EXPECT_EQ(totals.of(Severity::minor), 1U);
  found[0].anomaly.severity = Severity::critical;
  totals.take(found);
  found[0].anomaly.severity = Severity::minor;
  totals.take(found);
  EXPECT_EQ(totals.of(Severity::minor), 1U);
  EXPECT_EQ(totals.of(Severity::critical), 1U);
  one.id = 2;
  found.push_back(one);
  found.pop_front();
  totals.take(found);
  EXPECT_EQ(totals.of(Severity::minor), 2U);
}

// Not over the whole window, when the service is younger.
TEST(TopologyJson, RatesOfCountriesAreOverWhatIsKnown) {
  KpiCell cell;
  cell.seconds = 30;
  cell.counts[KpiCount::opened] = 900;
  const WindowFlows flows{{{"web", "", "", cell}}, {}, {{"web", {{"DE", 600, 60}, {"NL", 300, 0}}}}};
  const Json topology = Json::parse(topology_json({}, 1'767'225'600, flows));
  std::map<std::string, double> rates;
  for (const Json& node : topology["nodes"])
    rates[node["id"]] = node["flows"];
  const std::map<std::string, double> wanted{
      {"country:DE", 20.0}, {"country:NL", 10.0}, {"service:web", 30.0}};
  EXPECT_EQ(rates, wanted);
}

}  // namespace
}  // namespace shunt::insight
