#include "tests/traffic/traffic_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

// Of its own time, at the 99th percentile: below it a request on a LAN is no other request.
constexpr double kLateMs = 10;

constexpr std::array<std::pair<const char*, double>, 6> kQuantiles = {
    {{"p50", 0.5}, {"p75", 0.75}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}}};

// A bucket's middle may lie above all that is in it.
double quantile_ms(const HistogramSum& sum, double q, uint64_t max_ns) {
  return std::min(sum.quantile(q) / 1000, to_ms(max_ns));
}

Json quantiles(const HistogramSum& sum, uint64_t max_ns) {
  Json json = Json::object();
  json["count"] = sum.count();
  const double count = static_cast<double>(sum.count());
  json["mean"] = sum.count() == 0 ? 0 : static_cast<double>(sum.sum()) / 1000 / count;
  for (const auto& [key, q] : kQuantiles)
    json[key] = quantile_ms(sum, q, max_ns);
  json["max"] = to_ms(max_ns);
  return json;
}

double elapsed_s(const TrafficTally& tally, const TrafficEnd& end) {
  return to_seconds(since(end.end_ns, tally.start_ns()));
}

double a_second(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string profile_words(const TrafficOptions& options) {
  const Profile& profile = options.profile;
  const std::string shape =
      profile.shape == Shape::trace ? "trace of " + profile.trace : std::string(name(profile.shape));
  return fmt::format("{}, {} arrivals, seed {}", shape, profile.poisson ? "Poisson" : "even", profile.seed);
}

std::string failure_words(const TrafficTally& tally) {
  std::string list;
  for (size_t i = 1; i < kOutcomes; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (tally.ended(outcome) == 0) continue;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", tally.ended(outcome), words(outcome));
  }
  return list.empty() ? "None failed.\n" : fmt::format("{} failed: {}.\n", tally.failed(), list);
}

std::string latency_words(const TrafficOptions& options, const TrafficTally& tally) {
  const HistogramSum latency = tally.latency();
  if (latency.count() == 0) return "No answer came.\n";
  const auto at = [&](double q) { return quantile_ms(latency, q, tally.latency_max_ns()); };
  std::string text = fmt::format(
      "{}: half within {:.2f} ms, 95 % {:.2f} ms, 99 % {:.2f} ms, 99.9 % {:.2f} ms, the slowest {:.2f} ms.\n",
      options.is_closed_loop() ? "Time to answer" : "From the intended start to the answer", at(0.5),
      at(0.95), at(0.99), at(0.999), to_ms(tally.latency_max_ns()));
  if (options.is_closed_loop()) {
    text +=
        "In a closed loop a slow answer delays the requests behind it, which then aren't sent: read these "
        "times as the "
        "best case. --rate has none of that.\n";
  }
  return text;
}

std::string generator_words(const TrafficTally& tally) {
  const double late_ms = quantile_ms(tally.late(), 0.99, tally.late_max_ns());
  if (!is_generator_late(tally)) {
    return fmt::format(
        "The generator kept to its times: 99 % began within {:.2f} ms of them, the last {:.2f} ms after.\n",
        late_ms, to_ms(tally.late_max_ns()));
  }
  return fmt::format(
      "THE GENERATOR ITSELF WAS LATE: of the requests 1 % began more than {:.1f} ms after their time. The "
      "times above are "
      "not the target's alone: lower the rate, or give this program a CPU of its own.\n",
      late_ms);
}

std::string backend_words(const TrafficTally& tally) {
  if (tally.backends().empty()) return {};
  std::string list;
  for (const auto& [backend, count] : tally.backends())
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", backend, count);
  return fmt::format("Answered by: {}.\n", list);
}

}  // namespace

bool is_generator_late(const TrafficTally& tally) {
  return quantile_ms(tally.late(), 0.99, tally.late_max_ns()) > kLateMs ||
         tally.ended(Outcome::not_begun) > 0;
}

std::string second_line(size_t number, const SecondRow& row) {
  return fmt::format(
      "{:>5} s  offered {:>6}  ok {:>6}  failed {:>5}  open {:>5}  p50 {:>8.2f} ms  p99 {:>8.2f} ms  "
      "max {:>8.2f} ms  late {:>6.2f} ms",
      number, row.offered, row.ended[0], row.failed(), row.open, row.p50_ms, row.p99_ms, row.max_ms,
      row.late_max_ms);
}

std::string report_words(const TrafficOptions& options, const TrafficTally& tally, const TrafficEnd& end) {
  const double seconds = elapsed_s(tally, end);
  const char* protocol = options.udp ? "UDP" : "TCP";
  std::string text = end.interrupted ? "Ended before its time.\n" : "";
  text +=
      fmt::format("{} of {} requests to {} ({}) were answered in {:.1f} s, {:.1f} a second", tally.ok(),
                  tally.offered(), options.target.text(), protocol, seconds, a_second(tally.ok(), seconds));
  if (options.is_closed_loop()) {
    text += fmt::format(", {} at a time.\n", options.concurrent);
  } else {
    text += fmt::format("; offered were {:.1f} a second ({}).\n",
                        a_second(tally.offered(), end.offered_for_s), profile_words(options));
  }
  text += failure_words(tally) + latency_words(options, tally);
  if (!options.is_closed_loop()) text += generator_words(tally);
  return text + backend_words(tally);
}

std::string report_json(const TrafficOptions& options, const TrafficTally& tally, const TrafficEnd& end) {
  const double seconds = elapsed_s(tally, end);
  Json outcomes = Json::object();
  for (size_t i = 0; i < kOutcomes; ++i)
    outcomes[name(static_cast<Outcome>(i))] = tally.ended(static_cast<Outcome>(i));
  Json json = {{"target", options.target.text()},
               {"protocol", options.udp ? "udp" : "tcp"},
               {"loop", options.is_closed_loop() ? "closed" : "open"},
               {"interrupted", end.interrupted},
               {"elapsed_s", seconds},
               {"offered", tally.offered()},
               {"begun", tally.begun()},
               {"ok", tally.ok()},
               {"failed", tally.failed()},
               {"connections", tally.connections()},
               {"offered_a_second", a_second(tally.offered(), end.offered_for_s)},
               {"ok_a_second", a_second(tally.ok(), seconds)},
               {"outcomes", outcomes},
               {"latency_ms", quantiles(tally.latency(), tally.latency_max_ns())},
               {"service_ms", quantiles(tally.service(), tally.service_max_ns())},
               {"late_ms", quantiles(tally.late(), tally.late_max_ns())},
               {"generator_late", is_generator_late(tally)},
               {"backends", tally.backends()}};
  if (!options.is_closed_loop()) {
    json["profile"] = name(options.profile.shape);
    json["arrivals"] = options.profile.poisson ? "poisson" : "even";
    json["seed"] = options.profile.seed;
  }
  return json.dump(2, ' ', true, Json::error_handler_t::replace);
}

Result<> write_seconds_csv(const std::string& path, const TrafficTally& tally) {
  std::ofstream file(path, std::ios::trunc);
  file << "second,offered,begun,open,p50_ms,p99_ms,max_ms,late_max_ms";
  for (size_t i = 0; i < kOutcomes; ++i)
    file << ',' << name(static_cast<Outcome>(i));
  file << '\n';
  for (size_t second = 0; second < tally.seconds().size(); ++second) {
    const SecondRow& row = tally.seconds()[second];
    file << fmt::format("{},{},{},{},{:.3f},{:.3f},{:.3f},{:.3f}", second, row.offered, row.begun, row.open,
                        row.p50_ms, row.p99_ms, row.max_ms, row.late_max_ms);
    for (const uint64_t count : row.ended)
      file << ',' << count;
    file << '\n';
  }
  file.flush();
  if (!file) return Error{path, "can't be written"};
  return Ok{};
}

}  // namespace shunt
