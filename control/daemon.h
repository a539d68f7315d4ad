// Daemon: the control thread. Holds the desired state (file, health, kernel), makes snapshots of it, and
// publishes them.
//
// Whatever changes the desired state goes through the reconciler, which publishes it. What is observed
// (health, the kernel) ends in request_compile(): one compile and one publication for all that came in one
// turn of the event loop. No call here is ever waited for by a worker.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "control/announcer.h"
#include "control/api_server.h"
#include "control/balance_keeper.h"
#include "control/compiler.h"
#include "control/config.h"
#include "control/discovery_monitor.h"
#include "control/drain_watch.h"
#include "control/event_log.h"
#include "control/health_monitor.h"
#include "control/host_network.h"
#include "control/kernel_wants.h"
#include "control/packet_engine.h"
#include "control/panic_watch.h"
#include "control/passive_watch.h"
#include "control/reconciler.h"
#include "control/status.h"
#include "control/status_view.h"

namespace shunt {

class Daemon {
 public:
  // `source`: the file that the configuration was read from.
  Daemon(Config config, std::shared_ptr<const ConfigSource> source);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Brings everything up. An error says where, what and the next step; `*exit_code` what to exit with.
  Result<> start(int* exit_code);
  // Until SIGTERM or SIGINT. SIGHUP reloads.
  void run();
  void stop();

  // `who` asked for it: "file" for SIGHUP.
  ReloadReport reload(const std::string& who);
  // Of one service, or of all where `service` is empty. Lasts until the file is read again.
  ReloadReport set_scheduler(const std::string& service, const std::string& scheduler,
                             const std::string& who);
  // Standby or not: ARP, ND and routes of all VIPs.
  void set_announcing(bool on, const std::string& who);

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
  void start_reconciler(const HashKey& cluster_key);
  Result<uint64_t> publish_config(const Config& next, bool whole);
  ActiveFlows active_flows() const;
  void start_discovery();
  void on_discovered(const std::string& what);
  void on_health(const HealthChange& change);
  void watch_passive();
  void tell_panic();
  void watch_drains();
  Fitness fitness(const ServiceConfig& service) const;
  void update_routes();
  void begin_stop(const char* why);
  std::vector<std::string> needs_restart(const Config& next) const;
  std::vector<std::string> not_ready() const;

  Config config_;  // in effect
  UniqueFd lock_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_};
  boost::asio::steady_timer timer_{io_};
  boost::asio::steady_timer stop_timer_{io_};
  MemoryPlan memory_;
  std::unique_ptr<HostNetwork> network_;
  std::unique_ptr<PacketEngine> engine_;
  EventLog events_;
  std::unique_ptr<Compiler> compiler_;
  DesiredState first_state_;
  std::unique_ptr<Reconciler> reconciler_;
  std::string observed_;  // of late, in words: why the next publication is made
  std::unique_ptr<HealthMonitor> health_;
  std::unique_ptr<PassiveWatch> passive_;
  PanicWatch panic_;
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<DiscoveryMonitor> discovery_;
  std::unique_ptr<StatusView> view_;
  std::unique_ptr<ApiServer> api_;
  BalanceKeeper balance_;
  DrainWatch drains_;
  std::set<NextHopKey> wanted_;
  bool compile_requested_ = false;
  bool eal_started_ = false;
  uint64_t ticks_ = 0;
  std::chrono::steady_clock::time_point started_;
  WallTime started_at_;
  LastReload last_reload_;
};

}  // namespace shunt
