// /metrics: a strict reading of the text format (the part of it that is used), then the values.
#include "control/metrics.h"

#include <gtest/gtest.h>

#include <prometheus/text_serializer.h>

#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "control/metrics_text.h"
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
    if (type != "counter" && type != "gauge" && type != "summary" && type != "histogram")
      return fail("bad type");
    if (!types_.emplace(name, type).second) return fail("second TYPE of a family");
    if (name.ends_with("_total") != (type == "counter"))
      return fail("_total is for counters, and all of them");
  }

  void read_sample(const std::string& line) {
    const size_t name_end = line.find_first_of("{ ");
    const std::string name = line.substr(0, name_end);
    if (!types_.contains(family_)) return fail("sample before TYPE");
    if (!belongs(name)) return fail("foreign sample");
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

  bool belongs(const std::string& name) {
    const std::string& type = types_[family_];
    if (type == "counter" || type == "gauge") return name == family_;
    return name == family_ + "_sum" || name == family_ + "_count" ||
           (type == "histogram" && name == family_ + "_bucket");
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
  return Exposition(*StatusMetrics(status).text());
}

// Cumulative, ending with infinity, which is the count: of every histogram of a page, or what is wrong.
std::string wrong_histogram(const Exposition& page) {
  for (const auto& [name, type] : page.types()) {
    if (type != "histogram") continue;
    std::map<Labels, std::map<double, double>> histograms;
    for (const auto& [all, value] : page.series().at(name + "_bucket")) {
      Labels labels = all;
      if (!labels.contains("le")) return name + " has a bucket without bound";
      const double bound = std::stod(labels["le"]);
      labels.erase("le");
      histograms[labels][bound] = value;
    }
    for (const auto& [labels, buckets] : histograms) {
      double last = 0;
      for (const auto& [bound, count] : buckets) {
        if (count < last) return name + " isn't cumulative";
        last = count;
      }
      if (!std::isinf(buckets.rbegin()->first)) return name + " has no bucket of infinity";
      if (page.value(name + "_count", labels) != last) return name + "_count isn't that of infinity";
      if (!page.value(name + "_sum", labels)) return name + " has no sum";
    }
  }
  return {};
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
    const bool has_sum = type == "summary" || type == "histogram";
    EXPECT_TRUE(page.series().contains(has_sum ? name + "_sum" : name)) << name << " has no series";
  }
  EXPECT_EQ(wrong_histogram(page), "");
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
  status.service_status[0].panic = true;
  status.service_status[0].panic_flows = 17;
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
  EXPECT_EQ(page.value("shunt_flow_events_total", {{"service", "web"}, {"event", "panic"}}), 17);
  EXPECT_EQ(page.value("shunt_pool_panic", {{"service", "web"}, {"pool", "web"}}), 1);
  EXPECT_EQ(page.value("shunt_pool_panic", {{"service", "dns"}, {"pool", "names"}}), 0);
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
  uint64_t now = 0;
  StatusMetrics metrics(status, [&] { return now; });
  const Labels nobody = {{"service", ""}, {"reason", "no_backend"}};
  EXPECT_EQ(Exposition(*metrics.text()).value("shunt_drops_total", nobody), 20);
  status.service_status[0].dropped = {{"no_backend", 9}};  // not in the sum yet
  EXPECT_EQ(Exposition(*metrics.text()).value("shunt_drops_total", nobody), 20);
  status.service_status[0].dropped = {{"no_backend", 90}};
  EXPECT_EQ(Exposition(*metrics.text()).value("shunt_drops_total", nobody), 20);
  status.drops_report.dropped = {{"no_backend", 130}};
  EXPECT_EQ(Exposition(*metrics.text()).value("shunt_drops_total", nobody), 35);
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
  EXPECT_NE(StatusMetrics(status).text()->find("shunt_packets_received_total 9007199254740991\n"),
            std::string::npos);
}

TEST(Metrics, NeverNameAnAddress) {
  FakeStatus status = fake_status();
  const std::string text = *StatusMetrics(status).text();
  for (const char* address : {"10.0.0.", "198.51.100", "2001:db8"})
    EXPECT_EQ(text.find(address), std::string::npos);
}

TEST(Metrics, HoldWhatBecameOfFlows) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  const Labels a = {{"service", "web"}, {"pool", "web"}, {"backend", "a"}};
  const Labels b = {{"service", "web"}, {"pool", "web"}, {"backend", "b"}};
  EXPECT_EQ(page.value("shunt_flows_closed_total", a), 100);
  EXPECT_EQ(page.value("shunt_flows_closed_total", b), 0);
  const std::map<std::string, double> reasons = {{"reset_by_server", 5},
                                                 {"reset_by_client", 4},
                                                 {"syn_timeout", 3},
                                                 {"idle_timeout", 2},
                                                 {"icmp_unreachable", 1}};
  for (const auto& [reason, count] : reasons) {
    Labels labels = a;
    labels["reason"] = reason;
    EXPECT_EQ(page.value("shunt_flow_failures_total", labels), count) << reason;
  }
  const Labels nobody = {{"service", "web"}, {"pool", ""}, {"backend", ""}, {"reason", "no_backend"}};
  EXPECT_EQ(page.value("shunt_flow_failures_total", nobody), 3);
  EXPECT_EQ(page.sum("shunt_flow_failures_total"), 2 * (5 + 4 + 3 + 2 + 1 + 3));
  EXPECT_EQ(page.value("shunt_flows_revived_total", a), 6);
  EXPECT_EQ(page.value("shunt_syn_retransmits_total", a), 1'234);
  EXPECT_EQ(page.value("shunt_reconnects_total", a), 8);
  EXPECT_EQ(page.value("shunt_data_retransmits_total", a), 9);
  EXPECT_EQ(page.value("shunt_flows_watched_total", a), 10);
  EXPECT_EQ(page.value("shunt_flows_unwatched_total", a), 11);
  EXPECT_EQ(page.value("shunt_flow_records_total", {{"worker", "0"}}), 77);
  EXPECT_EQ(page.value("shunt_flow_events_dropped_total", {{"worker", "0"}}), 7);
  EXPECT_EQ(page.value("shunt_series_dropped_total"), 0);
}

TEST(Metrics, HoldChainsAndGaps) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  const auto chains = [&](const char* bound) {
    return page.value("shunt_retry_chain_length_bucket", {{"service", "web"}, {"le", bound}});
  };
  EXPECT_EQ(chains("1"), 2);
  EXPECT_EQ(chains("2"), 6);
  EXPECT_EQ(chains("3"), 7);
  EXPECT_EQ(chains("15"), 7);
  EXPECT_EQ(chains("+Inf"), 8);
  EXPECT_EQ(page.value("shunt_retry_chain_length_sum", {{"service", "web"}}), 2 + 8 + 3 + 16);
  const Labels syn = {{"service", "web"}, {"kind", "syn"}};
  EXPECT_EQ(page.value("shunt_retry_gap_seconds_count", syn), 4);
  EXPECT_EQ(page.value("shunt_retry_gap_seconds_sum", syn), 0.01);
  EXPECT_EQ(page.value("shunt_retry_gap_seconds_count", {{"service", "web"}, {"kind", "reconnect"}}),
            std::nullopt);
}

TEST(Metrics, HoldDurationsByMethod) {
  FakeStatus status = fake_status();
  const Exposition page = expose(status);
  Labels web = {{"service", "web"}, {"pool", "web"}, {"backend", "a"}, {"method", "ack"}};
  Labels dns = {{"service", "dns"}, {"pool", "names"}, {"backend", "a"}, {"method", "synack"}};
  EXPECT_EQ(page.value("shunt_connect_duration_seconds_count", web), 100);
  EXPECT_EQ(page.value("shunt_connect_duration_seconds_count", dns), 100);
  EXPECT_EQ(page.value("shunt_connect_duration_seconds_sum", web), 5.05);
  web["method"] = "inband";
  EXPECT_EQ(page.value("shunt_first_byte_duration_seconds_count", web), 10);
  dns["method"] = "ttfb";
  EXPECT_EQ(page.value("shunt_first_byte_duration_seconds_count", dns), 10);
  // 1 to 10 ms: three are below 3.2 ms, seven below 7.36 ms.
  web["le"] = "0.0032";
  EXPECT_EQ(page.value("shunt_first_byte_duration_seconds_bucket", web), 3);
  web["le"] = "0.00736";
  EXPECT_EQ(page.value("shunt_first_byte_duration_seconds_bucket", web), 7);
  Labels whole = {{"service", "web"}, {"pool", "web"}, {"backend", "a"}, {"le", "1.392"}};
  EXPECT_EQ(page.value("shunt_flow_duration_seconds_bucket", whole), 1'391);
  EXPECT_EQ(page.series().at("shunt_flow_duration_seconds_count").size(), 2U);
}

TEST(Metrics, AddUpHistogramsOfAPoolAboveTheBound) {
  FakeStatus status = fake_status();
  status.service_status.resize(1);
  status.outcome_status.resize(1);
  status.latency_status.resize(1);
  ServiceStatus& web = status.service_status[0];
  ServiceLatency& latency = status.latency_status[0];
  const BackendLatency measured = latency.backends[0];
  web.backends.clear();
  latency.backends.clear();
  for (size_t i = 0; i < kMaxBackendHistograms; ++i) {
    web.backends.push_back(fake_backend("web", "b" + std::to_string(i), "10.0.0.1"));
    latency.backends.push_back(measured);
    latency.backends.back().name = web.backends.back().name;
  }
  EXPECT_EQ(expose(status).series().at("shunt_connect_duration_seconds_count").size(), kMaxBackendHistograms);
  web.backends.push_back(fake_backend("spare", "b0", "10.0.0.1"));
  latency.backends.push_back(measured);
  latency.backends.back().pool = "spare";
  const Exposition page = expose(status);
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(wrong_histogram(page), "");
  const std::string name = "shunt_connect_duration_seconds";
  ASSERT_EQ(page.series().at(name + "_count").size(), 2U);
  Labels pool = {{"service", "web"}, {"pool", "web"}, {"backend", ""}, {"method", "ack"}};
  EXPECT_EQ(page.value(name + "_count", pool), 100 * kMaxBackendHistograms);
  pool["le"] = "0.0032";
  EXPECT_EQ(page.value(name + "_bucket", pool), 3 * kMaxBackendHistograms);
  EXPECT_EQ(page.series().at("shunt_flows_total").size(), kMaxBackendHistograms + 1);
}

TEST(Metrics, LeaveOutAndCountSeriesAboveTheBound) {
  FakeStatus status = fake_status();
  const ServiceLatency one = status.latency_status[0];
  status.latency_status.clear();
  const Exposition without = expose(status);
  for (size_t i = 0; i < 2'000; ++i) {  // of 57 series each
    status.latency_status.push_back(one);
    status.latency_status.back().name = "s" + std::to_string(i);
  }
  uint64_t now = 0;
  StatusMetrics metrics(status, [&] { return now; });
  const auto lines = [](const Exposition& page) {
    size_t count = 0;
    for (const auto& [name, series] : page.series())
      count += series.size();
    return count;
  };
  const Exposition page(*metrics.text());
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(wrong_histogram(page), "");
  EXPECT_LE(lines(page), kMaxSeries + 1);
  EXPECT_GT(lines(page), kMaxSeries - 19);
  const double dropped = page.value("shunt_series_dropped_total").value_or(0);
  EXPECT_EQ(dropped, static_cast<double>(2'000 * 57 - (lines(page) - lines(without))));
  const Exposition again(*metrics.text());
  EXPECT_EQ(again.value("shunt_series_dropped_total"), 2 * dropped);  // a counter
}

TEST(Metrics, AreMadeAnewOnlyAfterTenTimesAsLong) {
  FakeStatus status = fake_status();
  uint64_t now = 1'000;
  uint64_t cost = 5;
  bool making = false;
  StatusMetrics metrics(status, [&] {
    making = !making;
    return making ? now : now += cost;  // asked for before and after
  });
  const auto received = [&] {
    making = false;
    return Exposition(*metrics.text()).value("shunt_packets_received_total");
  };
  status.drops_report.received = 1;
  EXPECT_EQ(received(), 1);  // ends at 1,005
  status.drops_report.received = 2;
  now = 1'005 + 49;
  EXPECT_EQ(received(), 1);
  making = false;
  const auto shared = metrics.text();
  making = false;
  EXPECT_EQ(shared, metrics.text());  // the same text, not a copy
  cost = 1'000;
  now = 1'005 + 50;
  EXPECT_EQ(received(), 2);  // ends at 2,055
  status.drops_report.received = 3;
  now = 2'055 + 9'999;
  EXPECT_EQ(received(), 2);
  now = 2'055 + 10'000;
  EXPECT_EQ(received(), 3);
}

// A bound is a number: TextSerializer writes 16 digits of it, which don't always read as the same double.
double value_at(const Exposition& page, const std::string& name, const Labels& labels) {
  for (const auto& [own, value] : page.series().at(name)) {
    Labels candidate = own;
    if (own.contains("le") && labels.contains("le") &&
        std::abs(std::stod(own.at("le")) / std::stod(labels.at("le")) - 1) < 1e-14) {
      candidate["le"] = labels.at("le");
    }
    if (candidate == labels) return value;
  }
  return -1;
}

TEST(Metrics, AreWrittenAsPrometheusCppWritesThem) {
  FakeStatus status = fake_status();
  status.service_status[0].name = "a\"b\n\\c";
  status.node_status.uptime = std::chrono::seconds(3);
  const auto families = StatusMetrics(status).Collect();
  std::ostringstream theirs;
  prometheus::TextSerializer().Serialize(theirs, families);
  const Exposition ours(metrics_text(families));
  const Exposition wanted(theirs.str());
  EXPECT_EQ(ours.error(), "");
  EXPECT_EQ(wanted.error(), "");
  EXPECT_EQ(ours.types(), wanted.types());
  ASSERT_EQ(ours.series().size(), wanted.series().size());
  for (const auto& [name, series] : wanted.series()) {
    for (const auto& [labels, value] : series) {
      EXPECT_DOUBLE_EQ(value_at(ours, name, labels), value) << name << testing::PrintToString(labels);
    }
    EXPECT_EQ(ours.series().at(name).size(), series.size()) << name;
  }
}

TEST(LatencySummary, IsWhatTheHistogramSays) {
  std::minstd_rand random(7);
  for (const uint32_t most : {1U, 60U, 5'000U, 20'000'000U, UINT32_MAX}) {
    HistogramSum sum;
    Histogram histogram;
    for (int i = 0; i < 10'000; ++i)
      histogram.add(std::uniform_int_distribution<uint32_t>(0, most)(random));
    sum += histogram;
    const LatencySummary summary = LatencySummary::of(sum, TimeUnit::microsecond);
    EXPECT_EQ(summary.count, 10'000U);
    EXPECT_EQ(summary.sum, static_cast<double>(sum.sum()) / 1e6);
    for (size_t i = 0; i < kSummaryBuckets; ++i)
      EXPECT_EQ(summary.below[i], sum.below(kSummaryEdges[i])) << most << " edge " << i;
    for (size_t i = 0; i < kSummaryQuantiles.size(); ++i)
      EXPECT_EQ(summary.quantiles[i], sum.quantile(kSummaryQuantiles[i]) / 1e6) << most;
  }
  EXPECT_EQ(LatencySummary::of(HistogramSum(), TimeUnit::millisecond).count, 0U);
}

}  // namespace
}  // namespace shunt
