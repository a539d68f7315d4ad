#include "control/daemon.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
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
#include "control/guard_message.h"
#include "control/health_targets.h"
#include "control/logging.h"
#include "control/memory_plan.h"
#include "control/node_identity.h"
#include "dataplane/dpdk_eal.h"

namespace shunt {
namespace {

constexpr auto kTick = std::chrono::milliseconds(10);
constexpr uint64_t kSlowTicks = 10;  // every tenth tick: what may take its time
constexpr uint64_t kSecondTicks = 100;
constexpr auto kReachPatience = std::chrono::seconds(1);

uint64_t monotonic_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string counted(size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

ApiSettings api_settings(const Config& config) {
  const ApiConfig& api = config.api;
  return {api.listen,  api.token_file,        api.tls_certificate,
          api.tls_key, config.log.audit_file, api.simple_writes};
}

// At most a quarter of the descriptors: the rest is for checks, ports and the kernel.
ApiLimits api_limits() {
  ApiLimits limits;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0)
    limits.tcp_connections = std::min<size_t>(limits.tcp_connections, files.rlim_cur / 4);
  return limits;
}

void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Daemon::Daemon(Config config, std::shared_ptr<const ConfigSource> source)
    : config_(std::move(config)), first_state_{std::move(source), nullptr, {}} {}

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
  FirstState first = first_state(first_state_.file, config_, config_.node.state_dir + "/edits.toml");
  for (const std::string& note : first.notes) {
    spdlog::warn("{}", note);
    events_.add("edits.start", config_.node.state_dir + "/edits.toml", note);
  }
  first_state_ = std::move(first.state);
  config_ = std::move(first.config);
  auto key = read_cluster_key(config_.node.cluster_key_file);
  if (!key) return key.error();
  start_reconciler(key.value());
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
  announcer_ = std::make_unique<Announcer>(config_.node.standby, network_->announced_before());
  compiler_->set_answering(announcer_->on());
  return network_->follow([this] {
    compiler_->set_kernel(network_->view());
    request_compile();
  });
}

Result<> Daemon::start_control() {
  compiler_->set_kernel(network_->view());
  start_discovery();
  if (auto set = compiler_->set_config(config_, monotonic_ns()); !set) return set;
  health_ = std::make_unique<HealthMonitor>(
      io_.get_executor(), [this](const HealthChange& change) { on_health(change); }, monotonic_ns());
  compile_and_publish();
  reconciler_->started(compiler_->generation());
  if (auto started = engine_->start(network_->fds()); !started) return started;
  passive_ = std::make_unique<PassiveWatch>(*engine_, *compiler_);
  health_->set_targets(health_targets(config_, compiler_->probes()));
  view_ = std::make_unique<StatusView>(*this);
  auto api = ApiServer::start(io_, {*view_, events_}, api_settings(config_), api_limits());
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
  GuardMessage started;
  started.ready = true;
  started.orders = GuardOrders{config_.routes.protocol, config_.dataplane.restart_grace, network_->indices()};
  tell_supervisor(started);
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
  stop_timer_.cancel();
  api_.reset();
  discovery_.reset();
  health_.reset();
  passive_.reset();
  engine_.reset();
  if (eal_started_) stop_eal();
  eal_started_ = false;
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      begin_stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
    } else if (api_) {
      reload("file");
    }
    wait_for_signal();
  });
}

// At once; or, where routes are announced and [routes] stop_wait says so, when they have been gone for so
// long.
void Daemon::begin_stop(const char* why) {
  GuardMessage ending;
  ending.stopping = true;
  const milliseconds wait = config_.routes.stop_wait;
  const bool waits = api_ && wait.count() > 0 && !announcer_->stopping() && !announcer_->routes().empty();
  if (!waits) {
    spdlog::info("{}: stopping", why);
    tell_supervisor(ending);
    return io_.stop();
  }
  spdlog::info("{}: routes are withdrawn; stopping in {} ms, or at a second signal", why, wait.count());
  ending.status = "routes are withdrawn; packets are still forwarded";
  tell_supervisor(ending);
  announcer_->stop();
  update_routes();
  stop_timer_.expires_after(wait);
  stop_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) io_.stop();
  });
}

void Daemon::tick() {
  engine_->take_questions(
      [this](const NeighbourQuestion& question) { network_->ask(question.port, question.address); });
  balance_.tick(engine_->workers(), monotonic_ns());
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
    watch_drains();
    view_->sample();
  }
  if (ticks_ % kSecondTicks == 0) watch_passive();
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
    reconciler_->observed(compiler_->generation(), std::exchange(observed_, {}));
  });
}

void Daemon::compile_and_publish() {
  auto snapshot = compiler_->compile(monotonic_ns());
  const Snapshot& published = *snapshot;  // lives at least until the next publication
  engine_->publish(std::move(snapshot));
  engine_->reclaim();
  balance_.set_plan(compiler_->registry());
  wanted_ = wanted_next_hops(compiler_->registry(), published);
  network_->want_neighbours(wanted_);
  network_->set_groups(wanted_groups(published));
  update_routes();
  tell_panic();
  spdlog::debug("published generation {}", published.generation);
}

void Daemon::watch_drains() {
  using News = DrainWatch::News;
  const auto tell = [this](News news, const std::string& pool, const BackendRecord& backend, uint64_t flows) {
    const std::string subject = pool + "/" + backend.config.name;
    const std::string left = counted(flows, "flow");
    switch (news) {
      case News::begun:
        return events_.add("drain.begun", subject, left + " left");
      case News::ended:
        spdlog::info("backend {} has drained", subject);
        return events_.add("drain.ended", subject, "its last flow has ended");
      case News::time_over:
        spdlog::warn("backend {}: its drain is over, {} were left", subject, left);
        return events_.add("drain.over", subject, left + " left when its time was over");
    }
  };
  drains_.look(compiler_->registry(), engine_->workers(), monotonic_ns(), tell);
}

void Daemon::update_routes() {
  if (!health_) return;  // what the kernel tells may be compiled before there are services
  const auto judge = [this](const ServiceConfig& service) { return fitness(service); };
  for (RouteEvent& event : announcer_->update(config_, judge)) {
    spdlog::info("{} {}: {}", event.kind, event.subject, event.text);
    events_.add(std::move(event.kind), std::move(event.subject), std::move(event.text));
  }
  auto routes = wanted_vip_routes(config_, announcer_->routes());
  routes.merge(wanted_probe_routes(config_));
  network_->set_vip_routes(routes, config_.routes);
}

void Daemon::set_announcing(bool on, const std::string& who) {
  if (announcer_->on() == on) return;
  spdlog::info("VIPs are {} from now on, says {}", on ? "announced" : "not announced", who);
  events_.add(on ? "announce.on" : "announce.off", who,
              on ? "VIPs are announced" : "standby: no VIP is answered for, or has a route");
  announcer_->set_on(on);
  compiler_->set_answering(on);
  compile_and_publish();
  reconciler_->observed(compiler_->generation(), on ? "announce on" : "announce off");
}

// Routes wait for first results, and follow the checks, never panic.
Fitness Daemon::fitness(const ServiceConfig& service) const {
  Fitness fitness;
  fitness.needed = service.announce_min;
  for (const std::string& name : {service.pool, service.backup_pool}) {
    const auto pool = compiler_->registry().pools().find(name);
    if (name.empty() || pool == compiler_->registry().pools().end()) continue;
    for (const auto& backend : pool->second.backends) {
      if (!backend || !backend->is_member()) continue;
      ++fitness.members;
      const auto status = health_->status(name, backend->config.name);
      if (!pool->second.config.health || (status && status->state == HealthState::up && status->share > 0)) {
        ++fitness.up;
      } else if (!status || status->state == HealthState::unknown) {
        ++fitness.waiting;
      }
    }
  }
  return fitness;
}

void Daemon::on_health(const HealthChange& change) {
  const bool up = change.to != HealthState::down;
  const std::string who = change.pool + "/" + change.backend;
  if (change.to == change.from) {
    const std::string text =
        fmt::format("asks for {:.0f} % of its usual new flows: {}", 100 * change.share, change.reason);
    spdlog::info("backend {} {}", who, text);
    events_.add("backend.share", who, text);
  } else if (up) {
    spdlog::info("backend {} is up: {}", who, change.reason);
    events_.add("backend.up", who, change.reason);
  } else {
    spdlog::warn("backend {} is down: {}", who, change.reason);
    events_.add("backend.down", who, change.reason);
  }
  observed_ = change.pool + "/" + change.backend + (up ? " is up" : " is down");
  compiler_->set_health(change.pool, change.backend, up);
  compiler_->set_asked_share(change.pool, change.backend, change.share);
  request_compile();  // also where nothing else changed: a first result may make a VIP fit
}

// What a pool's source said before the start is there from the first snapshot on: flows keep their backends.
void Daemon::start_discovery() {
  discovery_ = std::make_unique<DiscoveryMonitor>(
      io_.get_executor(), config_.node.state_dir,
      DiscoveryMonitor::Hooks{
          [this](const std::string& what) { on_discovered(what); },
          [this](const std::string& kind, const std::string& pool, const std::string& text) {
            spdlog::info("{} {}: {}", kind, pool, text);
            events_.add(kind, pool, text);
          },
          {},
          {}});
  discovery_->set_sources(config_);
  config_ = reconciler_->begin(discovery_->discovered());
}

void Daemon::on_discovered(const std::string& what) {
  const ChangeAnswer answer = reconciler_->discovered(discovery_->discovered(), what);
  for (const std::string& warning : answer.warnings)
    spdlog::warn("{}", warning);
  if (answer.accepted()) return;
  spdlog::error("what discovery found is refused: {}",
                answer.errors.empty() ? answer.text : answer.errors.front());
}

void Daemon::watch_passive() {
  const bool changed =
      passive_->update([this](const std::string& pool, const PassiveEvidence::Change& change) {
        const std::string text =
            fmt::format("given {} % of its usual new flows{}", change.accept * 100 / kAcceptAll,
                        change.reason.empty() ? "" : ": " + change.reason);
        spdlog::warn("backend {}/{} is {}", pool, change.backend, text);
        events_.add("backend.passive", pool + "/" + change.backend, text);
      });
  if (changed) request_compile();
}

void Daemon::tell_panic() {
  std::vector<PanicWatch::Seen> seen;
  for (const ServiceConfig& service : config_.services)
    seen.push_back({&service, compiler_->condition({service.address, service.protocol, service.port})});
  for (PanicEvent& event : panic_.update(seen)) {
    spdlog::warn("service {}: {}", event.subject, event.text);
    events_.add(std::move(event.kind), std::move(event.subject), std::move(event.text));
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
  unless(next.node.standby == config_.node.standby, "[node] standby");
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

void Daemon::start_reconciler(const HashKey& cluster_key) {
  reconciler_ = std::make_unique<Reconciler>(
      first_state_, config_.node.state_dir + "/edits.toml", cluster_key, events_,
      ReconcilerWiring{[this](const Config& next) { return needs_restart(next); },
                       [this](const Config& next, bool whole) { return publish_config(next, whole); },
                       [this]() -> const Config& { return config_; },
                       [this] { return compiler_->generation(); }, [this] { return active_flows(); }});
}

// The last step of every change of the desired state. Neither an edit nor what was discovered changes
// anything that the kernel has to be asked about.
Result<uint64_t> Daemon::publish_config(const Config& next, bool whole) {
  std::function<void()> use_access = [] {};
  if (whole && api_) {
    auto access = api_->prepare(api_settings(next));
    if (!access) return access.error();
    use_access = access.take();
  }
  if (auto set = compiler_->set_config(next, monotonic_ns()); !set) return set.error();
  use_access();
  config_ = next;
  if (whole) {
    set_logging(config_.log);
    network_->distrust_routes();
    if (auto set = network_->set_addresses(config_); !set) spdlog::warn("{}", set.error().text());
    compiler_->set_kernel(network_->view());
    discovery_->set_sources(config_);
  }
  health_->set_targets(health_targets(config_, compiler_->probes()));
  compile_and_publish();
  return compiler_->generation();
}

ActiveFlows Daemon::active_flows() const {
  ActiveFlows flows;
  for (const ServiceStatus& service : view_->services()) {
    flows.services[service.name] = service.active_flows;
    for (const BackendStatus& backend : service.backends)
      flows.backends[{backend.pool, backend.name}] += backend.active_flows;
  }
  return flows;
}

ReloadReport Daemon::reload(const std::string& who) {
  const std::string file = reconciler_->state().file->file;
  const ChangeAnswer answer = reconciler_->reload(load_config_file(file), who);
  ReloadReport report;
  report.accepted = answer.accepted();
  report.generation = answer.generation;
  report.errors = answer.errors.empty() && !report.accepted ? std::vector{answer.text} : answer.errors;
  report.warnings = answer.warnings;
  if (!report.accepted) {
    for (const std::string& error : report.errors)
      spdlog::error("reload refused: {}", error);
    report.text = "refused; generation " + std::to_string(report.generation) + " goes on";
    last_reload_ = {std::chrono::system_clock::now(), false, report.errors.front()};
    events_.add("reload.refused", file, report.errors.front());
    return report;
  }
  report.text = counted(config_.services.size(), "service") + ", " + counted(config_.pools.size(), "pool") +
                "; " + answer.text;
  last_reload_ = {std::chrono::system_clock::now(), true, report.text};
  events_.add("reload.accepted", file, report.text);
  spdlog::info("reloaded {}: generation {}, {}", file, report.generation, report.text);
  return report;
}

ReloadReport Daemon::set_scheduler(const std::string& service, const std::string& scheduler,
                                   const std::string& who) {
  ChangeAnswer answer = reconciler_->set_scheduler(service, scheduler, who);
  ReloadReport report;
  report.accepted = answer.accepted();
  report.generation = answer.generation;
  report.text = std::move(answer.text);
  report.errors = std::move(answer.errors);
  report.warnings = std::move(answer.warnings);
  return report;
}

std::vector<std::string> Daemon::not_ready() const {
  std::vector<std::string> reasons;
  if (announcer_->stopping()) reasons.emplace_back("it is stopping: routes are withdrawn");
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
