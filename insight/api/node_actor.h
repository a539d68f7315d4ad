// NodeActor: asks a node's shuntd to change something.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace shunt::insight {

struct NodeAction {
  std::string node;  // its name
  std::string method;
  std::string path;  // of shuntd's API
  std::string body;  // JSON; empty: none
};
struct NodeReply {
  unsigned status = 0;  // 0: no answer
  std::optional<uint64_t> generation;
  std::string error;  // why not, in words; empty: done
};

class NodeActor {
 public:
  using Done = std::function<void(NodeReply)>;
  virtual ~NodeActor() = default;
  // Calls `done` once, on the caller's thread, now or later.
  virtual void act(const NodeAction& action, Done done) = 0;
};

}  // namespace shunt::insight
