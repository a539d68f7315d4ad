// What shuntctl prints of itself and of the configuration, without a daemon: `schema`, `completion`; and
// `names`, which completions ask for.
#pragma once

#include "control/ctl_edit.h"

namespace shunt {

// `verbs` lives until the chosen one has run.
void add_reference_verbs(CLI::App& app, CtlVerbs verbs);

}  // namespace shunt
