// Session: one event as JSON in, its answer as JSON out (README.md has both).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/model/driver/live_node.h"

namespace shunt::model {

using Json = nlohmann::json;

// The event isn't one: a key is missing, of a wrong type, or unknown. Whoever wrote it is wrong, not shunt.
struct BadEvent : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Session {
 public:
  // Throws BadEvent. What a shunt would refuse (a bad configuration, an unknown backend) is an answer.
  Json handle(const Json& event);
  // After the last one: faults that show only when all is given back.
  std::vector<std::string> finish();

 private:
  Json reset();
  Json config(const Json& event);
  Json accept(const Json& event);
  Json neighbour(const Json& event);
  Json route(const Json& event);
  Json time(const Json& event);
  Json frame(const Json& event);
  Json frames(const Json& event);
  Json host_frame(const Json& event);
  Json spoil(const Json& event);

  Json start(const Config& config, const Json& event);
  Json reload(const Config& config, const Json& event);
  LiveNode& node();
  uint8_t port_of(const Json& event);
  Json answer(const Effects& effects, bool is_frame) const;

  FailureLog failures_;
  uint64_t now_ns_ = 1'000'000'000'000;
  std::vector<PortRuntime> ports_;
  std::optional<LiveNode> node_;
};

}  // namespace shunt::model
