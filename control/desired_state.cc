#include "control/desired_state.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "control/config_validate.h"

namespace shunt {
namespace {

// Discovered backends get positions behind the text's end, one line each, so that a diagnostic that points
// there names its backend.
struct Added {
  std::string pool;
  std::string backend;
  SourcePosition pool_position;
};

struct Laid {
  Config config;
  ConfigOrigin origin;
  uint32_t last_line = 0;    // of the text
  std::vector<Added> added;  // the first one at last_line + 1
};

Origin origin_of(const BackendConfig& backend, SourcePosition position) {
  Origin origin;
  origin.header = position;
  for (const char* key : {"name", "address", "weight"})
    origin.add(key, position);
  if (backend.port != 0) {
    origin.add("port", position);
    origin.add_given("port");
  }
  if (backend.mac) {
    origin.add("mac", position);
    origin.add_given("mac");
  }
  return origin;
}

using Place = std::pair<IpAddress, uint16_t>;

void lay_pool(Laid& laid, size_t index, const std::vector<BackendConfig>& backends,
              const std::set<BackendName>& left_out) {
  PoolConfig& pool = laid.config.pools[index];
  std::unordered_set<std::string> names;
  std::set<Place> places;
  for (const BackendConfig& backend : pool.backends) {
    names.insert(backend.name);
    places.insert({backend.address, backend.port});
  }
  for (const BackendConfig& backend : backends) {
    if (left_out.contains({pool.name, backend.name})) continue;
    if (!places.insert({backend.address, backend.port}).second || !names.insert(backend.name).second)
      continue;
    laid.added.push_back({pool.name, backend.name, pool.position});
    const SourcePosition position{laid.last_line + static_cast<uint32_t>(laid.added.size()), 1};
    pool.backends.push_back(backend);
    pool.backends.back().position = position;
    laid.origin.pools[index].backends.push_back(origin_of(backend, position));
  }
}

Laid lay_discovered(const ConfigSource& source, const Discovered& discovered,
                    const std::set<BackendName>& left_out) {
  Laid laid{source.read, source.origin, 0, {}};
  laid.last_line = static_cast<uint32_t>(std::ranges::count(source.text, '\n')) + 1;
  if (discovered.empty()) return laid;
  for (size_t i = 0; i < laid.config.pools.size(); ++i) {
    const auto found = discovered.find(laid.config.pools[i].name);
    if (found != discovered.end()) lay_pool(laid, i, found->second, left_out);
  }
  return laid;
}

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

void lay_schedulers(Config& config, const std::map<std::string, Scheduler>& schedulers) {
  for (ServiceConfig& service : config.services) {
    const auto found = schedulers.find(service.name);
    if (found != schedulers.end()) service.scheduler = found->second;
  }
}

std::string texts_of(const Edits& edits) {
  std::string all;
  for (const auto& [key, edit] : edits)
    all += (all.empty() ? "" : ", ") + edit.name.text() + " " + edit.text();
  return all;
}

// Errors of discovered backends name them for leaving out; all others stay errors.
void sort_errors(const Laid& laid, std::vector<Diagnostic> errors, Merge& merged,
                 std::set<BackendName>& left_out) {
  merged.errors.clear();
  for (Diagnostic& error : errors) {
    if (error.position.line <= laid.last_line) {
      merged.errors.push_back(
          error.text() + (merged.edits.empty() ? "" : " (with the edits " + texts_of(merged.edits) + ")"));
      continue;
    }
    const Added& added = laid.added[error.position.line - laid.last_line - 1];
    left_out.insert({added.pool, added.backend});
    const std::string where = error.file + ":" + std::to_string(added.pool_position.line) + ":" +
                              std::to_string(added.pool_position.column);
    merged.refused.push_back(where + ": pool `" + added.pool + "`, discovered backend `" + added.backend +
                             "`: " + error.message);
  }
}

// From here on a discovered backend stands where its pool does.
void point_into_text(Laid& laid) {
  for (PoolConfig& pool : laid.config.pools) {
    for (BackendConfig& backend : pool.backends) {
      if (backend.position.line > laid.last_line) backend.position = pool.position;
    }
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
  const ConfigSource& source = state.source();
  std::set<BackendName> left_out;
  Merge merged;
  // Each round leaves at least one backend more out, or is the last.
  for (;;) {
    Laid laid = lay_discovered(source, discovered, left_out);
    merged.dropped.clear();
    merged.edits.clear();
    lay_edits(laid.config, state.edits, merged);
    lay_schedulers(laid.config, state.schedulers);
    Report report(source.text, source.file);
    validate_config(laid.config, laid.origin, report);
    std::vector<Diagnostic> errors = report.take_errors();
    if (errors.empty()) {
      point_into_text(laid);
      merged.config = std::move(laid.config);
      return merged;
    }
    const size_t before = left_out.size();
    sort_errors(laid, std::move(errors), merged, left_out);
    if (left_out.size() == before) return merged;
    merged.errors.clear();
  }
}

std::optional<BaseBackend> base_backend(const DesiredState& state, const Discovered& discovered,
                                        const BackendName& name) {
  const ConfigSource& source = state.source();
  const auto in = [&](const std::vector<BackendConfig>& backends) -> const BackendConfig* {
    const auto found = std::ranges::find(backends, name.backend, &BackendConfig::name);
    return found == backends.end() ? nullptr : &*found;
  };
  const auto pool = std::ranges::find(source.read.pools, name.pool, &PoolConfig::name);
  if (pool == source.read.pools.end()) return std::nullopt;
  if (const BackendConfig* backend = in(pool->backends)) return BaseBackend{*backend, false};
  const auto found = discovered.find(name.pool);
  if (found == discovered.end()) return std::nullopt;
  if (const BackendConfig* backend = in(found->second)) return BaseBackend{*backend, true};
  return std::nullopt;
}

}  // namespace shunt
