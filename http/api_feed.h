// ApiFeedCursor: where a viewer (a WebSocket) is in what it is told, and what comes next.
//
// Owner: the server's thread. Nothing is queued for a viewer: a slow one is given the newest, or told how
// much it missed.
#pragma once

#include <memory>
#include <string>

namespace shunt {

class ApiFeedCursor {
 public:
  virtual ~ApiFeedCursor() = default;
  // The next message; nullptr: none yet, `wake` is called when there is.
  virtual std::shared_ptr<const std::string> next() = 0;
};

}  // namespace shunt
