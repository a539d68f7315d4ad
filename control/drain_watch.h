// DrainWatch notices when a backend that takes no new flows has lost its last one, and when its time is over.
//
// Owner: the control thread; asked a few times a second. Only flows of the connection table count. One that
// was half-open when the drain began may get there yet, so no drain ends before the longest time in which a
// service of the pool remembers openings has passed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "control/registry.h"
#include "dataplane/worker_state.h"

namespace shunt {

class DrainWatch {
 public:
  enum class News : uint8_t {
    begun,      // `flows` are left
    ended,      // the last one went
    time_over,  // `drain` has passed, and `flows` were left
  };
  using Tell =
      std::function<void(News news, const std::string& pool, const BackendRecord& backend, uint64_t flows)>;

  void look(const Registry& registry, std::span<const WorkerState* const> workers, uint64_t now_ns,
            const Tell& tell);

 private:
  struct Draining {
    uint64_t since_ns = 0;
    bool ended = false;
    bool over = false;
    bool seen = true;
  };
  std::map<std::pair<std::string, uint16_t>, Draining> known_;  // by pool and number
};

}  // namespace shunt
