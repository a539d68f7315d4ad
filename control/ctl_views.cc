#include "control/ctl_views.h"

#include <algorithm>
#include <ctime>
#include <set>
#include <vector>

#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"
#include "stats/drop_words.h"

namespace shunt {
namespace {

using namespace ctl;

// How long ago an RFC 3339 time was; "-" for null.
std::string age(const Json& time, std::chrono::system_clock::time_point now) {
  std::tm parts{};
  if (!time.is_string() ||
      strptime(time.get<std::string>().c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) {
    return "-";
  }
  const auto then = std::chrono::system_clock::from_time_t(timegm(&parts));
  return span_text(std::chrono::duration_cast<std::chrono::seconds>(now - then));
}

std::string filled(const Json& table) {
  const uint64_t entries = number(table, "entries");
  const uint64_t capacity = number(table, "capacity");
  const double ratio = capacity == 0 ? 0 : static_cast<double>(entries) / static_cast<double>(capacity);
  return grouped(entries) + " (" + percent(ratio) + ")";
}

void show_node(const Json& node, const CtlIo& io) {
  const bool ready = node.at("ready").get<bool>();
  io.out << printable(text(node, "name")) << "  shuntd " << printable(text(node, "version")) << ", DPDK "
         << printable(text(node, "dpdk_version")) << ", up "
         << span_text(std::chrono::seconds(node.at("uptime_seconds").get<int64_t>())) << ", "
         << toned(ready ? "ready" : "not ready", ready ? Tone::good : Tone::bad, io.colour) << '\n';
  for (const Json& reason : node.at("not_ready"))
    io.out << "  " << printable(reason.get<std::string>()) << '\n';
  const Json& reload = node.at("last_reload");
  const bool accepted = reload.at("accepted").get<bool>();
  io.out << "configuration " << printable(text(node, "config_file")) << ", generation "
         << grouped(number(node, "generation")) << "; last load " << age(reload.at("at"), io.now) << " ago "
         << toned(accepted ? "accepted" : "refused", accepted ? Tone::good : Tone::bad, io.colour);
  const std::string detail = printable(text(reload, "text"));
  io.out << (detail.empty() ? "" : ": ") << detail << "\nmemory " << printable(text(node, "memory"))
         << ", packet path for " << printable(text(node, "cpu_level")) << '\n';
}

void show_workers(const Json& workers, const CtlIo& io) {
  Table table({{"WORKER", Align::right},
               {"CPU", Align::right},
               {"BUSY", Align::right},
               {"PACKETS/BURST", Align::right},
               {"PACKETS", Align::right},
               {"BYTES", Align::right},
               {"FLOW TABLE", Align::right},
               {"PROBATION", Align::right}});
  for (const Json& worker : workers) {
    table.add({grouped(number(worker, "index")), grouped(number(worker, "cpu")),
               percent(worker.at("busy").get<double>()),
               fixed(worker.at("packets_per_burst").get<double>(), 1), grouped(number(worker, "packets")),
               si_bytes(number(worker, "bytes")), filled(worker.at("flow_table")),
               filled(worker.at("probation"))});
  }
  table.print(io.out, io.colour);
}

// The cost of a packet in ticks, stage by stage.
void show_stages(const Json& status, const CtlIo& io) {
  const Json& workers = status.at("workers");
  if (workers.empty()) return;
  std::vector<Column> columns = {{"WORKER", Align::right}};
  for (const auto& [name, cost] : workers[0].at("stages").items()) {
    columns.push_back({capitals(printable(name)), Align::right});
  }
  columns.push_back({"TICKS/PACKET", Align::right});
  Table table(columns);
  const auto measured = [](double ticks) { return ticks > 0 ? fixed(ticks, 1) : std::string("-"); };
  for (const Json& worker : workers) {
    std::vector<Cell> row = {grouped(number(worker, "index"))};
    for (const Json& cost : worker.at("stages"))
      row.push_back(measured(cost.at("ticks_per_packet").get<double>()));
    row.push_back(measured(worker.at("ticks_per_packet").get<double>()));
    table.add(std::move(row));
  }
  table.print(io.out, io.colour);
  io.out << "a tick is "
         << fixed(1e9 / static_cast<double>(std::max<uint64_t>(1, number(status.at("node"), "tsc_hz"))), 3)
         << " ns\n";
}

void show_ports(const Json& ports, const CtlIo& io) {
  Table table({{"PORT"},
               {"DEVICE"},
               {"LINK"},
               {"MAC"},
               {"MTU", Align::right},
               {"HOST INTERFACE"},
               {"RECEIVED", Align::right},
               {"", Align::right},
               {"SENT", Align::right},
               {"", Align::right},
               {"MISSED", Align::right},
               {"TX FULL", Align::right}});
  for (const Json& port : ports) {
    const bool link = port.at("link_up").get<bool>();
    table.add({text(port, "name"),
               text(port, "device"),
               {link ? "up" : "down", link ? Tone::good : Tone::bad},
               text(port, "mac"),
               std::to_string(number(port, "mtu")),
               text_or_dash(port, "host_interface"),
               grouped(number(port.at("received"), "packets")),
               si_bytes(number(port.at("received"), "bytes")),
               grouped(number(port.at("sent"), "packets")),
               si_bytes(number(port.at("sent"), "bytes")),
               {grouped(number(port, "missed")), number(port, "missed") > 0 ? Tone::warning : Tone::plain},
               {grouped(number(port, "transmit_full")),
                number(port, "transmit_full") > 0 ? Tone::warning : Tone::plain}});
  }
  table.print(io.out, io.colour);
}

uint64_t sum_of(const Json& counts) {
  uint64_t total = 0;
  for (const Json& count : counts)
    total += count.get<uint64_t>();
  return total;
}

// "2/3", and what follows from so few.
Cell up_of(const Json& service) {
  const uint64_t up = number(service.at("backends"), "up");
  const uint64_t total = number(service.at("backends"), "total");
  const bool panic = service.at("panic").get<bool>();
  const char* mark = panic ? " panic" : service.at("on_backup").get<bool>() ? " backup" : "";
  const Tone tone = up == 0 || panic ? Tone::bad : up == total ? Tone::good : Tone::warning;
  return {std::to_string(up) + "/" + std::to_string(total) + mark, tone};
}

void add_service(Table& table, const Json& service) {
  const bool fit = service.at("fit").get<bool>();
  table.add({text(service, "name"),
             with_port(text(service, "address"), number(service, "port"), ":*"),
             text(service, "protocol"),
             text(service, "forward"),
             text(service, "pool"),
             up_of(service),
             {fit ? "yes" : "no", fit ? Tone::good : Tone::bad},
             text(service, "announced"),
             grouped(number(service, "active_flows")),
             grouped(number(service, "new_flows")),
             grouped(number(service, "packets")),
             si_bytes(number(service, "bytes")),
             grouped(sum_of(service.at("dropped")))});
}

Tone tone_of_state(const std::string& state) {
  if (state == "up") return Tone::good;
  return state == "down" ? Tone::bad : Tone::warning;
}

void add_backend(Table& table, const Json& backend, bool replies, std::chrono::system_clock::time_point now) {
  const std::string state = text(backend, "state");
  const bool mac_known = backend.at("mac_known").get<bool>();
  std::vector<Cell> row = {text(backend, "service"),
                           text(backend, "pool"),
                           text(backend, "name"),
                           with_port(text(backend, "address"), number(backend, "port"), ""),
                           {state, tone_of_state(state)},
                           age(backend.at("since"), now),
                           grouped(number(backend, "weight")),
                           percent(static_cast<double>(number(backend, "accept")) / 256),
                           percent(backend.at("share").get<double>()),
                           grouped(number(backend, "active_flows")),
                           grouped(number(backend, "new_flows")),
                           grouped(number(backend, "packets")),
                           si_bytes(number(backend, "bytes"))};
  if (replies) {
    const bool sees = backend.at("sees_replies").get<bool>();
    row.push_back(sees ? grouped(number(backend, "reply_packets")) : "-");
    row.push_back(sees ? si_bytes(number(backend, "reply_bytes")) : "-");
  }
  row.push_back({mac_known ? "known" : "unknown", mac_known ? Tone::plain : Tone::warning});
  row.push_back(text_or_dash(backend, "reason"));
  table.add(std::move(row));
}

std::vector<Column> backend_columns(bool replies) {
  std::vector<Column> columns = {{"SERVICE"},
                                 {"POOL"},
                                 {"BACKEND"},
                                 {"ADDRESS"},
                                 {"STATE"},
                                 {"FOR", Align::right},
                                 {"WEIGHT", Align::right},
                                 {"ACCEPT", Align::right},
                                 {"SHARE", Align::right},
                                 {"ACTIVE", Align::right},
                                 {"NEW FLOWS", Align::right},
                                 {"PACKETS", Align::right},
                                 {"BYTES", Align::right}};
  if (replies) {
    columns.push_back({"REPLIES", Align::right});
    columns.push_back({"BYTES", Align::right});
  }
  columns.push_back({"MAC"});
  columns.push_back({"REASON"});
  return columns;
}

// Left side minus right side of the balance; 0 unless a packet got lost in the counting.
int64_t unaccounted(const Json& drops, uint64_t dropped) {
  const uint64_t in = number(drops, "received") + number(drops, "originated");
  const uint64_t out = number(drops, "sent") + number(drops, "punted") + dropped +
                       static_cast<uint64_t>(drops.at("in_flight").get<int64_t>());
  return static_cast<int64_t>(in - out);
}

void show_balance(const Json& drops, uint64_t dropped, const CtlIo& io) {
  Table table({{""}, {"PACKETS", Align::right}});
  table.add({"received", grouped(number(drops, "received"))});
  table.add({"originated", grouped(number(drops, "originated"))});
  table.add({"sent", grouped(number(drops, "sent"))});
  table.add({"punted", grouped(number(drops, "punted"))});
  table.add({"in flight", grouped_signed(drops.at("in_flight").get<int64_t>())});
  table.add({"dropped", grouped(dropped)});
  const int64_t lost = unaccounted(drops, dropped);
  if (lost != 0) table.add({{"unaccounted", Tone::bad}, {grouped_signed(lost), Tone::bad}});
  table.print(io.out, io.colour);
}

// Of what a healthy node doesn't have.
void show_remedies(const std::vector<std::pair<std::string, uint64_t>>& reasons, const CtlIo& io) {
  bool first = true;
  for (const auto& [reason, count] : reasons) {
    const DropWords words = drop_words(reason);
    if (words.usual || words.remedy.empty()) continue;
    io.out << (first ? "\nWhat to do:\n" : "") << "  " << toned(reason, Tone::heading, io.colour) << ": "
           << words.remedy << '\n';
    first = false;
  }
}

void show_reasons(const Json& dropped, uint64_t total, const CtlIo& io) {
  std::vector<std::pair<std::string, uint64_t>> reasons;
  for (const auto& [reason, count] : dropped.items()) {
    if (count.get<uint64_t>() > 0) reasons.emplace_back(reason, count.get<uint64_t>());
  }
  if (reasons.empty()) return;
  std::sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Table table({{"REASON"}, {"PACKETS", Align::right}, {"SHARE", Align::right}, {"MEANING"}});
  for (const auto& [reason, count] : reasons) {
    const std::string_view words = drop_words(reason).meaning;
    table.add({reason, grouped(count), percent(static_cast<double>(count) / static_cast<double>(total)),
               words.empty() ? "(this shuntctl doesn't know the reason)" : std::string(words)});
  }
  io.out << '\n';
  table.print(io.out, io.colour);
  show_remedies(reasons, io);
}

}  // namespace

Result<> show_status(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    show_node(json.at("node"), io);
    io.out << '\n';
    show_workers(json.at("workers"), io);
    io.out << '\n';
    show_stages(json, io);
    io.out << '\n';
    show_ports(json.at("ports"), io);
  });
}

Result<> show_services(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    Table table({{"SERVICE"},
                 {"ADDRESS"},
                 {"PROTOCOL"},
                 {"FORWARD"},
                 {"POOL"},
                 {"UP", Align::right},
                 {"FIT"},
                 {"ANNOUNCED"},
                 {"ACTIVE", Align::right},
                 {"NEW FLOWS", Align::right},
                 {"PACKETS", Align::right},
                 {"BYTES", Align::right},
                 {"DROPPED", Align::right}});
    for (const Json& service : json.at("services"))
      add_service(table, service);
    table.print(io.out, io.colour);
  });
}

Result<> show_backends(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const Json& backends = json.at("backends");
    const bool replies = std::any_of(backends.begin(), backends.end(), [](const Json& backend) {
      return backend.at("sees_replies").get<bool>();
    });
    Table table(backend_columns(replies));
    for (const Json& backend : backends)
      add_backend(table, backend, replies, io.now);
    table.print(io.out, io.colour);
  });
}

Result<> show_drops(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const uint64_t total = sum_of(json.at("dropped"));
    show_balance(json, total, io);
    show_reasons(json.at("dropped"), total, io);
  });
}

Result<> show_reload(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const std::string detail = text(json, "text");
    io.out << "reloaded: generation " << grouped(number(json, "generation"))
           << (detail.empty() ? "" : ", " + printable(detail)) << '\n';
    for (const Json& warning : json.at("warnings"))
      io.err << printable_lines(warning.get<std::string>()) << '\n';
  });
}

Result<std::string> only_backends_of(const std::string& answer, const std::string& name) {
  try {
    const Json json = Json::parse(answer);
    Json kept = Json::array();
    std::set<std::string> known;
    for (const Json& backend : json.at("backends")) {
      known.insert({text(backend, "service"), text(backend, "pool")});
      if (text(backend, "service") == name || text(backend, "pool") == name) kept.push_back(backend);
    }
    if (kept.empty()) {
      std::string names;
      for (const std::string& one : known)
        names += (names.empty() ? "" : ", ") + one;
      return Error{name, "no service or pool with backends has this name; there are: " + names};
    }
    Json filtered;
    filtered["backends"] = std::move(kept);
    return filtered.dump(2) + "\n";
  } catch (const Json::exception& error) {
    return not_understood(error);
  }
}

std::string problem_text(const std::string& answer, unsigned status) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object()) return "shuntd answered with HTTP status " + std::to_string(status);
  const auto detail = json.find("detail");
  std::string said = detail != json.end() && detail->is_string() ? printable(detail->get<std::string>())
                                                                 : "HTTP status " + std::to_string(status);
  for (const Json& member : json) {
    if (!member.is_array()) continue;
    for (const Json& line : member) {
      if (line.is_string()) said += "\n" + printable_lines(line.get<std::string>());
    }
  }
  return said;
}

}  // namespace shunt
