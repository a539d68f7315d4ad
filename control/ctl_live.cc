#include "control/ctl_live.h"

#include <thread>

#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

constexpr const char* kClear = "\033[H\033[2J";
constexpr const char* kStream = "/api/v1/stream";

CtlExit told(const Result<>& shown, const CtlIo& io) {
  if (shown) return kExitOk;
  io.err << "shuntctl: " << shown.error().text() << '\n';
  return kExitFailed;
}

Tone tone_of(const std::string& kind) {
  if (kind.ends_with(".down") || kind.ends_with(".refused")) return Tone::bad;
  return kind.ends_with(".up") || kind.ends_with(".accepted") ? Tone::good : Tone::plain;
}

// The number of the last event that was printed, or `after`.
uint64_t print_events(const Json& json, uint64_t after, const LiveWish& wish, const CtlIo& io) {
  if (const uint64_t missed = number(json, "missed"); missed > 0 && after > 0 && !wish.json)
    io.out << "(" << grouped(missed) << " missed)\n";
  for (const Json& event : json.at("events")) {
    after = number(event, "number");
    if (wish.json) {
      io.out << event.dump() << '\n';
      continue;
    }
    io.out << printable(text(event, "at")) << "  "
           << toned(printable(text(event, "kind")), tone_of(text(event, "kind")), io.colour) << "  "
           << printable(text(event, "subject")) << "  " << printable(text(event, "text")) << '\n';
  }
  io.out.flush();
  return after;
}

std::string per_second(const Json& rates, const char* key, bool bytes = false) {
  if (rates.is_null()) return "-";
  const auto value = static_cast<uint64_t>(rates.at(key).get<double>() + 0.5);
  return bytes ? si_bytes(value) : grouped(value);
}

void add_traffic(std::vector<Cell>& row, const Json& json) {
  const Json& rates = json.at("rates");
  row.emplace_back(per_second(rates, "packets"));
  row.emplace_back(per_second(rates, "bytes", true));
  row.emplace_back(per_second(rates, "new_flows"));
  row.emplace_back(grouped(number(json, "active_flows")));
}

void print_top(const Json& json, const CtlIo& io) {
  const Json& rates = json.at("rates");
  io.out << printable(text(json, "at")) << "  generation " << grouped(number(json, "generation"))
         << "  packets/s: received " << per_second(rates, "received") << ", sent "
         << per_second(rates, "sent") << ", dropped " << per_second(rates, "dropped") << "\n";
  for (const Json& worker : json.at("workers")) {
    io.out << "CPU " << number(worker, "cpu") << ": " << percent(worker.at("busy").get<double>()) << " busy, "
           << fixed(worker.at("ticks_per_packet").get<double>(), 1) << " ticks/packet\n";
  }
  Table table({{"SERVICE"},
               {"BACKEND"},
               {"STATE"},
               {"PACKETS/S", Align::right},
               {"BYTES/S", Align::right},
               {"NEW/S", Align::right},
               {"ACTIVE", Align::right}});
  for (const Json& service : json.at("services")) {
    const bool fit = service.at("fit").get<bool>();
    std::vector<Cell> row = {{text(service, "name"), Tone::heading},
                             grouped(number(service, "backends_up")) + " up",
                             {fit ? "fit" : "not fit", fit ? Tone::good : Tone::bad}};
    add_traffic(row, service);
    table.add(std::move(row));
    for (const Json& backend : service.at("backends")) {
      const std::string state = text(backend, "state");
      std::vector<Cell> line = {
          "", text(backend, "name"), {state, state == "down" ? Tone::bad : Tone::plain}};
      add_traffic(line, backend);
      table.add(std::move(line));
    }
  }
  table.print(io.out, io.colour);
  if (!json.at("all_backends").get<bool>()) io.out << "(too many backends to show)\n";
}

}  // namespace

CtlExit show_events(const CtlGet& ask, const LiveWish& wish, const CtlIo& io) {
  std::string body;
  std::string path = "/api/v1/events?limit=" + std::to_string(wish.limit);
  uint64_t seen = 0;
  for (uint64_t round = 0; round < wish.rounds && io.out; ++round) {
    if (round > 0) std::this_thread::sleep_for(wish.pause);
    if (const CtlExit code = ask(path, body); code != kExitOk) return code;
    if (wish.json && !wish.follow) {
      io.out << body;
      return kExitOk;
    }
    const Result<> shown = with_json(body, [&](const Json& json) {
      const uint64_t newest = number(json, "newest");
      seen = print_events(json, seen, wish, io);
      if (newest < seen) seen = 0;  // another shuntd, whose numbers begin anew
    });
    if (!shown || !wish.follow) return told(shown, io);
    path = "/api/v1/events?limit=1000&after=" + std::to_string(seen);
  }
  return kExitOk;
}

CtlExit show_top(const CtlGet& ask, const LiveWish& wish, const CtlIo& io) {
  std::string body;
  for (uint64_t round = 0; round < wish.rounds && io.out; ++round) {
    if (round > 0) std::this_thread::sleep_for(wish.pause);
    if (const CtlExit code = ask(kStream, body); code != kExitOk) return code;
    bool first = false;
    const Result<> shown = with_json(body, [&](const Json& json) {
      first = json.at("seconds").get<double>() == 0;
      if (!wish.follow && first) return;
      if (wish.terminal) io.out << kClear;
      if (wish.json) {
        io.out << json.dump() << '\n';
      } else {
        print_top(json, io);
        if (wish.follow && !wish.terminal) io.out << '\n';
      }
      io.out.flush();
    });
    if (!shown || (!wish.follow && !first)) return told(shown, io);
  }
  return kExitOk;
}

}  // namespace shunt
