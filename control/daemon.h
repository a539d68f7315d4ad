// Daemon: the control thread. Holds the desired state (file, health, kernel), makes snapshots of it, and
// publishes them.
//
// Everything that changes something ends in request_compile(): one compile and one publication for all that
// came in one turn of the event loop. No call here is ever waited for by a worker.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "control/api_server.h"
#include "control/compiler.h"
#include "control/config.h"
#include "control/discovery_monitor.h"
#include "control/event_log.h"
#include "control/health_monitor.h"
#include "control/host_network.h"
#include "control/kernel_wants.h"
#include "control/packet_engine.h"
#include "control/status.h"
#include "control/status_view.h"

namespace shunt {

class Daemon {
 public:
  explicit Daemon(Config config);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Brings everything up. An error says where, what and the next step; `*exit_code` what to exit with.
  Result<> start(int* exit_code);
  // Until SIGTERM or SIGINT. SIGHUP reloads.
  void run();
  void stop();

  ReloadReport reload();

 private:
  friend class StatusView;

  Result<> lock_runtime_dir();
  bool interrupted();
  Result<> open_engine(int* exit_code);
  Result<> open_network();
  Result<> start_control();
  void wait_for_signal();
  void tick();
  void request_compile();
  void compile_and_publish();
  void on_health(const HealthChange& change);
  // Takes over what the file says, together with what discovery says of its pools now.
  Result<> take_config(const Config& file);
  void on_discovered();
  void say_refused(const std::vector<RefusedBackend>& refused);
  bool is_fit(const ServiceConfig& service) const;
  std::vector<std::string> needs_restart(const Config& next) const;
  std::vector<std::string> not_ready() const;

  Config config_;       // in effect
  Config file_config_;  // the file's part of it
  UniqueFd lock_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_};
  boost::asio::steady_timer timer_{io_};
  MemoryPlan memory_;
  std::unique_ptr<HostNetwork> network_;
  std::unique_ptr<PacketEngine> engine_;
  EventLog events_;
  std::unique_ptr<Compiler> compiler_;
  std::unique_ptr<HealthMonitor> health_;
  std::unique_ptr<DiscoveryMonitor> discovery_;
  std::vector<RefusedBackend> refused_;  // of what discovery says now
  std::unique_ptr<StatusView> view_;
  std::unique_ptr<ApiServer> api_;
  std::set<NextHopKey> wanted_;
  bool compile_requested_ = false;
  bool eal_started_ = false;
  uint64_t ticks_ = 0;
  std::chrono::steady_clock::time_point started_;
  WallTime started_at_;
  LastReload last_reload_;
};

}  // namespace shunt
