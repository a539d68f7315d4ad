#include "control/compiler.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "control/maglev.h"
#include "control/outer_template.h"
#include "control/rendezvous.h"
#include "dataplane/flow_table.h"
#include "dataplane/icmp_message.h"
#include "dataplane/probation_table.h"

namespace shunt {
namespace {

uint16_t table_seconds(seconds duration) {
  return static_cast<uint16_t>(std::min<int64_t>(duration.count(), kMaxFlowTimeoutSeconds));
}

// The same contents as last time keep their old place in memory, warm in the workers' caches.
template <typename T>
std::shared_ptr<const T> reuse_if_equal(std::shared_ptr<const T> old, T fresh) {
  if (old && *old == fresh) return old;
  return std::make_shared<const T>(std::move(fresh));
}

BalanceBy balance_by(Scheduler scheduler) {
  switch (scheduler) {
    case Scheduler::round_robin:
      return BalanceBy::turn;
    case Scheduler::least_connections:
      return BalanceBy::connections;
    case Scheduler::least_response_time:
      return BalanceBy::response_time;
    default:
      return BalanceBy::slot;
  }
}

std::array<uint8_t, 16> leading_bits(unsigned bits) {
  std::array<uint8_t, 16> mask{};
  for (unsigned i = 0; i < bits; ++i)
    mask[i / 8] = static_cast<uint8_t>(mask[i / 8] | 0x80U >> (i % 8));
  return mask;
}

}  // namespace

Result<> Compiler::set_config(const Config& config, uint64_t now_ns) {
  Registry next = registry_;
  if (auto applied = next.apply(config, now_ns); !applied) return applied;
  if (auto assigned = probes_.assign(config); !assigned) return assigned;
  registry_ = std::move(next);
  config_ = config;
  topology_changed_ = true;
  return Ok{};
}

void Compiler::set_ports(std::vector<PortRuntime> ports) {
  ports_ = std::move(ports);
  topology_changed_ = true;
}

void Compiler::set_kernel(KernelView view) {
  kernel_ = std::move(view);
  topology_changed_ = true;
}

BackendHealth* Compiler::health_of(const std::string& pool, const std::string& backend) {
  const auto record = registry_.pools().find(pool);
  if (record == registry_.pools().end()) return nullptr;
  for (const auto& candidate : record->second.backends) {
    if (!candidate || !candidate->is_active() || candidate->config.name != backend) continue;
    std::vector<BackendHealth>& health = health_[pool];
    health.resize(std::max(health.size(), record->second.backends.size()));
    return &health[candidate->number];
  }
  return nullptr;
}

template <typename T>
bool Compiler::change_health(const std::string& pool, const std::string& backend, T BackendHealth::* member,
                             T value) {
  BackendHealth* const health = health_of(pool, backend);
  if (health == nullptr || health->*member == value) return false;
  health->*member = value;
  changed_pools_.insert(pool);
  return true;
}

bool Compiler::set_health(const std::string& pool, const std::string& backend, bool up) {
  return change_health(pool, backend, &BackendHealth::up, up);
}

bool Compiler::set_asked_share(const std::string& pool, const std::string& backend, double share) {
  const long parts = std::lround(std::clamp(share, 0.0, 1.0) * kAcceptAll);
  const auto asked = static_cast<uint16_t>(share > 0 ? std::max(parts, 1L) : 0);
  return change_health(pool, backend, &BackendHealth::asked, asked);
}

bool Compiler::set_trusted(const std::string& pool, const std::string& backend, uint16_t accept) {
  const auto trusted = std::clamp<uint16_t>(accept, 1, kAcceptAll);
  return change_health(pool, backend, &BackendHealth::trusted, trusted);
}

bool Compiler::set_path_mtu(const IpAddress& backend, uint16_t mtu, uint64_t now_ns) {
  const auto has = [&](const auto& entry) {
    return std::ranges::any_of(entry.second.backends, [&](const auto& each) {
      return each && each->is_present() && each->config.address == backend;
    });
  };
  if (!std::ranges::any_of(registry_.pools(), has)) return false;
  if (!path_mtus_.note(backend, mtu, now_ns)) return false;
  topology_changed_ = true;
  return true;
}

bool Compiler::advance(const SweepProgress& progress, uint64_t now_ns, std::vector<PairRange>& freed_rows) {
  mark_aged(now_ns);
  if (path_mtus_.expire(now_ns)) topology_changed_ = true;
  if (registry_.waiting() && registry_.advance(progress, generation_, now_ns, freed_rows)) {
    topology_changed_ = true;
    // A number or a pool's name that has become free must not hand its health to who gets it next.
    std::erase_if(health_, [&](const auto& entry) { return !registry_.pools().contains(entry.first); });
    for (const auto& [name, pool] : registry_.pools())
      note_acceptance(pool, health_[name], now_ns);
  }
  return topology_changed_ || !changed_pools_.empty();
}

// A backend that has accepted nobody for longer than its drain is passed over from now on; one that came up a
// moment ago takes a little more.
void Compiler::mark_aged(uint64_t now_ns) {
  for (const auto& [name, health] : health_) {
    const auto pool = registry_.pools().find(name);
    const auto part = parts_.find(name);
    if (pool == registry_.pools().end() || part == parts_.end()) continue;
    const auto drain_ns = static_cast<uint64_t>(pool->second.config.drain.count()) * 1'000'000'000U;
    const PoolChoice& choice = *part->second.choice[static_cast<size_t>(ChoiceMode::up_only)];
    for (size_t number = 0; number < std::min(health.size(), choice.passed_over.size()); ++number) {
      const uint64_t since = health[number].refused_since_ns;
      const bool passed_now = since != 0 && now_ns - since > drain_ns && choice.passed_over[number] == 0;
      const bool rises = choice.accept[number] != 0 &&
                         choice.accept[number] != risen(pool->second.config, health[number], now_ns);
      if (passed_now || rises) changed_pools_.insert(name);
    }
  }
}

const std::vector<BackendHealth>* Compiler::health(const std::string& pool) const {
  const auto found = health_.find(pool);
  return found == health_.end() ? nullptr : &found->second;
}

const ServiceCondition* Compiler::condition(const ServiceKey& key) const {
  const auto found = conditions_.find(key);
  return found == conditions_.end() ? nullptr : &found->second;
}

std::pair<uint32_t, uint32_t> Compiler::slots_of(const std::string& pool, uint16_t number) const {
  const auto part = parts_.find(pool);
  if (part == parts_.end()) return {0, 0};
  for (const SlotPart& slots : part->second.slots) {
    if (slots.owned) return {number < slots.owned->size() ? (*slots.owned)[number] : 0, slots.slots};
  }
  return {0, 0};
}

Compiler::Construction Compiler::construction_of(const ServiceConfig& service) {
  return service.scheduler == Scheduler::rendezvous ? Construction::rendezvous : Construction::maglev;
}

void Compiler::refresh_needs() {
  needs_.clear();
  for (const auto& [key, record] : registry_.services()) {
    const ServiceConfig& config = record.config;
    for (const std::string& pool : {config.pool, config.backup_pool}) {
      if (pool.empty()) continue;
      PoolNeeds& needs = needs_[pool];
      needs.tables[static_cast<size_t>(construction_of(config))] = true;
      needs.turns |= config.scheduler == Scheduler::round_robin;
      needs.counts |= goes_by_load(config.scheduler);
    }
  }
  for (const auto& [name, pool] : registry_.pools()) {
    PoolNeeds& needs = needs_[name];
    needs.counts |= has_limits(pool);
    // Somebody's, so that what a pool would look like can be seen.
    if (std::ranges::none_of(needs.tables, std::identity{})) needs.tables.front() = true;
  }
}

void Compiler::refresh_slots(const PoolRecord& pool, Construction construction, SlotPart& slots) {
  std::vector<SlotMember> members;
  for (const auto& backend : pool.backends) {
    if (!backend || !backend->is_active()) continue;
    members.push_back(
        {backend->config.address, backend->config.port, backend->config.weight, backend->number});
  }
  if (slots.owners && slots.members == members && slots.slots == pool.config.slots) return;
  slots.members = members;
  slots.slots = pool.config.slots;
  const auto build = construction == Construction::rendezvous ? build_rendezvous : build_maglev;
  slots.owners =
      std::make_shared<const std::vector<uint16_t>>(build(members, pool.config.slots, cluster_key_));
  std::vector<uint32_t> owned(pool.backends.size());
  for (const uint16_t number : *slots.owners)
    ++owned[number];
  slots.owned = std::make_shared<const std::vector<uint32_t>>(std::move(owned));
}

void Compiler::refresh_choices(const PoolRecord& pool, PoolPart& part,
                               const std::vector<BackendHealth>& health, uint64_t now_ns) {
  for (const ChoiceMode mode : {ChoiceMode::up_only, ChoiceMode::everybody}) {
    auto& choice = part.choice[static_cast<size_t>(mode)];
    choice =
        reuse_if_equal(choice, make_choice(pool, health, mode, now_ns, needs_.at(pool.config.name).turns));
  }
}

void Compiler::refresh_routes() {
  std::vector<Route> routes = kernel_.routes;
  // A port that asks no kernel sends everything to its gateway; so does one whose kernel has no route of its
  // own.
  for (uint8_t i = 0; i < config_.ports.size(); ++i) {
    if (!config_.ports[i].gateway_mac) continue;
    for (const Prefix& address : config_.ports[i].addresses) {
      routes.push_back({{address.network(), address.length}, i, std::nullopt});
    }
    routes.push_back({*Prefix::parse("0.0.0.0/0"), i, std::nullopt});
    routes.push_back({*Prefix::parse("::/0"), i, std::nullopt});
  }
  shared_.routes = std::make_shared<const RouteTable>(routes);
  shared_.neighbours = std::make_shared<const NeighbourTable>(kernel_.neighbours);
}

// The way out's own source; a port without one borrows the first that there is.
const Prefix* Compiler::encap_source_for(uint8_t port, Family family) const {
  const auto source_of = [family](const PortConfig& config) -> const Prefix* {
    const auto& source = family == Family::ipv4 ? config.encap_source : config.encap_source6;
    return source ? &*source : nullptr;
  };
  if (const Prefix* own = source_of(config_.ports[port])) return own;
  for (const PortConfig& other : config_.ports) {
    if (const Prefix* source = source_of(other)) return source;
  }
  return nullptr;
}

// IPv6 is carried in packets of 1,280 bytes wherever it goes (RFC 8200 5): no router's word makes that less.
uint16_t Compiler::path_mtu_for(const BackendConfig& backend, Family inner, uint8_t outer_bytes) const {
  const auto least = static_cast<uint16_t>(inner == Family::ipv6 ? kLeastMtu6 + outer_bytes : 0);
  return std::max(path_mtus_.of(backend.address), least);
}

Destination Compiler::destination_for(const BackendConfig& backend, const Travel& travel) const {
  const Forward forward = travel.forward;
  Destination destination;
  destination.present = true;
  destination.address = backend.address;
  destination.change = change_for(forward, travel.gue_variant, backend.address.family());
  destination.outer_bytes = outer_bytes_of(destination.change);
  if (backend.address.is_v4()) destination.address4 = backend.address.v4();
  destination.backend_port = be16(backend.port);
  const Route* route = shared_.routes->find(backend.address);
  const bool pinned = forward == Forward::l2 && backend.mac.has_value();
  if (route == nullptr && !(pinned && config_.ports.size() == 1)) return destination;
  destination.has_route = true;
  destination.port = route != nullptr ? route->port : uint8_t{0};
  const PortConfig& port = config_.ports[destination.port];
  destination.mtu = port.mtu;
  destination.on_link = pinned || !route->gateway;
  const IpAddress next_hop = route != nullptr ? route->gateway.value_or(backend.address) : backend.address;
  const MacAddress* mac = shared_.neighbours->find(destination.port, next_hop);
  if (port.gateway_mac) mac = &*port.gateway_mac;
  if (pinned) mac = &*backend.mac;
  if (mac != nullptr) {
    destination.has_mac = true;
    std::ranges::copy(mac->bytes, destination.head.begin());
    std::ranges::copy(ports_[destination.port].mac.bytes, destination.head.begin() + 6);
  }
  bool fit = destination.has_mac && (forward != Forward::l2 || destination.on_link);
  if (destination.outer_bytes != 0) {
    destination.mtu = std::min(destination.mtu, path_mtu_for(backend, travel.inner, destination.outer_bytes));
    const Prefix* source = encap_source_for(destination.port, backend.address.family());
    if (source == nullptr) return destination;  // `check` refuses that
    const unsigned spread_bits = std::min(32U, backend.address.bits() - source->length);
    destination.source_spread_mask = spread_bits == 0 ? 0 : 0xffffffffU >> (32U - spread_bits);
    seal_outer(destination, source->network(), forward, travel.inner);
    if (travel.dscp) {
      destination.class_kept = 0x03;  // RFC 3168: ECN
      destination.class_set = static_cast<uint8_t>(*travel.dscp << 2U);
    }
  } else if (forward == Forward::nat || forward == Forward::l2) {
    fit = fit && (forward == Forward::l2 || backend.address.family() == travel.inner);
  }
  if (fit && destination.mtu > destination.outer_bytes)
    destination.longest = static_cast<uint16_t>(destination.mtu - destination.outer_bytes);
  return destination;
}

const std::vector<Destination>& Compiler::refresh_destinations(const PoolRecord& pool, PoolPart& part,
                                                               const Travel& travel) {
  DestinationPart& shared = part.destinations[travel];
  auto& kept = shared.list;
  if (kept && (!topology_changed_ || shared.checked == generation_)) return *kept;
  shared.checked = generation_;
  std::vector<Destination> fresh(pool.backends.size());
  for (const auto& backend : pool.backends) {
    if (!backend || !backend->keeps_flows()) continue;
    Destination& destination = fresh[backend->number];
    destination = destination_for(backend->config, travel);
    // A route that went with its link leaves the last known way: the device may still send, and the link
    // comes back.
    if (destination.has_route || !kept || backend->number >= kept->size()) continue;
    const Destination& last = (*kept)[backend->number];
    if (last.has_route && last.address == destination.address) destination = last;
  }
  return *(kept = reuse_if_equal(kept, std::move(fresh)));
}

void Compiler::refresh_condition(const ServiceRecord& record) {
  const ServiceConfig& config = record.config;
  ServiceCondition condition;
  condition.pool = parts_.at(config.pool).condition;
  const bool has_backup = !config.backup_pool.empty();
  if (has_backup) condition.backup = parts_.at(config.backup_pool).condition;
  condition.rule = rule_for(condition.pool, has_backup ? &condition.backup : nullptr,
                            registry_.pools().at(config.pool).config.panic);
  conditions_[{config.address, config.protocol, config.port}] = condition;
}

void Compiler::fill_service(Service& service, const ServiceRecord& record, Snapshot& snapshot) {
  const ServiceConfig& config = record.config;
  service.id = record.id;
  service.protocol = config.protocol;
  service.forward = config.forward;
  service.vip = config.address;
  service.port = be16(config.port);
  service.cuts = config.too_big == TooBig::fragment;
  service.mss_clamp = config.mss_clamp;
  service.plain_state = config.protocol == Protocol::tcp ? TcpState::established : TcpState::none;
  service.exact_key = config.address.address.is_v4() && config.address.is_host() && config.port != 0;
  service.timeout_s.fill(table_seconds(config.timeouts.fin));
  service.timeout_s[static_cast<size_t>(TcpState::none)] = table_seconds(config.timeouts.udp);
  service.timeout_s[static_cast<size_t>(TcpState::established)] = table_seconds(config.timeouts.established);
  service.timeout_s[static_cast<size_t>(TcpState::reset)] = kResetTimeoutSeconds;
  service.plain_timeout_s = service.timeout_s[static_cast<size_t>(service.plain_state)];
  service.timeout_s[static_cast<size_t>(TcpState::watched)] = service.plain_timeout_s;
  service.timeout_s[static_cast<size_t>(TcpState::revived)] = service.plain_timeout_s;
  const uint32_t sample = config.sample.value_or(config_.telemetry.sample);
  service.hashes_source = config.hash == HashInput::source;
  const std::array<uint8_t, 16> mask4 = leading_bits(config.source_prefix4);
  const std::array<uint8_t, 16> mask6 = leading_bits(config.source_prefix6);
  service.source_mask4 = load<uint32_t>(mask4.data());
  service.source_mask6[0] = load<uint64_t>(mask6.data());
  service.source_mask6[1] = load<uint64_t>(mask6.data() + 8);
  service.sample_below = sample == 0 ? 0 : std::max(65'536U / sample, 1U);
  service.syn_timeout_ms = static_cast<uint32_t>(config.timeouts.syn.count() * 1000);
  service.udp_timeout_ms = static_cast<uint32_t>(config.timeouts.udp.count() * 1000);

  refresh_condition(record);
  const ServiceCondition& condition = conditions_.at({config.address, config.protocol, config.port});
  service.panic = condition.rule.mode == ChoiceMode::everybody;
  const std::string& chosen = condition.rule.use_backup ? config.backup_pool : config.pool;
  for (uint8_t i = 0; i < kPoolPositions; ++i) {
    const PoolPosition& position = record.positions[i];
    const auto known = registry_.pools().find(position.pool);
    if (known != registry_.pools().end() && known->second.config.drain_policy == DrainPolicy::reset)
      service.resets = static_cast<uint8_t>(service.resets | 1U << i);
    if (position.pool.empty() || position.departure.presence == Presence::gone) continue;
    const PoolRecord& pool = registry_.pools().at(position.pool);
    PoolPart& part = parts_[position.pool];
    const bool is_chosen = position.pool == chosen && position.departure.presence == Presence::active;
    const PoolChoice& choice =
        *part.choice[static_cast<size_t>(is_chosen ? condition.rule.mode : ChoiceMode::up_only)];
    const std::vector<Destination>& destinations = refresh_destinations(
        pool, part, {config.forward, config.gue_variant, config.address.address.family(), config.dscp});
    service.pools[i] = {destinations.data(), choice.accept.data(), static_cast<uint32_t>(destinations.size()),
                        position.pairs.first};
    if (!is_chosen) continue;
    service.choice_pool = i;
    fill_choice(service, config, part, condition.rule.mode, needs_.at(position.pool).counts, snapshot);
  }
}

// Who of the chosen pool gets a new flow.
void Compiler::fill_choice(Service& service, const ServiceConfig& config, const PoolPart& part,
                           ChoiceMode mode, bool counts, Snapshot& snapshot) {
  const PoolChoice& choice = *part.choice[static_cast<size_t>(mode)];
  const std::vector<uint16_t>& owners = *part.slots[static_cast<size_t>(construction_of(config))].owners;
  service.choice = {owners.data(),
                    static_cast<uint32_t>(owners.size()),
                    choice.accept.data(),
                    choice.passed_over.data(),
                    choice.running_sum.data(),
                    choice.numbers.data(),
                    static_cast<uint32_t>(choice.numbers.size())};
  const Balance balance{balance_by(config.scheduler), counts,
                        choice.share.data(),          choice.limit.empty() ? nullptr : choice.limit.data(),
                        choice.turns.data(),          static_cast<uint32_t>(choice.turns.size())};
  service.opens_plainly = !service.panic && !owners.empty() && service.forward != Forward::nat && !counts &&
                          balance.by_slot_alone();
  if (balance.by_slot_alone() && !counts) return;
  const auto part_of_snapshot = std::make_shared<const Balance>(balance);
  snapshot.parts.push_back(part_of_snapshot);
  service.balance = part_of_snapshot.get();
}

void Compiler::refresh_topology() {
  refresh_routes();
  refresh_ports();
  refresh_addresses();
  refresh_vips();
  refresh_announced();
  refresh_probes();
  refresh_needs();
  std::erase_if(parts_, [&](const auto& entry) { return !registry_.pools().contains(entry.first); });
  std::erase_if(health_, [&](const auto& entry) { return !registry_.pools().contains(entry.first); });
  std::erase_if(conditions_, [&](const auto& entry) { return !registry_.services().contains(entry.first); });
}

void Compiler::refresh_pools(uint64_t now_ns) {
  for (const auto& [name, pool] : registry_.pools()) {
    if (!topology_changed_ && !changed_pools_.contains(name)) continue;
    std::vector<BackendHealth>& health = health_[name];
    note_acceptance(pool, health, now_ns);
    PoolPart& part = parts_[name];
    for (const Construction construction : {Construction::maglev, Construction::rendezvous}) {
      const auto kind = static_cast<size_t>(construction);
      if (needs_[name].tables[kind]) {
        refresh_slots(pool, construction, part.slots[kind]);
      } else {
        part.slots[kind] = {};
      }
    }
    refresh_choices(pool, part, health, now_ns);
    part.condition = condition_of(pool, health);
  }
}

std::unique_ptr<const Snapshot> Compiler::compile(uint64_t now_ns) {
  if (topology_changed_) refresh_topology();
  refresh_pools(now_ns);
  auto snapshot = std::make_unique<Snapshot>(shared_);
  snapshot->generation = ++generation_;
  snapshot->cluster_key = cluster_key_;
  snapshot->least_probation_ms = kMidFlowLifetimeMs;
  snapshot->least_timeout_s = kMaxFlowTimeoutSeconds;
  snapshot->answer_rate = config_.icmp.rate;
  for (const auto& [key, record] : registry_.services()) {
    if (snapshot->services.size() <= record.id) snapshot->services.resize(record.id + 1U);
    Service& service = snapshot->services[record.id];
    fill_service(service, record, *snapshot);
    snapshot->least_probation_ms =
        std::min({snapshot->least_probation_ms, service.syn_timeout_ms, service.udp_timeout_ms});
    snapshot->least_timeout_s = std::min<uint32_t>(snapshot->least_timeout_s, service.plain_timeout_s);
    snapshot->clamps_mss |= record.config.mss_clamp != 0;
    snapshot->encapsulates |= encapsulates(record.config.forward);
  }
  for (const auto& [name, part] : parts_) {
    for (const SlotPart& slots : part.slots)
      snapshot->parts.push_back(slots.owners);
    for (const auto& choice : part.choice)
      snapshot->parts.push_back(choice);
    for (const auto& [kind, destinations] : part.destinations)
      snapshot->parts.push_back(destinations.list);
  }
  topology_changed_ = false;
  changed_pools_.clear();
  return snapshot;
}

}  // namespace shunt
