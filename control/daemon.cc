#include "control/daemon.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "control/config_load.h"
#include "control/cpu_placement.h"
#include "control/exit_codes.h"
#include "control/health_targets.h"
#include "control/logging.h"
#include "control/memory_plan.h"
#include "control/node_identity.h"
#include "dataplane/dpdk_eal.h"

namespace shunt {
namespace {

constexpr auto kTick = std::chrono::milliseconds(10);
constexpr uint64_t kSlowTicks = 10;  // every tenth tick: what may take its time
constexpr auto kReachPatience = std::chrono::seconds(1);

uint64_t monotonic_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string counted(size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Daemon::Daemon(Config config) : config_(std::move(config)), file_config_(config_) {}

Daemon::~Daemon() {
  stop();
}

Result<> Daemon::start(int* exit_code) {
  *exit_code = kExitFailure;
  started_ = std::chrono::steady_clock::now();
  started_at_ = std::chrono::system_clock::now();
  last_reload_ = {started_at_, true, "start"};
  raise_open_files();
  if (geteuid() != 0 && std::ranges::any_of(config_.ports, [](const PortConfig& port) {
        return !port.device.starts_with("vdev:");
      })) {
    return Error{"shuntd", "opening taps and network cards needs root: run it with sudo"};
  }
  std::error_code failure;
  std::filesystem::create_directories(config_.node.runtime_dir, failure);
  if (failure) return Error{"[node] runtime_dir", config_.node.runtime_dir + ": " + failure.message()};
  if (auto locked = lock_runtime_dir(); !locked) return locked;
  auto key = read_cluster_key(config_.node.cluster_key_file);
  if (!key) return key.error();
  compiler_ = std::make_unique<Compiler>(key.value());
  // Signals are ours before anything is made that a signal's default would leave behind.
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  wait_for_signal();
  if (auto opened = open_engine(exit_code); !opened) return opened;
  if (interrupted()) return Ok{};
  if (auto opened = open_network(); !opened) return opened;
  if (interrupted()) return Ok{};
  return start_control();
}

// A signal that came while something was being made; run() then ends at once.
bool Daemon::interrupted() {
  io_.poll();
  return io_.stopped();
}

// Two shuntds in one runtime_dir would take each other's socket and leftovers.
Result<> Daemon::lock_runtime_dir() {
  const std::string path = config_.node.runtime_dir + "/lock";
  lock_ = UniqueFd(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (lock_.get() < 0) return Error{"[node] runtime_dir", path + ": " + std::strerror(errno)};
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{"[node] runtime_dir", config_.node.runtime_dir +
                                           " is in use by another shuntd: stop it, or give this one another"};
  }
  return Ok{};
}

Result<> Daemon::open_engine(int* exit_code) {
  if (auto checked = check_worker_cpus(config_.dataplane.workers); !checked) {
    *exit_code = kExitConfig;
    return checked;
  }
  auto plan = plan_memory(config_.dataplane.memory, memory_need(config_), free_hugepages());
  if (!plan) {
    *exit_code = kExitConfig;
    return plan.error();
  }
  memory_ = plan.take();
  if (!memory_.notice.empty()) spdlog::info("{}", memory_.notice);
  EalSettings settings;
  settings.hugepages = memory_.hugepages;
  settings.ordinary_mib = static_cast<uint32_t>((memory_.need.buffer_bytes >> 20U) + 32);
  settings.control_cpus = control_cpus(config_.dataplane.workers);
  // The same after every start in this runtime_dir, so that what a killed one left is used again, not added
  // to.
  const Hash128 instance =
      keyed_hash(HashKey{}, config_.node.runtime_dir.data(), config_.node.runtime_dir.size());
  settings.instance = "shunt-" + std::to_string(instance.low);
  settings.verbose = config_.log.level <= LogLevel::debug;
  for (const PortConfig& port : config_.ports) {
    if (is_pci_address(port.device)) settings.pci_addresses.push_back(port.device);
  }
  if (auto started = start_eal(settings, log_dpdk); !started) return started;
  eal_started_ = true;

  auto network = HostNetwork::open(io_);
  if (!network) return network.error();
  network_ = network.take();
  std::vector<std::optional<MacAddress>> macs;
  std::vector<std::optional<MacAddress>> far_ends;
  for (const PortConfig& port : config_.ports) {
    const std::string tap = tap_interface(port.device);
    macs.push_back(port.mac);
    auto far_end = tap.empty() ? std::optional<KernelLink>{} : network_->find_link(tap);
    if (far_end && far_end->open_queues > 0) {
      return Error{"port \"" + port.name + "\" (" + port.device + ")",
                   "another process has the tap open: is another shuntd running?"};
    }
    far_ends.push_back(far_end ? std::optional(far_end->mac) : std::nullopt);
    if (!tap.empty() && !port.mac) macs.back() = tap_mac(config_.node.name, port.name);
  }
  auto engine = PacketEngine::open(config_, memory_, macs);
  if (!engine) return engine.error();
  engine_ = engine.take();
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    const std::string tap = tap_interface(config_.ports[i].device);
    if (!tap.empty()) network_->prepare_far_end(tap, engine_->ports()[i].mac(), far_ends[i]);
  }
  return Ok{};
}

Result<> Daemon::open_network() {
  std::vector<MacAddress> macs;
  std::vector<MacAddress> host_macs;
  std::vector<PortRuntime> ports;
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    macs.push_back(engine_->ports()[i].mac());
    host_macs.push_back(second_mac(macs.back()));
    ports.push_back({macs[i], host_macs[i], !config_.ports[i].host_interface.empty()});
  }
  compiler_->set_ports(std::move(ports));
  if (auto opened = network_->open_interfaces(config_, macs, host_macs); !opened) return opened;
  return network_->follow([this] {
    compiler_->set_kernel(network_->view());
    request_compile();
  });
}

Result<> Daemon::start_control() {
  compiler_->set_kernel(network_->view());
  discovery_ = std::make_unique<DiscoveryMonitor>(
      io_.get_executor(), file_config_.node.state_dir,
      DiscoveryMonitor::Hooks{
          [this] { on_discovered(); },
          [this](const std::string& kind, const std::string& pool, const std::string& text) {
            spdlog::info("{} {}: {}", kind, pool, text);
            events_.add(kind, pool, text);
          },
          {},
          {}});
  discovery_->set_sources(file_config_);
  if (auto set = take_config(file_config_); !set) return set;
  health_ = std::make_unique<HealthMonitor>(
      io_.get_executor(), [this](const HealthChange& change) { on_health(change); }, monotonic_ns());
  compile_and_publish();
  if (auto started = engine_->start(network_->fds()); !started) return started;
  health_->set_targets(health_targets(config_));
  view_ = std::make_unique<StatusView>(*this);
  auto api = ApiServer::start(io_, *view_, config_.api.listen);
  if (!api) return api.error();
  api_ = api.take();
  tick();
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    spdlog::info("port {} ({}): MAC {}, driver {}", config_.ports[i].name, config_.ports[i].device,
                 engine_->ports()[i].mac().text(), engine_->ports()[i].driver());
  }
  spdlog::info("{} on {}; {}", counted(config_.services.size(), "service"),
               counted(config_.dataplane.workers.size(), "worker"),
               memory_.hugepages ? "hugepages" : "ordinary memory");
  return Ok{};
}

void Daemon::run() {
  io_.run();
}

void Daemon::stop() {
  if (api_) api_->stop();
  if (discovery_) discovery_->stop();
  if (health_) health_->stop();
  if (engine_) engine_->stop();
  if (network_) network_->remove();
  signals_.cancel();
  timer_.cancel();
  api_.reset();
  discovery_.reset();
  health_.reset();
  engine_.reset();
  if (eal_started_) stop_eal();
  eal_started_ = false;
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      spdlog::info("{}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
      return io_.stop();
    }
    if (api_) reload();
    wait_for_signal();
  });
}

void Daemon::tick() {
  engine_->take_questions(
      [this](const NeighbourQuestion& question) { network_->ask(question.port, question.address); });
  if (++ticks_ % kSlowTicks == 0) {
    engine_->reclaim();
    engine_->keep_telemetry();
    engine_->take_narrow_paths([this](const NarrowPath& path) {
      if (!compiler_->set_path_mtu(path.backend, path.mtu, monotonic_ns())) return;
      spdlog::info("the way to {} carries {} bytes, a router says; believed for 10 minutes",
                   path.backend.text(), path.mtu);
      request_compile();
    });
    std::vector<PairRange> freed;
    if (compiler_->advance(engine_->progress(), monotonic_ns(), freed)) request_compile();
    engine_->zero_rows(freed);
    engine_->zero_services(compiler_->take_freed_services());
    view_->sample();
  }
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void Daemon::request_compile() {
  if (compile_requested_) return;
  compile_requested_ = true;
  boost::asio::post(io_, [this] {
    compile_requested_ = false;
    compile_and_publish();
  });
}

void Daemon::compile_and_publish() {
  auto snapshot = compiler_->compile(monotonic_ns());
  const Snapshot& published = *snapshot;  // lives at least until the next publication
  engine_->publish(std::move(snapshot));
  engine_->reclaim();
  wanted_ = wanted_next_hops(compiler_->registry(), published);
  network_->want_neighbours(wanted_);
  network_->set_groups(wanted_groups(published));
  network_->set_vip_routes(
      wanted_vip_routes(config_, [this](const ServiceConfig& service) { return is_fit(service); }),
      config_.routes);
  spdlog::debug("published generation {}", published.generation);
}

// Routes wait for first results, and follow the checks, never panic.
bool Daemon::is_fit(const ServiceConfig& service) const {
  size_t up = 0;
  for (const std::string& name : {service.pool, service.backup_pool}) {
    const auto pool = compiler_->registry().pools().find(name);
    if (name.empty() || pool == compiler_->registry().pools().end()) continue;
    for (const auto& backend : pool->second.backends) {
      if (!backend || !backend->is_active() || backend->config.weight == 0) continue;
      const auto status = health_->status(name, backend->config.name);
      if (!pool->second.config.health || (status && status->state == HealthState::up)) ++up;
    }
  }
  return up >= service.announce_min;
}

void Daemon::on_health(const HealthChange& change) {
  const bool up = change.to != HealthState::down;
  if (up) {
    spdlog::info("backend {}/{} is up: {}", change.pool, change.backend, change.reason);
    events_.add("backend.up", change.pool + "/" + change.backend, change.reason);
  } else {
    spdlog::warn("backend {}/{} is down: {}", change.pool, change.backend, change.reason);
    events_.add("backend.down", change.pool + "/" + change.backend, change.reason);
  }
  compiler_->set_health(change.pool, change.backend, up);
  request_compile();  // also where nothing else changed: a first result may make a VIP fit
}

Result<> Daemon::take_config(const Config& file) {
  EffectiveConfig effective = with_discovered(file, discovery_->discovered());
  if (auto set = compiler_->set_config(effective.config, monotonic_ns()); !set) return set;
  file_config_ = file;
  config_ = std::move(effective.config);
  say_refused(effective.refused);
  refused_ = std::move(effective.refused);
  return Ok{};
}

void Daemon::on_discovered() {
  if (auto taken = take_config(file_config_); !taken) {
    spdlog::error("what discovery found is refused: {}", taken.error().text());
    events_.add("discovery.refused", "", taken.error().text());
    return;
  }
  health_->set_targets(health_targets(config_));
  request_compile();
}

// Each once, for as long as it lasts.
void Daemon::say_refused(const std::vector<RefusedBackend>& refused) {
  for (const RefusedBackend& backend : refused) {
    if (std::ranges::find(refused_, backend) != refused_.end()) continue;
    spdlog::warn("discovered backend {}/{} is refused: {}", backend.pool, backend.backend, backend.reason);
    events_.add("discovery.refused", backend.pool + "/" + backend.backend, backend.reason);
  }
}

std::vector<std::string> Daemon::needs_restart(const Config& next) const {
  std::vector<std::string> reasons;
  const auto unless = [&](bool same, const std::string& what) {
    if (!same) reasons.push_back(what + " can't be changed while shuntd runs: restart it");
  };
  unless(next.node.runtime_dir == config_.node.runtime_dir, "[node] runtime_dir");
  unless(next.node.name == config_.node.name, "[node] name");
  unless(next.node.state_dir == config_.node.state_dir, "[node] state_dir");
  unless(next.node.cluster_key_file == config_.node.cluster_key_file, "[node] cluster_key_file");
  unless(next.dataplane == config_.dataplane, "[dataplane]");
  unless(next.api.listen == config_.api.listen, "[api] listen");
  unless(next.routes == config_.routes, "[routes]");
  unless(next.fragments == config_.fragments, "[fragments]");
  const bool same_ports =
      std::ranges::equal(next.ports, config_.ports, [](const PortConfig& a, const PortConfig& b) {
        return a.name == b.name && a.device == b.device && a.host_interface == b.host_interface &&
               a.mac == b.mac && a.mtu == b.mtu;
      });
  unless(same_ports, "a [[port]]'s name, device, host_interface, mac or mtu");
  return reasons;
}

ReloadReport Daemon::reload() {
  ReloadReport report;
  const auto refuse = [&](std::vector<std::string> errors) {
    for (const std::string& error : errors)
      spdlog::error("reload refused: {}", error);
    report.errors = std::move(errors);
    report.generation = compiler_->generation();
    report.text = "refused; generation " + std::to_string(report.generation) + " goes on";
    last_reload_ = {std::chrono::system_clock::now(), false, report.errors.front()};
    events_.add("reload.refused", config_.file, report.errors.front());
    return report;
  };
  LoadResult loaded = load_config_file(config_.file);
  for (const Diagnostic& warning : loaded.warnings)
    report.warnings.push_back(warning.text());
  if (!loaded.config) {
    std::vector<std::string> errors;
    for (const Diagnostic& error : loaded.errors)
      errors.push_back(error.text());
    return refuse(std::move(errors));
  }
  if (auto reasons = needs_restart(*loaded.config); !reasons.empty()) return refuse(std::move(reasons));
  if (auto taken = take_config(*loaded.config); !taken) return refuse({taken.error().text()});
  discovery_->set_sources(file_config_);
  set_log_level(config_.log.level);
  network_->distrust_routes();
  if (auto set = network_->set_addresses(config_); !set) spdlog::warn("{}", set.error().text());
  compiler_->set_kernel(network_->view());
  health_->set_targets(health_targets(config_));
  compile_and_publish();
  report.accepted = true;
  report.generation = compiler_->generation();
  report.text = counted(config_.services.size(), "service") + ", " + counted(config_.pools.size(), "pool");
  last_reload_ = {std::chrono::system_clock::now(), true, report.text};
  events_.add("reload.accepted", config_.file, report.text);
  spdlog::info("reloaded {}: generation {}, {}", config_.file, report.generation, report.text);
  return report;
}

std::vector<std::string> Daemon::not_ready() const {
  std::vector<std::string> reasons;
  for (const auto& worker : engine_->progress().workers) {
    if (worker.generation == 0) reasons.emplace_back("a worker hasn't taken up its first snapshot");
  }
  if (std::chrono::steady_clock::now() - started_ > kReachPatience) return reasons;
  const KernelView view = network_->view();
  for (const auto& [port, address] : wanted_) {
    const bool known = std::ranges::any_of(
        view.neighbours,
        [&, p = port, a = address](const NeighbourRow& row) { return row.port == p && row.address == a; });
    if (!known) reasons.push_back("the MAC of next hop " + address.text() + " isn't known yet");
  }
  return reasons;
}

}  // namespace shunt
