// DesiredState: what an operator wants, before it is compiled: a configuration (the file's, or one that was
// applied over it), what discovery says of pools, and edits.
//
// Pure: values in, values out. Cost: a merge copies the configuration (with_discovered(): milliseconds for
// 4,096 backends). Copies of a DesiredState share the texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/config_load.h"
#include "control/discovered_backends.h"
#include "control/edits.h"

namespace shunt {

// A whole configuration that was applied by API. It holds while the file is what it was then.
struct AppliedConfig {
  std::shared_ptr<const ConfigSource> source;
  std::string replaced_digest;  // of the file's text
  std::string who;
  std::chrono::system_clock::time_point at;
};

struct DesiredState {
  std::shared_ptr<const ConfigSource> file;      // as last read and found good
  std::shared_ptr<const AppliedConfig> applied;  // absent: the file's text runs
  Edits edits;
  // Of services, by name, instead of the configuration's; until the file is read again. edits.toml has them
  // not.
  std::map<std::string, Scheduler> schedulers = {};

  const ConfigSource& source() const { return applied ? *applied->source : *file; }
};

// The desired state with the file as it was read again: schedulers are the configuration's again, and an
// applied configuration is dropped when the file's text has changed; `note` says so (empty: nothing to say).
DesiredState with_file(DesiredState state, std::shared_ptr<const ConfigSource> file, std::string& note);

// The effective configuration.
struct Merge {
  Config config;                        // of the file's name
  std::vector<RefusedBackend> refused;  // discovered backends that were left out, and why
  std::vector<DroppedEdit> dropped;     // no longer in force; the others are in `edits`
  Edits edits;
};

// Lays discovered backends (with_discovered()) and then edits over the source. There always is a result: the
// source has been validated, each discovered backend is taken only if the rules allow it, and no rule looks
// at what an edit can say (weight, admin).
Merge merge(const DesiredState& state, const Discovered& discovered);

// What `state` says of a backend without its edits; nothing where there is none.
struct BaseBackend {
  BackendConfig config;
  bool discovered = false;
};
std::optional<BaseBackend> base_backend(const DesiredState& state, const Discovered& discovered,
                                        const BackendName& name);

}  // namespace shunt
