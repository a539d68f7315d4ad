#include "tests/traffic/knobs.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "tests/tools/duration.h"

namespace shunt {
namespace {

using Read = Result<> (*)(Knobs& knobs, std::string_view value);
using Show = std::string (*)(const Knobs& knobs);

struct Row {
  std::string_view name;
  std::string_view meaning;
  Read read;
  Show show;
};

Error wrong(std::string_view value, std::string_view wanted) {
  return {"", "\"" + std::string(value) + "\" isn't " + std::string(wanted)};
}

template <double Knobs::* Member>
Result<> read_share(Knobs& knobs, std::string_view value) {
  double share = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share);
  if (error != std::errc{} || end != value.data() + value.size() || !(share >= 0 && share <= 1))
    return wrong(value, "a share from 0 to 1");
  knobs.*Member = share;
  return Ok{};
}

template <double Knobs::* Member>
std::string show_share(const Knobs& knobs) {
  return fmt::format("{}", knobs.*Member);
}

template <uint64_t Knobs::* Member, uint64_t kLeast, uint64_t kMost>
Result<> read_number(Knobs& knobs, std::string_view value) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < kLeast || number > kMost)
    return wrong(value, fmt::format("a number from {} to {}", kLeast, kMost));
  knobs.*Member = number;
  return Ok{};
}

template <uint64_t Knobs::* Member>
std::string show_number(const Knobs& knobs) {
  return std::to_string(knobs.*Member);
}

Result<> read_latency(Knobs& knobs, std::string_view value) {
  auto law = LatencyLaw::parse(value);
  if (!law) return Error{"", law.error().what};
  knobs.latency = law.take();
  return Ok{};
}

Result<> read_health(Knobs& knobs, std::string_view value) {
  if (value != "up" && value != "down") return wrong(value, "up or down");
  knobs.healthy = value == "up";
  return Ok{};
}

Result<> read_accept_gap(Knobs& knobs, std::string_view value) {
  const auto gap = parse_duration_ns(value);
  if (!gap) return wrong(value, "a duration such as 20ms");
  knobs.accept_gap_ns = *gap;
  return Ok{};
}

Result<> read_crash(Knobs& knobs, std::string_view value) {
  if (value != "now" && value != "no") return wrong(value, "now or no");
  knobs.crash_now = value == "now";
  return Ok{};
}

constexpr uint64_t kMany = 1'000'000'000;

constexpr std::array<Row, 13> kRows = {{
    {"latency", "of an answer: 10ms, exponential:10ms (mean), lognormal:10ms,0.5 (median, sigma); 0",
     read_latency, [](const Knobs& knobs) { return knobs.latency.text(); }},
    {"workers", "requests worked on at once, others wait in line: capacity is workers / latency; 0: no limit",
     read_number<&Knobs::workers, 0, kMany>, show_number<&Knobs::workers>},
    {"errors", "share of requests answered 500", read_share<&Knobs::errors>, show_share<&Knobs::errors>},
    {"reset", "share of requests answered by a RST", read_share<&Knobs::reset>, show_share<&Knobs::reset>},
    {"hang", "share of requests and datagrams never answered", read_share<&Knobs::hang>,
     show_share<&Knobs::hang>},
    {"udp_loss", "share of datagrams thrown away", read_share<&Knobs::udp_loss>,
     show_share<&Knobs::udp_loss>},
    {"health", "up (/health says 200) or down (503)", read_health,
     [](const Knobs& knobs) { return std::string(knobs.healthy ? "up" : "down"); }},
    {"backlog", "of listen()", read_number<&Knobs::backlog, 0, 65535>, show_number<&Knobs::backlog>},
    {"accept_gap", "from one accept to the next: 20ms; 0", read_accept_gap,
     [](const Knobs& knobs) { return fmt::format("{}us", knobs.accept_gap_ns / 1000); }},
    {"data_bytes", "of /api/data without ?bytes=N", read_number<&Knobs::data_bytes, 2, kMaxDataBytes>,
     show_number<&Knobs::data_bytes>},
    {"crash_after", "dies in place of answering that request from now on; 0: never",
     read_number<&Knobs::crash_after, 0, kMany>, show_number<&Knobs::crash_after>},
    {"exit_code", "of a crash", read_number<&Knobs::exit_code, 0, 255>, show_number<&Knobs::exit_code>},
    {"crash", "now: dies at once, its connections are reset", read_crash,
     [](const Knobs& knobs) { return std::string(knobs.crash_now ? "now" : "no"); }},
}};

}  // namespace

Result<> Knobs::set(std::string_view assignment) {
  const size_t equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    if (equals == std::string_view::npos)
      return Error{std::string(name), "needs a value: " + std::string(row.meaning)};
    const auto done = row.read(*this, assignment.substr(equals + 1));
    if (!done) return Error{std::string(name), done.error().what};
    return Ok{};
  }
  return Error{std::string(name), "no such knob"};
}

Result<> Knobs::set_all(std::string_view assignments) {
  constexpr std::string_view kBetween = "& \t\r\n";
  Knobs changed = *this;
  for (size_t begin = assignments.find_first_not_of(kBetween); begin != std::string_view::npos;) {
    const size_t end = assignments.find_first_of(kBetween, begin);
    const auto done = changed.set(assignments.substr(begin, end - begin));
    if (!done) return done.error();
    begin = end == std::string_view::npos ? end : assignments.find_first_not_of(kBetween, end);
  }
  *this = changed;
  return Ok{};
}

std::vector<std::pair<std::string, std::string>> Knobs::shown() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Row& row : kRows)
    all.emplace_back(row.name, row.show(*this));
  return all;
}

std::string Knobs::reference() {
  std::string text = "Knobs (--set NAME=VALUE, or POST /control):\n";
  for (const Row& row : kRows)
    text += fmt::format("  {:<12} {}\n", row.name, row.meaning);
  return text;
}

}  // namespace shunt
