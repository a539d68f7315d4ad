// The answers about changes, for people.
#include <string>

#include "control/ctl_edit.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using ctl::Json;

void print_lines(const Json& list, const char* before, const CtlIo& io) {
  for (const Json& line : list)
    io.out << before << printable_lines(line.get<std::string>()) << '\n';
}

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_edits(const Json& json, const CtlIo& io) {
  if (const Json& applied = json.at("applied"); !applied.is_null()) {
    io.out << "applied: " << printable(ctl::text(applied, "name")) << ", by "
           << printable(ctl::text(applied, "who")) << " at " << printable(ctl::text(applied, "at"))
           << "; it runs instead of the configuration file\n";
  }
  Table table({{"BACKEND"}, {"WHAT"}, {"VALUE"}, {"INSTEAD OF"}, {"WHO"}, {"WHEN"}, {"NOTE"}});
  for (const Json& edit : json.at("edits")) {
    const char* note = edit.at("waits").get<bool>()        ? "waits: not discovered now"
                       : edit.at("discovered").get<bool>() ? "discovered"
                                                           : "";
    table.add({ctl::text(edit, "pool") + "/" + ctl::text(edit, "backend"), ctl::text(edit, "kind"),
               value_text(edit.at("value")), value_text(edit.at("replaced")), ctl::text(edit, "who"),
               ctl::text(edit, "at"), note});
  }
  if (!table.empty()) table.print(io.out, io.colour);
}

}  // namespace

Result<> show_change(const std::string& answer, const CtlIo& io) {
  return ctl::with_json(answer, [&](const Json& json) {
    io.out << "generation " << ctl::number(json, "generation") << ": " << printable(ctl::text(json, "text"))
           << '\n';
    print_lines(json.at("warnings"), "warning: ", io);
  });
}

Result<> show_diff(const std::string& answer, const CtlIo& io) {
  return ctl::with_json(answer, [&](const Json& json) {
    print_lines(json.at("lines"), "", io);
    io.out << printable(ctl::text(json, "summary")) << "; flows: " << ctl::number(json.at("flows"), "kept")
           << " kept until they end or are drained, " << ctl::number(json.at("flows"), "cut") << " cut\n";
    print_lines(json.at("warnings"), "warning: ", io);
    print_edits(json, io);
  });
}

Result<> show_edits(const std::string& answer, const CtlIo& io) {
  return ctl::with_json(answer, [&](const Json& json) {
    if (json.at("edits").empty() && json.at("applied").is_null())
      io.out << "no edits: the file's values are used\n";
    print_edits(json, io);
  });
}

Result<> show_history(const std::string& answer, const CtlIo& io) {
  return ctl::with_json(answer, [&](const Json& json) {
    Table table({{"GENERATION", Align::right}, {"WHEN"}, {"WHO"}, {"WHY"}, {"WHAT"}});
    for (const Json& row : json.at("generations")) {
      const uint64_t first = ctl::number(row, "first");
      const uint64_t last = ctl::number(row, "generation");
      table.add({(first == last ? "" : std::to_string(first) + "–") + std::to_string(last) +
                     (row.at("can_roll_back").get<bool>() ? "*" : " "),
                 ctl::text(row, "at"), ctl::text(row, "who"), ctl::text(row, "why"),
                 ctl::text(row, "summary")});
    }
    table.print(io.out, io.colour);
  });
}

}  // namespace shunt
