// Backends' machines: the text of exporters, right and wrong; numbers out of two readings; whom the scraper
// asks, when, and what becomes of wrong, late and missing answers. The clock is the test's.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <variant>

#include "insight/hosts/host_reading.h"
#include "insight/hosts/host_scraper.h"
#include "insight/hosts/metrics_text.h"

namespace shunt::insight {
namespace {

struct Parsed {
  std::vector<MetricSample> samples;
  std::vector<std::string> names;
  MetricsTally tally;
  explicit Parsed(std::string_view text) {
    tally = parse_metrics(text, [&](const MetricSample& sample) {
      names.emplace_back(sample.name);
      samples.push_back(sample);
    });
  }
};

TEST(MetricsText, ReadsWhatExportersWrite) {
  const Parsed parsed(
      "# HELP a b\n# TYPE a counter\n\na 1\n  b{} 2.5e3 1700000000000\r\n"
      "c{x=\"1\",y=\"a\\\"b\\\\c\\nd\",} -0.5\nd{z = \"e}\"}\t+Inf\ne NaN");
  ASSERT_EQ(parsed.names, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(parsed.tally.bad_lines, 0U);
  EXPECT_EQ(parsed.samples[1].value, 2500);
  EXPECT_EQ(parsed.samples[2].labels[1].second, "a\"b\\c\nd");
  EXPECT_EQ(parsed.samples[2].value, -0.5);
  EXPECT_EQ(parsed.samples[3].labels[0].second, "e}");
  EXPECT_TRUE(std::isinf(parsed.samples[3].value));
  EXPECT_TRUE(std::isnan(parsed.samples[4].value));
}

TEST(MetricsText, PassesOverWhatItCantRead) {
  for (const char* line :
       {"a", "a b", "1a 2", "a{ 1", "a{x} 1", "a{x=1} 1", "a{x=\"1} 1", "a{x=\"1\"y=\"2\"} 1", "a 1 2 3",
        "a 1x", "{x=\"1\"} 2", "a{x=\"\\", "<html>", "a 1 now"}) {
    const Parsed parsed(std::string(line) + "\ngood 1\n");
    EXPECT_EQ(parsed.names, std::vector<std::string>{"good"}) << line;
    EXPECT_EQ(parsed.tally.bad_lines, 1U) << line;
  }
}

TEST(MetricsText, IsBounded) {
  std::string lines;
  for (size_t i = 0; i < kMostLines + 10; ++i)
    lines += "a 1\n";
  const Parsed many(lines);
  EXPECT_EQ(many.tally.samples, kMostLines);
  EXPECT_TRUE(many.tally.cut);
  EXPECT_EQ(Parsed("a{x=\"" + std::string(kMostLine, 'y') + "\"} 1").tally.bad_lines, 1U);
  std::string labels = "a{";
  for (size_t i = 0; i <= kMostLabels; ++i)
    labels += "x=\"1\",";
  EXPECT_EQ(Parsed(labels + "} 1").tally.bad_lines, 1U);
}

TEST(MetricsText, SurvivesNoise) {
  std::mt19937 random(5);
  const std::string letters = "ab{}=\"\\,# \n\r1.e+-N\x80\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t i = random() % 40; i > 0; --i)
      text += letters[random() % letters.size()];
    const Parsed parsed(text);
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    EXPECT_LE(parsed.tally.samples + parsed.tally.bad_lines, lines);
  }
}

std::string exporter(double idle, double busy, double boot = 1e9, double received = 0) {
  return "node_boot_time_seconds " + std::to_string(boot) +
         "\nnode_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} " + std::to_string(idle * 0.75) +
         "\nnode_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} " + std::to_string(idle * 0.25) +
         "\nnode_cpu_seconds_total{cpu=\"1\",mode=\"user\"} " + std::to_string(busy) +
         "\nnode_memory_MemTotal_bytes 1000\nnode_memory_MemAvailable_bytes 250\n"
         "node_filesystem_size_bytes{device=\"a\",fstype=\"ext4\",mountpoint=\"/\"} 100\n"
         "node_filesystem_avail_bytes{device=\"a\",fstype=\"ext4\",mountpoint=\"/\"} 40\n"
         "node_filesystem_size_bytes{device=\"b\",fstype=\"xfs\",mountpoint=\"/var\"} 100\n"
         "node_filesystem_avail_bytes{device=\"b\",fstype=\"xfs\",mountpoint=\"/var\"} 30\n"
         "node_filesystem_size_bytes{device=\"t\",fstype=\"tmpfs\",mountpoint=\"/run\"} 100\n"
         "node_filesystem_avail_bytes{device=\"t\",fstype=\"tmpfs\",mountpoint=\"/run\"} 0\n"
         "node_filesystem_size_bytes{device=\"e\",fstype=\"ext4\",mountpoint=\"/e\"} 0\n"
         "node_filesystem_avail_bytes{device=\"e\",fstype=\"ext4\",mountpoint=\"/e\"} 0\n"
         "node_network_receive_bytes_total{device=\"lo\"} "
         "1e12\nnode_network_receive_bytes_total{device=\"eth0\"} " +
         std::to_string(received) + "\nnode_network_transmit_bytes_total{device=\"eth0\"} 7\n";
}

TEST(HostReading, TwoOfThemTell) {
  const HostReading first = read_host(exporter(100, 50), 10'000).take();
  const HostNumbers alone = host_numbers({}, first);
  EXPECT_FALSE(alone.cpu);
  EXPECT_DOUBLE_EQ(alone.memory.value(), 0.75);
  EXPECT_DOUBLE_EQ(alone.disk.value(), 0.7);  // the fullest one that is a disk
  EXPECT_EQ(alone.read_s, 10);
  const HostReading second = read_host(exporter(104, 62, 1e9, 5'000), 20'000).take();
  const HostNumbers both = host_numbers(first, second);
  EXPECT_DOUBLE_EQ(both.cpu.value(), 0.75);
  EXPECT_DOUBLE_EQ(both.received.value(), 500);
  EXPECT_DOUBLE_EQ(both.sent.value(), 0);
}

TEST(HostReading, AMachineThatBeganAnewHasNoRates) {
  const HostReading first = read_host(exporter(100, 50), 10'000).take();
  EXPECT_FALSE(host_numbers(first, read_host(exporter(104, 62, 2e9), 20'000).take()).cpu);
  EXPECT_FALSE(host_numbers(first, read_host(exporter(4, 2), 20'000).take()).cpu);  // counters fell
  EXPECT_FALSE(host_numbers(first, first).cpu);                                     // no time passed
}

TEST(HostReading, RefusesWhatIsNoExporters) {
  for (const char* text : {"", "<html>hello</html>", "up 1\n", "node_memory_MemTotal_bytes NaN\n"})
    EXPECT_FALSE(read_host(text, 0)) << text;
  // Shares that can't be aren't there.
  const HostReading odd = read_host(
                              "node_cpu_seconds_total{mode=\"idle\"} 1\nnode_memory_MemTotal_bytes "
                              "0\nnode_memory_MemAvailable_bytes 1\n",
                              0)
                              .take();
  EXPECT_FALSE(odd.memory);
}

// A scraper, hosts that answer when the test says, and a clock.
struct Lab {
  explicit Lab(size_t count) {
    LiveNode node;
    node.name = "lb1";
    node.up = true;
    for (size_t i = 0; i < count; ++i) {
      LiveBackend backend;
      backend.name = {"lb1", "web", "web", "web-" + std::to_string(i)};
      backend.address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
      node.backends.push_back(backend);
    }
    live.nodes.push_back(node);
    live.nodes.push_back(node);  // another shuntd with the same backends
    live.now_s = 600;
  }
  struct Question {
    std::string address;
    HostScraper::Answer answer;
  };
  void tick() {
    ++live.now_s;
    scraper->tick(live);
  }
  void answer_all(const std::function<Result<std::string>(const std::string&)>& what) {
    std::deque<Question> now;
    now.swap(open);
    for (const Question& question : now)
      question.answer(what(question.address));
  }

  LiveState live;
  std::deque<Question> open;
  std::vector<HostRow> rows;
  std::unique_ptr<HostScraper> scraper = std::make_unique<HostScraper>(
      HostSettings{9100, 5},
      [this](const std::string& address, uint16_t, HostScraper::Answer answer) {
        open.push_back({address, std::move(answer)});
      },
      [this](WarehouseRow row) { rows.push_back(std::get<HostRow>(row)); },
      [this] { return live.now_s * 1'000; });
};

TEST(HostScraper, AsksEachHostEachInterval) {
  Lab lab(2);
  std::map<std::string, int> asked;
  for (int second = 0; second < 120; ++second) {
    lab.tick();
    const double now = static_cast<double>(lab.live.now_s);
    lab.answer_all([&](const std::string& address) -> Result<std::string> {
      ++asked[address];
      return exporter(now, 3 * now);
    });
  }
  lab.tick();
  EXPECT_EQ(asked.at("10.0.0.0"), 24);
  EXPECT_EQ(asked.at("10.0.0.1"), 24);
  ASSERT_EQ(lab.live.hosts.size(), 2U);
  EXPECT_NEAR(lab.live.hosts.at("10.0.0.1").cpu.value(), 0.75, 1e-9);
  EXPECT_FALSE(lab.live.hosts.at("10.0.0.1").stale);
  // A row for each backend and minute that is over.
  ASSERT_EQ(lab.rows.size(), 4U);
  EXPECT_EQ(lab.rows[0].begin_s, 600);
  EXPECT_EQ(lab.rows[0].pool, "web");
  EXPECT_EQ(lab.rows[1].backend, "web-1");
  EXPECT_NEAR(lab.rows[0].cpu.value(), 0.75, 1e-9);
  EXPECT_NEAR(lab.rows[3].disk.value(), 0.7, 1e-9);
  EXPECT_EQ(lab.scraper->tally().answered, 48U);
}

TEST(HostScraper, IsStaleAfterThreeIntervalsAndGoneWithItsBackend) {
  Lab lab(1);
  lab.tick();
  lab.answer_all([](const std::string&) -> Result<std::string> { return exporter(1, 1); });
  for (int second = 0; second < 15; ++second)
    lab.tick();
  EXPECT_FALSE(lab.live.hosts.at("10.0.0.0").stale);
  lab.tick();
  EXPECT_TRUE(lab.live.hosts.at("10.0.0.0").stale);
  EXPECT_DOUBLE_EQ(lab.live.hosts.at("10.0.0.0").memory.value(), 0.75);  // what it was
  for (LiveNode& node : lab.live.nodes)
    node.backends.clear();
  lab.tick();
  EXPECT_TRUE(lab.live.hosts.empty());
  lab.answer_all(
      [](const std::string&) -> Result<std::string> { return exporter(1, 1); });  // too late: nothing
  lab.tick();
  EXPECT_TRUE(lab.live.hosts.empty());
}

TEST(HostScraper, NeverAsksMoreThanSixteenAtOnceAndLeavesNobodyOut) {
  Lab lab(100);
  std::map<std::string, int> asked;
  for (int second = 0; second < 40; ++second) {
    lab.tick();
    EXPECT_LE(lab.open.size(), HostScraper::kAtOnce);
    lab.answer_all([&](const std::string& address) -> Result<std::string> {
      ++asked[address];
      return exporter(1, 1);
    });
  }
  EXPECT_EQ(asked.size(), 100U);
  for (const auto& [address, times] : asked)
    EXPECT_GE(times, 4) << address;
}

TEST(HostScraper, WrongAnswersAreCountedAndTheirHostsAskedLess) {
  Lab lab(2);
  std::map<std::string, int> asked;
  for (int second = 0; second < 300; ++second) {
    lab.tick();
    lab.answer_all([&](const std::string& address) -> Result<std::string> {
      ++asked[address];
      if (address == "10.0.0.0") return std::string("<html>404</html>");
      return Error{"http://10.0.0.1:9100", "connection refused"};
    });
  }
  EXPECT_TRUE(lab.live.hosts.empty());
  EXPECT_TRUE(lab.rows.empty());
  EXPECT_LT(asked.at("10.0.0.0"), 15);
  EXPECT_GE(asked.at("10.0.0.0"), 7);
  EXPECT_EQ(lab.scraper->tally().refused, static_cast<uint64_t>(asked.at("10.0.0.0")));
  EXPECT_EQ(lab.scraper->tally().failed, static_cast<uint64_t>(asked.at("10.0.0.1")));
  EXPECT_EQ(lab.scraper->error("10.0.0.1"), "http://10.0.0.1:9100: connection refused");
  // Well again: at once as often as before.
  asked.clear();
  for (int second = 0; second < 160; ++second) {
    lab.tick();
    lab.answer_all([&](const std::string& address) -> Result<std::string> {
      ++asked[address];
      return exporter(1, 1);
    });
  }
  EXPECT_GE(asked.at("10.0.0.0"), 20);
}

TEST(HostScraper, SilentHostsDontHoldTheOthersUp) {
  Lab lab(40);
  size_t answered = 0;
  for (int second = 0; second < 400; ++second) {
    lab.tick();
    std::deque<Lab::Question> now;
    now.swap(lab.open);
    for (const Lab::Question& question : now) {
      if (question.address < "10.0.0.2") continue;  // 0, 1, 10 to 19 never answer
      ++answered;
      question.answer(exporter(1, 1));
    }
  }
  EXPECT_EQ(lab.live.hosts.size(), 28U);
  EXPECT_GE(lab.scraper->tally().given_up, 12U);
  EXPECT_GE(answered, 28U * 40U);
}

TEST(HostScraper, AnAnswerAfterTheEndIsNothing) {
  Lab lab(1);
  lab.tick();
  lab.scraper.reset();
  lab.answer_all([](const std::string&) -> Result<std::string> { return exporter(1, 1); });
}

TEST(HostScraper, HostsBeyondTheBoundAreCounted) {
  Lab lab(HostScraper::kMostHosts + 3);
  lab.tick();
  EXPECT_EQ(lab.scraper->tally().passed_over, 3U);
}

}  // namespace
}  // namespace shunt::insight
