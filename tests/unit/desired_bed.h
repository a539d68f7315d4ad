// A reconciler over a configuration file in a folder of its own, with a daemon that only remembers.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "control/reconciler.h"

namespace shunt {

// web: web-1 (weight 1, said), web-2 (no weight said); api: an inline backend. One service on each.
inline constexpr std::string_view kDesiredText = R"([[port]]
name = "net0"
device = "tap:net0"
host_interface = "shunt0"
addresses = ["192.0.2.2/24", "10.255.0.1/8"]

[[pool]]
name = "web"  # the shop
slots = 251
drain = "5m"
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"
weight = 1  # was 2
  [[pool.backend]]
  name = "web-2"
  address = "10.0.0.12" # rack 4

[[pool]]
name = "api"
slots = 251
backend = [{ name = "api-1", address = "10.0.1.1" }]

[[service]]
name = "web"
address = "198.51.100.10"
port = 80
pool = "web"
[[service]]
name = "api"
address = "198.51.100.11"
port = 443
pool = "api"
)";

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class DesiredBed {
 public:
  explicit DesiredBed(std::string_view text = kDesiredText) {
    char name[] = "/tmp/shunt-desired-XXXXXX";
    folder = mkdtemp(name);
    write(text);
    start();
  }
  ~DesiredBed() { std::filesystem::remove_all(folder); }
  DesiredBed(const DesiredBed&) = delete;
  DesiredBed& operator=(const DesiredBed&) = delete;

  void write(std::string_view text) const { std::ofstream(file(), std::ios::binary) << text; }
  static std::string read(const std::string& path) {
    const std::ifstream from(path, std::ios::binary);
    std::ostringstream text;
    text << from.rdbuf();
    return text.str();
  }
  std::string file() const { return folder + "/shunt.toml"; }
  std::string edits_file() const { return folder + "/state/edits.toml"; }

  // As shuntd does; also again, after a kill -9.
  void start() {
    const LoadResult loaded = load_config_file(file());
    ASSERT_TRUE(loaded.config) << loaded.errors.front().text();
    FirstState first = first_state(loaded.source, *loaded.config, edits_file());
    notes = first.notes;
    running = first.config;
    reconciler = std::make_unique<Reconciler>(
        first.state, edits_file(), HashKey{{1, 2, 3, 4}}, events,
        ReconcilerWiring{[this](const Config&) { return reasons; },
                         [this](const Config& next, bool) -> Result<uint64_t> {
                           if (!publish_error.empty()) return Error{"pool \"web\"", publish_error};
                           running = next;
                           return ++generation;
                         },
                         [this]() -> const Config& { return running; }, [this] { return generation; },
                         [this] { return flows; }});
    reconciler->started(++generation);
  }
  ChangeAnswer reload() { return reconciler->reload(load_config_file(file()), "file"); }

  const BackendConfig& backend(const std::string& pool, const std::string& name) const {
    static const BackendConfig none;
    for (const PoolConfig& each : running.pools) {
      if (each.name != pool) continue;
      for (const BackendConfig& candidate : each.backends) {
        if (candidate.name == name) return candidate;
      }
    }
    ADD_FAILURE() << "no backend " << pool << "/" << name;
    return none;
  }
  std::vector<std::string> event_kinds() const {
    std::vector<std::string> kinds;
    for (const Event& event : events.after(0))
      kinds.push_back(event.kind);
    return kinds;
  }

  std::string folder;
  Config running;
  uint64_t generation = 0;
  std::vector<std::string> notes;    // of the start
  std::vector<std::string> reasons;  // that the daemon refuses for
  std::string publish_error;
  ActiveFlows flows;
  EventLog events;
  std::unique_ptr<Reconciler> reconciler;
};

}  // namespace shunt
