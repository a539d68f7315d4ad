#include "control/ctl_flow_views.h"

#include <array>
#include <vector>

#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

constexpr std::array<const char*, 5> kQuantiles = {"p50", "p90", "p95", "p99", "p99.9"};

std::string seconds_or_dash(const Json& seconds) {
  return seconds.is_null() ? "-" : duration_text(seconds.get<double>());
}

// What has no name any more: its number. What there never was: a dash.
std::string name_or_number(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : "#" + std::to_string(value.get<uint64_t>());
}

void add_times(Table& table, const Json& backend, const char* what) {
  const Json& times = backend.at(what);
  const uint64_t count = number(times, "count");
  if (count == 0) return;
  const bool shared = backend.at("name").is_null();
  std::vector<Cell> row = {text(backend, "service"),
                           text_or_dash(backend, "pool"),
                           shared ? "(others)" : text(backend, "name"),
                           what,
                           times.contains("method") ? text(times, "method") : "-",
                           grouped(count),
                           duration_text(times.at("sum").get<double>() / static_cast<double>(count))};
  for (const char* quantile : kQuantiles)
    row.push_back(seconds_or_dash(times.at(quantile)));
  table.add(std::move(row));
}

std::string count_or_dot(uint64_t count) {
  return count == 0 ? "." : grouped(count);
}

std::vector<Cell> outcome_cells(const Json& counts) {
  std::vector<Cell> cells;
  for (const auto& [name, count] : counts.at("outcomes").items()) {
    const auto value = count.get<uint64_t>();
    cells.emplace_back(count_or_dot(value), value > 0 && name != "closed" ? Tone::warning : Tone::plain);
  }
  for (const char* name : {"syn_retransmits", "reconnects", "data_retransmits", "revived"})
    cells.emplace_back(count_or_dot(number(counts, name)));
  return cells;
}

std::vector<Column> outcome_columns(const Json& services) {
  std::vector<Column> columns = {{"SERVICE"}, {"POOL"}, {"BACKEND"}};
  if (!services.empty()) {
    for (const auto& [name, count] : services[0].at("outcomes").items())
      columns.push_back({capitals(printable(name)), Align::right});
  }
  for (const char* title : {"SYN AGAIN", "RECONNECTS", "DATA AGAIN", "REVIVED"})
    columns.push_back({title, Align::right});
  return columns;
}

void add_outcomes(Table& table, const Json& service) {
  const auto add = [&](const std::string& pool, const std::string& backend, const Json& counts) {
    std::vector<Cell> row = {text(service, "name"), pool, backend};
    for (Cell& cell : outcome_cells(counts))
      row.push_back(std::move(cell));
    table.add(std::move(row));
  };
  for (const Json& backend : service.at("backends"))
    add(text(backend, "pool"), text(backend, "name"), backend);
  add("", "(all)", service);
}

std::string gap_text(const Json& gaps) {
  const uint64_t count = number(gaps, "count");
  if (count == 0) return "-";
  return grouped(count) + ", half within " + seconds_or_dash(gaps.at("p50"));
}

// Only services of which somebody tried again, or failed and didn't.
void show_chains(const Json& services, const CtlIo& io) {
  Table table({{"SERVICE"},
               {"CHAINS", Align::right},
               {"OF 1", Align::right},
               {"OF 2", Align::right},
               {"OF 3", Align::right},
               {"LONGER", Align::right},
               {"SYN GAPS"},
               {"RECONNECT GAPS"}});
  for (const Json& service : services) {
    const auto chains = service.at("chains").get<std::vector<uint64_t>>();
    std::array<uint64_t, 4> lengths{};
    uint64_t all = 0;
    for (size_t i = 0; i < chains.size(); ++i) {
      lengths[std::min<size_t>(i, 3)] += chains[i];
      all += chains[i];
    }
    if (all == 0 && number(service.at("syn_gaps"), "count") == 0) continue;
    table.add({text(service, "name"), grouped(all), count_or_dot(lengths[0]), count_or_dot(lengths[1]),
               count_or_dot(lengths[2]), count_or_dot(lengths[3]), gap_text(service.at("syn_gaps")),
               gap_text(service.at("reconnect_gaps"))});
  }
  if (table.empty()) return;
  io.out << '\n';
  table.print(io.out, io.colour);
}

// 2025-01-31T12:00:00.001500Z without its date, as most are of now.
std::string time_of_day(const std::string& ended) {
  constexpr size_t kDate = 11;
  constexpr size_t kMilliseconds = 12;
  return ended.size() > kDate + kMilliseconds ? ended.substr(kDate, kMilliseconds) : ended;
}

std::string client_text(const Json& flow) {
  if (flow.at("client").is_null()) return "-";
  return with_port(text(flow, "client"), number(flow, "client_port"), "");
}

Tone tone_of_outcome(const std::string& outcome) {
  return outcome == "closed"                                         ? Tone::good
         : outcome == "reset_by_client" || outcome == "idle_timeout" ? Tone::warning
                                                                     : Tone::bad;
}

void add_flow(Table& table, const Json& flow) {
  const std::string outcome = text(flow, "outcome");
  const bool sampled = flow.at("sampled").get<bool>();
  const Json& attempt = flow.at("attempt");
  table.add({time_of_day(text(flow, "ended")),
             client_text(flow),
             name_or_number(flow.at("service")),
             name_or_number(flow.at("backend")),
             text(flow, "protocol"),
             {outcome, tone_of_outcome(outcome)},
             attempt.is_null() ? "-" : std::to_string(attempt.get<uint64_t>()),
             count_or_dot(number(flow, "syn_retransmits")),
             seconds_or_dash(flow.at("connect")),
             seconds_or_dash(flow.at("first_byte")),
             duration_text(flow.at("duration").get<double>()),
             sampled ? grouped(number(flow, "packets")) : "-",
             sampled ? si_bytes(number(flow, "bytes")) : "-",
             sampled ? grouped(number(flow, "reply_packets")) : "-",
             sampled ? si_bytes(number(flow, "reply_bytes")) : "-"});
}

}  // namespace

Result<> show_latency(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    Table table({{"SERVICE"},
                 {"POOL"},
                 {"BACKEND"},
                 {"TIME"},
                 {"METHOD"},
                 {"COUNT", Align::right},
                 {"MEAN", Align::right},
                 {"P50", Align::right},
                 {"P90", Align::right},
                 {"P95", Align::right},
                 {"P99", Align::right},
                 {"P99.9", Align::right}});
    for (const Json& backend : json.at("backends")) {
      for (const char* what : {"connect", "response", "duration"})
        add_times(table, backend, what);
    }
    if (table.empty()) {
      io.out << "nothing was measured yet\n";
      return;
    }
    table.print(io.out, io.colour);
  });
}

Result<> show_outcomes(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const Json& services = json.at("services");
    Table table(outcome_columns(services));
    for (const Json& service : services)
      add_outcomes(table, service);
    table.print(io.out, io.colour);
    show_chains(services, io);
  });
}

Result<> show_flows(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    Table table({{"ENDED"},
                 {"CLIENT"},
                 {"SERVICE"},
                 {"BACKEND"},
                 {"PROTOCOL"},
                 {"OUTCOME"},
                 {"ATTEMPT", Align::right},
                 {"SYN AGAIN", Align::right},
                 {"CONNECT", Align::right},
                 {"FIRST BYTE", Align::right},
                 {"DURATION", Align::right},
                 {"PACKETS", Align::right},
                 {"BYTES", Align::right},
                 {"REPLIES", Align::right},
                 {"BYTES", Align::right}});
    for (const Json& flow : json.at("flows"))
      add_flow(table, flow);
    if (table.empty()) {
      io.out << "no flow of that kind has ended yet\n";
      return;
    }
    table.print(io.out, io.colour);
  });
}

}  // namespace shunt
