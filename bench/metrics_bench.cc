// A page of /metrics, from the workers' counters to the text, beside the same with prometheus-cpp's
// TextSerializer.
//
// One service; 2 workers; each backend has values in its three histograms, so nothing is left out: 85 series
// for a backend. `page`: histograms summed up, families made, text written. `text`: the last of it alone.
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <sstream>

#include "bench/measure.h"
#include "control/metrics.h"
#include "control/metrics_text.h"
#include "stats/flow_telemetry.h"

namespace shunt::bench {
namespace {

constexpr size_t kWorkers = 2;
constexpr int kValues = 500;  // in each histogram

using Families = std::vector<prometheus::MetricFamily>;

std::string backend_name(size_t number) {
  return "backend-" + std::to_string(number);
}

// A node with one busy service.
class Node : public StatusSource {
 public:
  explicit Node(size_t backends) : latency_(backends * kWorkers) {
    std::minstd_rand random(1);
    std::lognormal_distribution<double> milliseconds(0, 1);
    for (PairLatency& row : latency_) {
      for (int i = 0; i < kValues; ++i) {
        row.connect_us.add(static_cast<uint32_t>(1'000 * milliseconds(random)));
        row.response_us.add(static_cast<uint32_t>(4'000 * milliseconds(random)));
        row.duration_ms.add(static_cast<uint32_t>(2'000 * milliseconds(random)));
      }
    }
    service_.name = "web";
    outcomes_.name = "web";
    for (size_t i = 0; i < backends; ++i) {
      BackendStatus backend;
      backend.pool = "web";
      backend.name = backend_name(i);
      backend.packets = random();
      backend.bytes = random() * 1'000ULL;
      backend.new_flows = random();
      backend.checks = {{{"ok", random()}, {"failed", 3}}, random(), 0.123456 * static_cast<double>(i)};
      service_.backends.push_back(backend);
      FlowCounts counts;
      for (uint64_t& count : counts.outcomes)
        count = random();
      outcomes_.backends.push_back({"web", backend.name, counts});
    }
  }

  NodeStatus node() override { return {}; }
  std::vector<WorkerStatus> workers() override { return {}; }
  std::vector<PortStatus> ports() override { return {}; }
  std::vector<ServiceStatus> services() override { return {service_}; }
  std::vector<DiscoveryStatus> discovery() override { return {}; }
  std::vector<std::string> service_names() override { return {"web"}; }
  std::vector<ServiceOutcomes> outcomes(const std::string&) override { return {outcomes_}; }
  // As StatusView does it.
  std::vector<ServiceLatency> latency(const std::string&) override {
    ServiceLatency service{"web", {}};
    for (size_t i = 0; i < service_.backends.size(); ++i) {
      HistogramSum connect;
      HistogramSum response;
      HistogramSum duration;
      for (size_t worker = 0; worker < kWorkers; ++worker) {
        const PairLatency& row = latency_[worker * service_.backends.size() + i];
        connect += row.connect_us;
        response += row.response_us;
        duration += row.duration_ms;
      }
      service.backends.push_back({"web", service_.backends[i].name,
                                  LatencySummary::of(connect, TimeUnit::microsecond, "synack"),
                                  LatencySummary::of(response, TimeUnit::microsecond, "ttfb"),
                                  LatencySummary::of(duration, TimeUnit::millisecond)});
    }
    return {service};
  }
  std::vector<FlowStatus> flows(const FlowQuestion&) override { return {}; }
  std::vector<RecordStatus> records() override { return {}; }
  DropsReport drops() override { return {}; }
  std::vector<Finding> findings() override { return {}; }
  RoutesStatus routes() override { return {}; }
  void set_announcing(bool, const std::string&) override {}
  ConnectionPage connections(const ConnectionQuestion&) override { return {}; }
  Result<TraceReport> trace(const TraceQuestion&) override { return TraceReport{}; }
  Result<std::shared_ptr<CaptureStream>> capture(const CaptureQuestion&, const std::string&) override {
    return std::shared_ptr<CaptureStream>();
  }
  ReloadReport reload(const std::string&) override { return {}; }
  uint64_t generation() override { return 0; }
  std::string desired_tag() override { return {}; }
  std::vector<std::string> schedulers() override { return {}; }
  ReloadReport set_scheduler(const std::string&, const std::string&, const std::string&) override {
    return {};
  }

 private:
  std::vector<PairLatency> latency_;
  ServiceStatus service_;
  ServiceOutcomes outcomes_;
};

std::string prometheus_text(const Families& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

size_t lines_of(const std::string& text) {
  size_t lines = 0;
  for (size_t at = 0; at < text.size(); ++lines) {
    const size_t end = text.find('\n', at);
    if (text[at] == '#') --lines;
    at = end + 1;
  }
  return lines;
}

// TextSerializer writes 16 digits, which don't always read as the same double.
bool same_number(const std::string& ours, const std::string& theirs) {
  const double a = std::stod(ours);
  const double b = std::stod(theirs);
  return a == b || std::abs(a - b) <= 1e-15 * std::abs(a);
}

// Names and labels alike, line by line; numbers as doubles.
void prove_same(const std::string& ours, const std::string& theirs) {
  std::istringstream left(ours);
  std::istringstream right(theirs);
  std::string a;
  std::string b;
  while (std::getline(left, a)) {
    prove(static_cast<bool>(std::getline(right, b)), "as many lines");
    if (a == b) continue;
    const size_t blank = a.rfind(' ');
    const size_t bound_a = a.find("le=\"");
    const size_t bound_b = b.find("le=\"");
    prove(a.substr(0, std::min(blank, bound_a)) == b.substr(0, std::min(b.rfind(' '), bound_b)),
          "the same names and labels");
    prove(same_number(a.substr(blank), b.substr(b.rfind(' '))), "the same numbers");
    prove(
        bound_a == std::string::npos || std::stod(a.substr(bound_a + 4)) == std::stod(b.substr(bound_b + 4)),
        "the same bounds");
  }
  prove(!std::getline(right, b), "as many lines");
}

Candidate writing(const char* name, std::function<size_t()> write) {
  return {name, {}, [write = std::move(write)] {
            keep(write());
            return uint64_t{1};
          }};
}

void compare(Report& report, const Options& options, size_t backends, bool whole) {
  Row row;
  row.test_case = whole ? "page" : "text";
  if (!report.wants(row)) return;
  Node node(backends);
  StatusMetrics metrics(node, [] { return 0; });  // no page is ever young
  const Families families = metrics.Collect();
  const std::string text = metrics_text(families);
  prove_same(text, prometheus_text(families));
  const std::vector<Candidate> candidates = {
      writing("shunt", [&] { return whole ? metrics.text()->size() : metrics_text(families).size(); }),
      writing("TextSerializer", [&] {
        return whole ? prometheus_text(metrics.Collect()).size() : prometheus_text(families).size();
      })};
  const std::vector<Timing> timings = measure(candidates, options.quick ? 3 : 15);
  const auto ms = [](double ticks) { return ticks / tsc_ghz() / 1e6; };
  row.ours = timings[0];
  row.rival = candidates[1].name;
  row.theirs = timings[1];
  row.extra = {
      {"backends", static_cast<double>(backends)},     {"series", static_cast<double>(lines_of(text))},
      {"bytes", static_cast<double>(text.size())},     {"ms_min", ms(row.ours.ticks_min)},
      {"ms_median", ms(row.ours.ticks_median)},        {"rival_ms_min", ms(row.theirs.ticks_min)},
      {"rival_ms_median", ms(row.theirs.ticks_median)}};
  report.add(row);
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "A page of /metrics. --max-flows is the most backends.");
  Report report("metrics", options);
  for (const uint64_t backends : options.sizes({10, 100, 1'000}, {10, 100})) {
    compare(report, options, backends, true);
    compare(report, options, backends, false);
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
