// FileDiscovery: a pool's backends in a TOML or JSON file that somebody else writes.
//
// Read when a writer closes it or it is replaced (inotify on its folder, so a rename and the symlinks of a
// Kubernetes ConfigMap are seen), and each `refresh` besides, where inotify sees nothing (NFS). A file that
// doesn't parse as a whole is an error: the last answer stays. Bound: 16 MiB. Cost: a read on the control
// thread for each change.
#pragma once

#include <memory>

#include "control/discovery_source.h"

namespace shunt {

class FileDiscovery : public DiscoverySource {
 public:
  FileDiscovery(const boost::asio::any_io_executor& executor, const DiscoveryConfig& config);
  ~FileDiscovery() override;
  void start(OnAnswer on_answer) override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

// The form of such a file: `backend`, a list of entries (discovery_entries.h). `path` tells TOML from JSON.
Result<DiscoveryAnswer> parse_discovery_file(const std::string& text, const std::string& path);

}  // namespace shunt
