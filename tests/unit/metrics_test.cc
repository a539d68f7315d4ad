// /metrics: a strict reading of the text format (the part of it that is used), then the values.
#include "control/metrics.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "tests/unit/fake_status.h"

namespace shunt {
namespace {

using Labels = std::map<std::string, std::string>;

bool is_name(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0) return false;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
  }
  return true;
}

// What a Prometheus server would read, or the first thing that it (or promtool's lint) would object to.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    if (text.empty() || text.back() != '\n') error_ = "doesn't end with a newline";
    std::istringstream lines(text);
    for (std::string line; error_.empty() && std::getline(lines, line);) {
      read_line(line);
      if (!error_.empty()) error_ += ": " + line;
    }
  }

  const std::string& error() const { return error_; }
  const std::map<std::string, std::string>& types() const { return types_; }
  const std::map<std::string, std::map<Labels, double>>& series() const { return series_; }

  std::optional<double> value(const std::string& name, const Labels& labels = {}) const {
    const auto found = series_.find(name);
    if (found == series_.end() || !found->second.contains(labels)) return std::nullopt;
    return found->second.at(labels);
  }
  double sum(const std::string& name) const {
    double total = 0;
    for (const auto& [labels, value] : series_.at(name))
      total += value;
    return total;
  }

 private:
  void read_line(const std::string& line) {
    if (line.starts_with("# HELP ")) return read_help(line.substr(7));
    if (line.starts_with("# TYPE ")) return read_type(line.substr(7));
    if (line.empty() || line[0] == '#') return fail("neither HELP, TYPE nor a sample");
    read_sample(line);
  }

  void read_help(const std::string& rest) {
    const size_t blank = rest.find(' ');
    const std::string name = rest.substr(0, blank);
    if (blank == std::string::npos || blank + 1 == rest.size()) return fail("no help text");
    if (!is_name(name) || !name.starts_with("shunt_")) return fail("bad family name");
    if (!helped_.insert(name).second) return fail("second HELP of a family");
    family_ = name;
  }

  void read_type(const std::string& rest) {
    const size_t blank = rest.find(' ');
    const std::string name = rest.substr(0, blank);
    if (name != family_) return fail("TYPE doesn't follow its HELP");
    const std::string type = rest.substr(blank + 1);
    if (type != "counter" && type != "gauge" && type != "summary") return fail("bad type");
    if (!types_.emplace(name, type).second) return fail("second TYPE of a family");
    if (name.ends_with("_total") != (type == "counter"))
      return fail("_total is for counters, and all of them");
  }

  void read_sample(const std::string& line) {
    const size_t name_end = line.find_first_of("{ ");
    const std::string name = line.substr(0, name_end);
    if (!types_.contains(family_)) return fail("sample before TYPE");
    const bool summary = types_[family_] == "summary";
    if (summary ? name != family_ + "_sum" && name != family_ + "_count" : name != family_)
      return fail("foreign sample");
    size_t at = name_end;
    Labels labels;
    if (line[at] == '{' && !read_labels(line, at, labels)) return;
    if (line[at] != ' ') return fail("no blank before the value");
    const std::string number = line.substr(at + 1);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0') return fail("bad value (or a timestamp)");
    if (types_[family_] != "gauge" && value < 0) return fail("negative counter");
    if (!series_[name].emplace(labels, value).second) return fail("duplicate series");
  }

  bool read_labels(const std::string& line, size_t& at, Labels& labels) {
    for (++at; line[at] != '}'; at += line[at] == ',' ? 1U : 0U) {
      const size_t equals = line.find('=', at);
      if (equals == std::string::npos || !is_name(line.substr(at, equals - at)))
        return fail("bad label name"), false;
      const std::string name = line.substr(at, equals - at);
      at = equals + 1;
      std::string value;
      if (!read_quoted(line, at, value)) return fail("bad label value"), false;
      if (!labels.emplace(name, value).second) return fail("duplicate label"), false;
      if (line[at] != ',' && line[at] != '}') return fail("no comma between labels"), false;
    }
    ++at;
    return true;
  }

  static bool read_quoted(const std::string& line, size_t& at, std::string& value) {
    if (line[at] != '"') return false;
    for (++at; at < line.size(); ++at) {
      if (line[at] == '"') return ++at, true;
      if (line[at] == '\\') {
        ++at;
        if (line[at] != '\\' && line[at] != '"' && line[at] != 'n') return false;
        value += line[at] == 'n' ? '\n' : line[at];
      } else {
        value += line[at];
      }
    }
    return false;
  }

  void fail(const std::string& what) { error_ = what; }

  std::string error_;
  std::string family_;
  std::set<std::string> helped_;
  std::map<std::string, std::string> types_;
  std::map<std::string, std::map<Labels, double>> series_;
};

Exposition expose(FakeStatus& status) {
  return Exposition(StatusMetrics(status).text());
}

TEST(MetricsReader, ObjectsToWhatIsWrong) {
  const std::string head = "# HELP shunt_a_total A.\n# TYPE shunt_a_total counter\n";
  EXPECT_EQ(Exposition(head + "shunt_a_total{x=\"a\\\"b\\n\\\\\"} 1\n").error(), "");
  for (const std::string& bad :
       {std::string("shunt_a_total 1"), head + "shunt_a_total{x=\"1\"} 1\nshunt_a_total{x=\"1\"} 2\n",
        head + "shunt_a_total{x=\"a\"b\"} 1\n", head + "shunt_a_total{x=\"a\nb\"} 1\n", head + head,
        head + "shunt_b_total 1\n", head + "shunt_a_total -1\n", head + "shunt_a_total 1 2\n",
        head + "shunt_a_total{x=\"1\",x=\"2\"} 1\n", head + "shunt_a_total{x-y=\"1\"} 1\n",
        std::string("# HELP shunt_a A.\n# TYPE shunt_a counter\nshunt_a 1\n")}) {
    EXPECT_NE(Exposition(bad).error(), "") << bad;
  }
}

TEST(Metrics, AreWellFormed) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  EXPECT_EQ(page.error(), "");
  for (const auto& [name, type] : page.types()) {
    EXPECT_TRUE(page.series().contains(type == "summary" ? name + "_sum" : name)) << name << " has no series";
  }
  FakeStatus empty;
  EXPECT_EQ(expose(empty).error(), "");
}

TEST(Metrics, EscapeHostileNames) {
  FakeStatus status = fake_status();
  const std::string name = "a\"b\n\\c{x=\"y\"} 7\n# HELP shunt_x y";
  status.service_status[0].name = name;
  status.service_status[0].pool = name;
  for (BackendStatus& backend : status.service_status[0].backends)
    backend.pool = name;
  status.service_status[0].backends[0].name = name;
  status.port_status[0].name = name;
  status.node_status.version = name;
  status.drops_report.dropped.emplace_back(name, 1);
  const Exposition page = expose(status);
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(page.value("shunt_flows_total", {{"service", name}, {"pool", name}, {"backend", name}}), 4'321);
  EXPECT_EQ(page.value("shunt_nic_rx_missed_total", {{"port", name}}), 4);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", ""}, {"reason", name}}), 1);
}

TEST(Metrics, HoldTheNode) {
  FakeStatus status = fake_status();
  status.node_status.last_reload.accepted = false;
  const Exposition page = expose(status);
  EXPECT_EQ(page.value("shunt_build_info", {{"version", "0.1.0"}, {"dpdk", "22.11.4"}}), 1);
  EXPECT_EQ(page.value("shunt_start_time_seconds"), 1'738'324'800);
  EXPECT_EQ(page.value("shunt_ready"), 1);
  EXPECT_EQ(page.value("shunt_table_generation"), 7);
  EXPECT_EQ(page.value("shunt_config_last_reload_successful"), 0);
  EXPECT_EQ(page.value("shunt_packets_received_total"), 3'000'010);
  EXPECT_EQ(page.value("shunt_packets_originated_total"), 2);
  EXPECT_EQ(page.value("shunt_packets_sent_total"), 2'999'988);
  EXPECT_EQ(page.value("shunt_packets_punted_total"), 11);
  EXPECT_EQ(page.value("shunt_packets_in_flight"), 1);
}

TEST(Metrics, HoldWorkersAndTables) {
  FakeStatus status = fake_status();
  WorkerStatus second = status.worker_status[0];
  second.index = 1;
  second.cpu = 5;
  status.worker_status.push_back(second);
  const Exposition page = expose(status);
  EXPECT_EQ(page.value("shunt_worker_packets_total", {{"worker", "0"}}), 3'000'000);
  EXPECT_EQ(page.value("shunt_worker_bytes_total", {{"worker", "1"}}), 2'500'000'000);
  EXPECT_EQ(page.value("shunt_worker_loops_total", {{"worker", "1"}}), 99);
  EXPECT_EQ(page.value("shunt_worker_bursts_total", {{"worker", "1"}}), 162'689);
  EXPECT_EQ(page.value("shunt_worker_busy_seconds_total", {{"worker", "1"}}), 0.75);
  EXPECT_EQ(page.value("shunt_worker_stage_ticks_total", {{"worker", "1"}, {"stage", "lookup"}}), 64'000);
  EXPECT_EQ(page.value("shunt_worker_stage_packets_total", {{"worker", "0"}, {"stage", "select"}}), 100);
  EXPECT_EQ(page.series().at("shunt_worker_stage_ticks_total").size(), 8U);
  EXPECT_EQ(page.value("shunt_tsc_hz"), 2'100'000'000);
  EXPECT_EQ(page.value("shunt_lcore_busy_ratio", {{"lcore", "5"}}), 0.123);
  EXPECT_EQ(page.value("shunt_flow_table_entries", {{"worker", "0"}}), 1'024);
  EXPECT_EQ(page.value("shunt_flow_table_capacity", {{"worker", "0"}}), 1'048'576);
  EXPECT_EQ(page.value("shunt_probation_entries", {{"worker", "0"}}), 12);
  EXPECT_EQ(page.value("shunt_probation_capacity", {{"worker", "0"}}), 65'536);
  EXPECT_EQ(page.value("shunt_flow_lookup_total", {{"result", "hit"}}), 180);
  EXPECT_EQ(page.value("shunt_flow_lookup_total", {{"result", "miss"}}), 20);
}

TEST(Metrics, HoldPorts) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  const Labels received = {{"port", "net0"}, {"direction", "received"}};
  const Labels sent = {{"port", "net0"}, {"direction", "sent"}};
  EXPECT_EQ(page.value("shunt_port_packets_total", received), 3'000'000);
  EXPECT_EQ(page.value("shunt_port_packets_total", sent), 2'999'988);
  EXPECT_EQ(page.value("shunt_port_bytes_total", sent), 2'400'000'000);
  EXPECT_EQ(page.value("shunt_nic_packets_total", received), 3'000'004);
  EXPECT_EQ(page.value("shunt_nic_bytes_total", received), 0);
  EXPECT_EQ(page.value("shunt_nic_rx_missed_total", {{"port", "net0"}}), 4);
  EXPECT_EQ(page.value("shunt_port_link_up", {{"port", "net0"}}), 1);
}

TEST(Metrics, HoldServicesAndTheirBackends) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  const Labels web = {{"service", "web"}, {"pool", "web"}, {"backend", "a"}};
  EXPECT_EQ(page.value("shunt_flows_total", web), 4'321);
  EXPECT_EQ(page.value("shunt_active_flows", web), 21);
  Labels there = web;
  there["direction"] = "to_backend";
  EXPECT_EQ(page.value("shunt_packets_total", there), 1'234'567);
  EXPECT_EQ(page.value("shunt_bytes_total", there), 987'654'321);
  Labels back = web;
  back["direction"] = "to_client";
  EXPECT_EQ(page.value("shunt_packets_total", back), std::nullopt);
  const Labels nat = {{"service", "dns"}, {"pool", "names"}, {"backend", "a"}, {"direction", "to_client"}};
  EXPECT_EQ(page.value("shunt_packets_total", nat), 77);
  EXPECT_EQ(page.value("shunt_bytes_total", nat), 7'700);
  EXPECT_EQ(page.value("shunt_flow_events_total", {{"service", "web"}, {"event", "forgotten"}}), 3);
  EXPECT_EQ(page.value("shunt_service_fit", {{"service", "web"}}), 1);
  EXPECT_EQ(page.value("shunt_service_backends_up", {{"service", "web"}}), 1);
}

TEST(Metrics, HoldTheBackendsOfPools) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  const Labels up = {{"pool", "web"}, {"backend", "a"}};
  const Labels down = {{"pool", "web"}, {"backend", "b"}};
  EXPECT_EQ(page.value("shunt_backend_up", up), 1);
  EXPECT_EQ(page.value("shunt_backend_up", down), 0);
  Labels state = down;
  for (const char* name : {"unknown", "up", "down", "disabled"}) {
    state["state"] = name;
    EXPECT_EQ(page.value("shunt_backend_state", state), std::string(name) == "down" ? 1 : 0);
  }
  EXPECT_EQ(page.value("shunt_backend_weight", up), 1);
  EXPECT_EQ(page.value("shunt_backend_accept_ratio", up), 1);
  EXPECT_EQ(page.value("shunt_backend_accept_ratio", down), 0);
  EXPECT_EQ(page.value("shunt_backend_slots_ratio", up), 0.25);
  EXPECT_EQ(
      page.value("shunt_health_checks_total", {{"pool", "web"}, {"backend", "a"}, {"result", "timeout"}}), 2);
  EXPECT_EQ(page.value("shunt_health_check_duration_seconds_count", up), 62);
  EXPECT_EQ(page.value("shunt_health_check_duration_seconds_sum", up), 0.75);
}

TEST(Metrics, AreUnambiguousWherePoolsAndNamesAreShared) {
  FakeStatus status = fake_status();
  ServiceStatus tls = status.service_status[0];  // the same pool in a second service
  tls.name = "web-tls";
  BackendStatus spare = fake_backend("spare", "a", "10.0.1.1");  // a name that the first pool has too
  tls.backends.push_back(spare);
  status.service_status.push_back(tls);
  const Exposition page = expose(status);
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(page.series().at("shunt_flows_total").size(), 7U);
  EXPECT_EQ(page.series().at("shunt_backend_up").size(), 5U);
}

TEST(Metrics, SumOfDropsIsWhatWasDropped) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", "web"}, {"reason", "no_backend"}}), 5);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", ""}, {"reason", "no_backend"}}), 0);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", ""}, {"reason", "ttl"}}), 2);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", ""}, {"reason", "arp"}}), 0);
  EXPECT_EQ(page.value("shunt_drops_total", {{"service", "web"}, {"reason", "ttl"}}), std::nullopt);
  EXPECT_EQ(page.sum("shunt_drops_total"), 12);
}

TEST(Metrics, DropsOfNoServiceNeverDecrease) {
  FakeStatus status = fake_status();
  status.drops_report.dropped = {{"no_backend", 30}};
  StatusMetrics metrics(status);
  const Labels nobody = {{"service", ""}, {"reason", "no_backend"}};
  EXPECT_EQ(Exposition(metrics.text()).value("shunt_drops_total", nobody), 20);
  status.service_status[0].dropped = {{"no_backend", 9}};  // not in the sum yet
  EXPECT_EQ(Exposition(metrics.text()).value("shunt_drops_total", nobody), 20);
  status.service_status[0].dropped = {{"no_backend", 90}};
  EXPECT_EQ(Exposition(metrics.text()).value("shunt_drops_total", nobody), 20);
  status.drops_report.dropped = {{"no_backend", 130}};
  EXPECT_EQ(Exposition(metrics.text()).value("shunt_drops_total", nobody), 35);
}

TEST(Metrics, CollapseBackendsAboveTheBound) {
  FakeStatus status = fake_status();
  status.service_status.resize(1);
  ServiceStatus& web = status.service_status[0];
  web.backends.clear();
  for (size_t i = 0; i < kMaxBackendSeries; ++i) {
    web.backends.push_back(fake_backend("web", "b" + std::to_string(i), "10.0.0.1"));
  }
  EXPECT_EQ(expose(status).series().at("shunt_flows_total").size(), kMaxBackendSeries);
  web.backends.push_back(fake_backend("spare", "b0", "10.0.0.1"));
  const Exposition page = expose(status);
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(page.series().at("shunt_flows_total").size(), 2U);
  EXPECT_EQ(page.value("shunt_flows_total", {{"service", "web"}, {"pool", "web"}, {"backend", ""}}),
            4'321.0 * static_cast<double>(kMaxBackendSeries));
  EXPECT_EQ(page.series().at("shunt_backend_up").size(), kMaxBackendSeries + 1);
}

TEST(Metrics, WriteLargeNumbersExactly) {
  FakeStatus status = fake_status();
  status.drops_report.received = (1ULL << 53U) - 1;
  EXPECT_NE(StatusMetrics(status).text().find("shunt_packets_received_total 9007199254740991\n"),
            std::string::npos);
}

TEST(Metrics, NeverNameAnAddress) {
  FakeStatus status = fake_status();
  const std::string text = StatusMetrics(status).text();
  for (const char* address : {"10.0.0.", "198.51.100", "2001:db8"})
    EXPECT_EQ(text.find(address), std::string::npos);
}

}  // namespace
}  // namespace shunt
