#include "control/daemon.h"

#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "control/config_load.h"
#include "control/exit_codes.h"
#include "control/logging.h"
#include "control/memory_plan.h"
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

// The file's bytes, whatever they are, become a key. Without a file it is the same fixed one everywhere.
Result<HashKey> read_cluster_key(const std::string& path) {
  std::string bytes = "shunt default cluster key";
  if (!path.empty()) {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.is_open() || file.bad()) return Error{"[node] cluster_key_file", path + ": can't be read"};
    if (bytes.size() < 16) return Error{"[node] cluster_key_file", path + ": at least 16 bytes are needed"};
  }
  const HashKey low{
      {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL, 0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL}};
  const HashKey high{
      {0x452821e638d01377ULL, 0xbe5466cf34e90c6cULL, 0xc0ac29b7c97c50ddULL, 0x3f84d5b5b5470917ULL}};
  const Hash128 first = keyed_hash(low, bytes.data(), bytes.size());
  const Hash128 second = keyed_hash(high, bytes.data(), bytes.size());
  return HashKey{{first.low, first.high, second.low, second.high}};
}

// A tap's MAC is made from the names, so that it is the same after every start: neighbours remember it.
MacAddress tap_mac(const std::string& node, const std::string& port) {
  const std::string name = node + "/" + port;
  const Hash128 hash = keyed_hash(HashKey{{1, 2, 3, 4}}, name.data(), name.size());
  MacAddress mac;
  std::memcpy(mac.bytes.data(), &hash.low, mac.bytes.size());
  mac.bytes[0] = 0x02;  // locally administered, unicast
  return mac;
}

MacAddress second_mac(MacAddress mac) {
  mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] | 0x02U) ^ 0x04U);
  return mac;
}

// The CPUs that this process may use.
std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// Without the workers'; all of them where nothing would be left.
std::vector<unsigned> control_cpus(const std::vector<uint32_t>& workers) {
  const std::vector<unsigned> all = allowed_cpus();
  std::vector<unsigned> rest;
  std::ranges::copy_if(all, std::back_inserter(rest),
                       [&](unsigned cpu) { return std::ranges::find(workers, cpu) == workers.end(); });
  return rest.empty() ? all : rest;
}

// Else the workers' threads would fail, later and one by one.
Result<> check_worker_cpus(const std::vector<uint32_t>& workers) {
  const std::vector<unsigned> all = allowed_cpus();
  for (const uint32_t cpu : workers) {
    if (std::ranges::find(all, cpu) != all.end()) continue;
    return Error{"[dataplane] workers",
                 "CPU " + std::to_string(cpu) + " isn't one that shuntd may use (see nproc and taskset -p)"};
  }
  return Ok{};
}

void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Daemon::Daemon(Config config) : config_(std::move(config)) {}

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
  auto key = read_cluster_key(config_.node.cluster_key_file);
  if (!key) return key.error();
  compiler_ = std::make_unique<Compiler>(key.value());
  // Signals are ours before anything is made that a signal's default would leave behind.
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  wait_for_signal();
  if (auto opened = open_engine(exit_code); !opened) return opened;
  if (auto opened = open_network(); !opened) return opened;
  return start_control();
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
    far_ends.push_back(tap.empty() ? std::nullopt : network_->mac_of(tap));
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
  if (auto set = compiler_->set_config(config_, monotonic_ns()); !set) return set;
  health_ = std::make_unique<HealthMonitor>(
      io_.get_executor(), [this](const HealthChange& change) { on_health(change); }, monotonic_ns());
  compile_and_publish();
  if (auto started = engine_->start(network_->fds()); !started) return started;
  update_health_targets();
  view_ = std::make_unique<StatusView>(*this);
  auto api = ApiServer::start(io_, *view_, config_.api.listen);
  if (!api) return api.error();
  api_ = api.take();
  tick();
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    spdlog::info("port {} ({}): MAC {}, driver {}", config_.ports[i].name, config_.ports[i].device,
                 engine_->ports()[i].mac().text(), engine_->ports()[i].driver());
  }
  spdlog::info("{} services on {} workers; {}", config_.services.size(), config_.dataplane.workers.size(),
               memory_.hugepages ? "hugepages" : "ordinary memory");
  return Ok{};
}

void Daemon::run() {
  io_.run();
}

void Daemon::stop() {
  if (api_) api_->stop();
  if (health_) health_->stop();
  if (engine_) engine_->stop();
  if (network_) network_->remove();
  signals_.cancel();
  timer_.cancel();
  api_.reset();
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
    std::vector<PairRange> freed;
    if (compiler_->advance(engine_->progress(), monotonic_ns(), freed)) request_compile();
    engine_->zero_rows(freed);
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
  update_wanted_neighbours(published);
  update_vip_routes();
  spdlog::debug("published generation {}", published.generation);
}

// Next hops of backends, and gateways by which clients are reached.
void Daemon::update_wanted_neighbours(const Snapshot& snapshot) {
  wanted_.clear();
  const auto want = [&](const Route& route, const IpAddress& address) {
    if (!snapshot.ports[route.port].gateway_mac) wanted_.emplace(route.port, route.gateway.value_or(address));
  };
  for (const auto& [name, pool] : compiler_->registry().pools()) {
    for (const auto& backend : pool.backends) {
      if (!backend || !backend->is_present()) continue;
      if (const Route* route = snapshot.routes->find(backend->config.address))
        want(*route, backend->config.address);
    }
  }
  for (const Route& route : snapshot.routes->routes()) {
    if (route.gateway) want(route, *route.gateway);
  }
  network_->want_neighbours(wanted_);
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

void Daemon::update_vip_routes() {
  std::map<Prefix, HostNetwork::VipRoute> routes;
  for (const auto& [key, record] : compiler_->registry().services()) {
    const ServiceConfig& service = record.config;
    if (service.unserved == Unserved::punt) continue;  // a node address: the kernel's own
    std::optional<uint8_t> at;
    for (uint8_t i = 0; i < config_.ports.size(); ++i) {
      if (!network_->has_interface(i)) continue;
      const bool inside = std::ranges::any_of(config_.ports[i].addresses, [&](const Prefix& subnet) {
        return subnet.contains(service.address.address);
      });
      if (inside || !at) at = i;
      if (inside) break;
    }
    if (!at) continue;
    const bool announced = service.announce == Announce::route && is_fit(service);
    auto [route, fresh] =
        routes.try_emplace(service.address, HostNetwork::VipRoute{service.address, *at, announced});
    if (!fresh) route->second.announced &= announced;  // fit when each of its services is
  }
  std::set<HostNetwork::VipRoute> wanted;
  for (const auto& [vip, route] : routes)
    wanted.insert(route);
  network_->set_vip_routes(wanted, config_.routes);
}

void Daemon::update_health_targets() {
  std::map<std::string, uint16_t> service_ports;
  for (const ServiceConfig& service : config_.services) {
    for (const std::string& pool : {service.pool, service.backup_pool}) {
      if (!pool.empty() && service.port != 0) service_ports.try_emplace(pool, service.port);
    }
  }
  std::vector<HealthTarget> targets;
  for (const PoolConfig& pool : config_.pools) {
    if (!pool.health) continue;
    for (const BackendConfig& backend : pool.backends) {
      uint16_t port = pool.health->port != 0 ? pool.health->port : backend.port;
      if (port == 0) port = service_ports[pool.name];
      if (port == 0) continue;  // no service uses the pool: nothing depends on it
      targets.push_back({pool.name, backend.name, backend.address, port, *pool.health, std::nullopt});
    }
  }
  health_->set_targets(std::move(targets));
}

void Daemon::on_health(const HealthChange& change) {
  const bool up = change.to != HealthState::down;
  if (up) {
    spdlog::info("backend {}/{} is up: {}", change.pool, change.backend, change.reason);
  } else {
    spdlog::warn("backend {}/{} is down: {}", change.pool, change.backend, change.reason);
  }
  compiler_->set_health(change.pool, change.backend, up);
  request_compile();  // also where nothing else changed: a first result may make a VIP fit
}

std::vector<std::string> Daemon::needs_restart(const Config& next) const {
  std::vector<std::string> reasons;
  const auto unless = [&](bool same, const std::string& what) {
    if (!same) reasons.push_back(what + " can't be changed while shuntd runs: restart it");
  };
  unless(next.node.runtime_dir == config_.node.runtime_dir, "[node] runtime_dir");
  unless(next.node.cluster_key_file == config_.node.cluster_key_file, "[node] cluster_key_file");
  unless(next.dataplane == config_.dataplane, "[dataplane]");
  unless(next.api.listen == config_.api.listen, "[api] listen");
  unless(next.routes == config_.routes, "[routes]");
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
  if (auto set = compiler_->set_config(*loaded.config, monotonic_ns()); !set)
    return refuse({set.error().text()});
  config_ = std::move(*loaded.config);
  if (auto set = network_->set_addresses(config_); !set) spdlog::warn("{}", set.error().text());
  compiler_->set_kernel(network_->view());
  update_health_targets();
  compile_and_publish();
  report.accepted = true;
  report.generation = compiler_->generation();
  report.text = "generation " + std::to_string(report.generation) + ": " +
                std::to_string(config_.services.size()) + " services, " +
                std::to_string(config_.pools.size()) + " pools";
  last_reload_ = {std::chrono::system_clock::now(), true, report.text};
  spdlog::info("reloaded {}: {}", config_.file, report.text);
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
