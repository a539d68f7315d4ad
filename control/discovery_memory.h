// DiscoveryMemory: the last answer of each pool, kept over restarts in `state_dir/discovered/POOL.json`.
//
// A file is replaced as a whole by a rename, and one that can't be read as a whole counts as none. It isn't
// synced to the disk: losing it costs a start without backends until discovery answers. Bound: a file of 16
// MiB.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/config.h"
#include "control/status.h"

namespace shunt {

struct RememberedAnswer {
  std::string source;  // discovery_text(): another source's answer means nothing
  WallTime at;
  std::vector<BackendConfig> backends;
};

class DiscoveryMemory {
 public:
  // Empty: nothing is kept.
  explicit DiscoveryMemory(const std::string& state_dir);

  // Nothing where there is no file; an error where there is one that can't be used.
  Result<std::optional<RememberedAnswer>> load(const std::string& pool) const;
  Result<> save(const std::string& pool, const RememberedAnswer& answer) const;
  void forget(const std::string& pool) const;

 private:
  std::string path(const std::string& pool) const;
  std::string folder_;
};

}  // namespace shunt
