#include "control/ctl_edit.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "control/edits.h"

namespace shunt {
namespace {

// What the command line gives to the verbs; shared with their callbacks.
struct Given {
  CtlVerbs verbs;
  std::vector<std::string> backends;
  std::string backend;
  uint16_t weight = 0;
  std::string file;
  uint64_t generation = 0;
  bool all = false;
};
using Shared = std::shared_ptr<Given>;
using View = Result<> (*)(const std::string& answer, const CtlIo& io);

CtlExit fail(const CtlIo& io, CtlExit code, const std::string& what) {
  io.err << "shuntctl: " << what << '\n';
  return code;
}

CtlExit ask_and_show(const Given& given, const CtlQuestion& question, View view, const CtlIo& io) {
  std::string answer;
  if (const CtlExit code = given.verbs.ask(question, io, answer); code != kExitOk) return code;
  if (given.verbs.json) {
    io.out << answer;
    return kExitOk;
  }
  const Result<> shown = view(answer, io);
  return shown ? kExitOk : fail(io, kExitFailed, shown.error().text());
}

std::string path_of(const BackendName& name, const std::string& verb) {
  return "/api/v1/pools/" + name.pool + "/backends/" + name.backend + (verb.empty() ? "" : "/" + verb);
}

// Names stand in paths as they are; one that isn't a name (config_validate.h) can't be anybody's.
std::optional<BackendName> good_name(const std::string& text) {
  const bool plain = std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._-:/").find(c) != std::string_view::npos;
  });
  return plain ? BackendName::parse(text) : std::nullopt;
}

CtlExit not_a_backend(const CtlIo& io, const std::string& text) {
  return fail(io, kExitUsage, "`" + text + "` isn't POOL/BACKEND, like web/web-1");
}

// One after the other; the first that fails ends it, and what was done before stays.
CtlExit set_states(const Given& given, const std::string& verb, const CtlIo& io) {
  for (const std::string& text : given.backends) {
    if (!good_name(text)) return not_a_backend(io, text);
  }
  for (const std::string& text : given.backends) {
    const CtlExit code = ask_and_show(given, {"POST", path_of(*good_name(text), verb), {}}, show_change, io);
    if (code != kExitOk) return code;
  }
  return kExitOk;
}

CtlExit set_weight(const Given& given, const CtlIo& io) {
  const auto name = good_name(given.backend);
  if (!name) return not_a_backend(io, given.backend);
  return ask_and_show(given,
                      {"PATCH", path_of(*name, ""), "{\"weight\": " + std::to_string(given.weight) + "}"},
                      show_change, io);
}

CtlExit forget(const Given& given, const CtlIo& io) {
  if (given.all == !given.backend.empty())
    return fail(io, kExitUsage, "forget POOL/BACKEND, or forget --all");
  if (given.all) return ask_and_show(given, {"DELETE", "/api/v1/edits", {}}, show_change, io);
  const auto name = good_name(given.backend);
  if (!name) return not_a_backend(io, given.backend);
  return ask_and_show(given, {"DELETE", "/api/v1/edits/" + name->text(), {}}, show_change, io);
}

// RFC 3986 2.3, as ctl_app.cc's; '/' needs no escape in a query.
std::string escaped(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~/").find(c) != std::string_view::npos) {
      safe += c;
    } else {
      safe += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return safe;
}

CtlExit send_file(const Given& given, const char* path, View view, const CtlIo& io) {
  const std::ifstream file(given.file, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || !text) return fail(io, kExitFailed, given.file + ": can't be read");
  // (An empty body would ask about the daemon's own file.)
  const std::string body = text.str().empty() ? "\n" : text.str();
  return ask_and_show(given, {"POST", std::string(path) + "?file=" + escaped(given.file), body}, view, io);
}

CtlExit diff(const Given& given, const CtlIo& io) {
  if (!given.file.empty()) return send_file(given, "/api/v1/diff", show_diff, io);
  return ask_and_show(given, {"POST", "/api/v1/diff", {}}, show_diff, io);
}

struct StateVerb {
  const char* name;
  const char* text;
  const char* footer;
};

constexpr StateVerb kStateVerbs[] = {
    {"drain", "Take backends out gently: no new flows, those there are go on",
     "Flows stay until they end or the pool's `drain` is over. It lasts over reloads and restarts, until "
     "`undrain`.\n"
     "\nExamples:\n  shuntctl drain web/web-1 web/web-2\n  shuntctl backends web"},
    {"undrain", "Give drained backends new flows again", "\nExamples:\n  shuntctl undrain web/web-1"},
    {"disable", "Take backends out at once: their flows end, they aren't checked",
     "As if they were removed and their drain over, but they keep their slots. Until `enable`.\n"
     "\nExamples:\n  shuntctl disable web/web-1"},
    {"enable", "Use disabled backends again", "\nExamples:\n  shuntctl enable web/web-1"},
};

CLI::App* add_verb(CLI::App& app, const Shared& given, const char* name, const char* text, const char* footer,
                   std::function<CtlExit(const Given&, const CtlIo&)> run) {
  CLI::App* command = app.add_subcommand(name, text);
  command->footer(std::string(footer));
  command->callback([given, run = std::move(run)] {
    given->verbs.chosen = [given, run](const CtlIo& io) { return run(*given, io); };
  });
  return command;
}

void add_state_verbs(CLI::App& app, const Shared& given) {
  for (const StateVerb& verb : kStateVerbs) {
    CLI::App* command = add_verb(app, given, verb.name, verb.text, verb.footer,
                                 [name = std::string(verb.name)](const Given& all, const CtlIo& io) {
                                   return set_states(all, name, io);
                                 });
    command->add_option("POOL/BACKEND", given->backends, "Which")->required();
  }
  CLI::App* weight = add_verb(app, given, "weight", "Change a backend's share of new flows",
                              "0: no new flows. The slot table is made anew; flows stay where they are.\n"
                              "\nExamples:\n  shuntctl weight web/web-1 5\n  shuntctl diff",
                              set_weight);
  weight->add_option("POOL/BACKEND", given->backend, "Which")->required();
  weight->add_option("N", given->weight, "0 to 65535")->required();
}

void add_file_verbs(CLI::App& app, const Shared& given) {
  CLI::App* compare = add_verb(
      app, given, "diff", "What would change if FILE were applied, or shuntd's own file were read again",
      "Parts added, removed and changed, the share of each pool's slots that give new flows to another "
      "backend,\n"
      "and the active flows that are met. Edits are listed below with what they replaced. Nothing is "
      "changed.\n"
      "\nExamples:\n  shuntctl diff\n  shuntctl diff new.toml && shuntctl apply new.toml",
      diff);
  compare->add_option("FILE", given->file, "A configuration");
  CLI::App* apply = add_verb(
      app, given, "apply", "Run FILE's configuration instead of shuntd's own file",
      "Edits hold where FILE says what they replaced. It lasts over reloads and restarts, until shuntd's own "
      "file\n"
      "changes: then that one wins. `shuntctl save` writes it there; `shuntctl forget --all` goes back.\n"
      "\nExamples:\n  shuntctl apply new.toml\n  shuntctl rollback 12",
      [](const Given& all, const CtlIo& io) { return send_file(all, "/api/v1/apply", show_change, io); });
  apply->add_option("FILE", given->file, "A configuration")->required();
}

void add_history_verbs(CLI::App& app, const Shared& given) {
  add_verb(app, given, "history", "What changed when, by whom and why; newest first",
           "Publications for health and routes between two changes are one row. *: `rollback` can go there. "
           "Since\n"
           "shuntd's start; what outlives it stands in `edits` and in the audit file.\n"
           "\nExamples:\n  shuntctl history\n  shuntctl history --json | jq '.generations[0].lines'",
           [](const Given& all, const CtlIo& io) {
             return ask_and_show(all, {"GET", "/api/v1/history", {}}, show_history, io);
           });
  CLI::App* rollback = add_verb(
      app, given, "rollback", "Go back to what was wanted at a generation",
      "Configuration and edits become what they were then, as a new generation; discovery and health stay as "
      "they "
      "are now.\n\nExamples:\n  shuntctl history\n  shuntctl rollback 12",
      [](const Given& all, const CtlIo& io) {
        return ask_and_show(
            all, {"POST", "/api/v1/rollback", "{\"generation\": " + std::to_string(all.generation) + "}"},
            show_change, io);
      });
  rollback->add_option("GENERATION", given->generation, "One of `shuntctl history`")->required();
}

void add_settling_verbs(CLI::App& app, const Shared& given) {
  add_verb(app, given, "edits", "What was changed by API and isn't in the configuration file",
           "\nExamples:\n  shuntctl edits\n  shuntctl edits --json | jq '.edits[].backend'",
           [](const Given& all, const CtlIo& io) {
             return ask_and_show(all, {"GET", "/api/v1/edits", {}}, show_edits, io);
           });
  add_verb(app, given, "save", "Write edits into shuntd's configuration file",
           "An applied configuration becomes the file; weights are written where they stand, comments stay. "
           "Draining\n"
           "and disabled have no key in the file and stay edits.\n"
           "\nExamples:\n  shuntctl weight web/web-1 5 && shuntctl save",
           [](const Given& all, const CtlIo& io) {
             return ask_and_show(all, {"POST", "/api/v1/edits/save", {}}, show_change, io);
           });
  CLI::App* command =
      add_verb(app, given, "forget", "Take edits back: the configuration file's value is used again",
               "\nExamples:\n  shuntctl forget web/web-1\n  shuntctl forget --all", forget);
  command->add_option("POOL/BACKEND", given->backend, "Which");
  command->add_flag("--all", given->all, "All edits, and the applied configuration");
}

}  // namespace

void add_edit_verbs(CLI::App& app, CtlVerbs verbs) {
  const auto given = std::make_shared<Given>(Given{std::move(verbs), {}, {}, 0, {}, 0, false});
  add_state_verbs(app, given);
  add_file_verbs(app, given);
  add_history_verbs(app, given);
  add_settling_verbs(app, given);
}

}  // namespace shunt
