// shuntctl's verbs that change what is wanted, and ask about it: diff, apply, history, rollback, drain,
// undrain, enable, disable, weight, edits, save, forget.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/ctl_exit.h"
#include "control/ctl_views.h"

namespace CLI {
class App;
}

namespace shunt {

// Asks shuntd; prints a refusal and returns its exit code. ctl_app.h's.
struct CtlQuestion {
  std::string method;
  std::string path;
  std::string body;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
};
using CtlAsk = std::function<CtlExit(const CtlQuestion& question, const CtlIo& io, std::string& answer)>;

struct CtlVerbs {
  CtlAsk ask;
  const bool& json;
  std::function<CtlExit(const CtlIo&)>& chosen;  // set by the verb that the command line names
};

// `verbs` lives until the chosen one has run.
void add_edit_verbs(CLI::App& app, CtlVerbs verbs);

// The API's answers as people read them.
Result<> show_change(const std::string& answer, const CtlIo& io);
Result<> show_diff(const std::string& answer, const CtlIo& io);
Result<> show_edits(const std::string& answer, const CtlIo& io);
Result<> show_history(const std::string& answer, const CtlIo& io);

}  // namespace shunt
