#include "control/ctl_discovery_view.h"

#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

Tone tone_of(const std::string& state) {
  if (state == "fresh") return Tone::good;
  return state == "waiting" ? Tone::plain : Tone::warning;
}

void add_pool(Table& table, const Json& pool) {
  const std::string state = text(pool, "state");
  const Json& age = pool.at("age_seconds");
  table.add({printable(text(pool, "pool")), printable(text(pool, "source")),
             Cell(printable(state), tone_of(state)),
             age.is_null() ? "-" : span_text(std::chrono::seconds(age.get<int64_t>())),
             grouped(number(pool, "backends")), grouped(number(pool.at("skipped"), "count")),
             grouped(pool.at("refused").size()), grouped(number(pool, "failures"))});
}

void show_words(const Json& pool, const CtlIo& io) {
  const std::string name = printable(text(pool, "pool"));
  const auto line = [&](const char* what, const std::string& words) {
    io.out << name << ": " << what << printable(words) << '\n';
  };
  if (!text(pool, "reason").empty()) line("", text(pool, "reason"));
  for (const Json& why : pool.at("skipped").at("first"))
    line("skipped: ", why.get<std::string>());
  for (const Json& why : pool.at("refused"))
    line("refused: ", why.get<std::string>());
}

}  // namespace

Result<> show_discovery(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const Json& pools = json.at("pools");
    if (pools.empty()) {
      io.out << "no pool has `discovery`: all backends stand in the file\n";
      return;
    }
    Table table({{"POOL"},
                 {"SOURCE"},
                 {"STATE"},
                 {"ANSWERED", Align::right},
                 {"BACKENDS", Align::right},
                 {"SKIPPED", Align::right},
                 {"REFUSED", Align::right},
                 {"FAILURES", Align::right}});
    for (const Json& pool : pools)
      add_pool(table, pool);
    table.print(io.out, io.colour);
    for (const Json& pool : pools)
      show_words(pool, io);
  });
}

}  // namespace shunt
