#include "control/desired_state.h"

#include <algorithm>
#include <utility>

namespace shunt {
namespace {

BackendConfig* find_backend(Config& config, const BackendName& name) {
  const auto pool = std::ranges::find(config.pools, name.pool, &PoolConfig::name);
  if (pool == config.pools.end()) return nullptr;
  const auto backend = std::ranges::find(pool->backends, name.backend, &BackendConfig::name);
  return backend == pool->backends.end() ? nullptr : &*backend;
}

void lay_edits(Config& config, const Edits& edits, Merge& merged) {
  for (const auto& [key, edit] : edits) {
    BackendConfig* backend = find_backend(config, edit.name);
    if (auto why = reason_to_drop(edit, backend)) {
      merged.dropped.push_back({edit, *std::move(why)});
      continue;
    }
    merged.edits.emplace(key, edit);
    if (backend == nullptr) continue;  // discovered, and away
    if (edit.kind == EditKind::weight) backend->weight = edit.weight;
    if (edit.kind == EditKind::admin) backend->admin = edit.admin;
  }
}

// `source-hash` goes by the client's address whatever `hash` says; a service that leaves it goes on by what
// its configuration made `hash`.
void lay_schedulers(Config& config, const std::map<std::string, Scheduler>& schedulers) {
  for (ServiceConfig& service : config.services) {
    const auto found = schedulers.find(service.name);
    if (found == schedulers.end()) continue;
    service.scheduler = found->second;
    if (service.scheduler == Scheduler::source_hash) service.hash = HashInput::source;
  }
}

}  // namespace

DesiredState with_file(DesiredState state, std::shared_ptr<const ConfigSource> file, std::string& note) {
  state.file = std::move(file);
  state.schedulers.clear();
  if (!state.applied || state.applied->replaced_digest == state.file->digest) return state;
  if (state.applied->source->digest == state.file->digest) {
    note = "the file is now what was applied";
  } else {
    note =
        "the file has changed since, so the configuration that " + state.applied->who + " applied is dropped";
  }
  state.applied.reset();
  return state;
}

Merge merge(const DesiredState& state, const Discovered& discovered) {
  EffectiveConfig effective = with_discovered(state.source().config, discovered);
  Merge merged;
  merged.refused = std::move(effective.refused);
  merged.config = std::move(effective.config);
  merged.config.file = state.file->file;
  lay_edits(merged.config, state.edits, merged);
  lay_schedulers(merged.config, state.schedulers);
  return merged;
}

std::optional<BaseBackend> base_backend(const DesiredState& state, const Discovered& discovered,
                                        const BackendName& name) {
  const Config& config = state.source().config;
  const auto in = [&](const std::vector<BackendConfig>& backends) -> const BackendConfig* {
    const auto found = std::ranges::find(backends, name.backend, &BackendConfig::name);
    return found == backends.end() ? nullptr : &*found;
  };
  const auto pool = std::ranges::find(config.pools, name.pool, &PoolConfig::name);
  if (pool == config.pools.end()) return std::nullopt;
  if (const BackendConfig* backend = in(pool->backends)) return BaseBackend{*backend, false};
  const auto found = discovered.find(name.pool);
  if (!pool->discovery || found == discovered.end()) return std::nullopt;
  if (const BackendConfig* backend = in(found->second)) return BaseBackend{*backend, true};
  return std::nullopt;
}

}  // namespace shunt
