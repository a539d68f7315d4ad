// Rules of [[service]] that look at one service and the pools it names.
#include <algorithm>
#include <map>
#include <tuple>

#include "common/did_you_mean.h"
#include "control/config_validate.h"

namespace shunt {
namespace {

// A pool whose name is missing or unreadable may be the one meant: then the name isn't called unknown too.
bool all_pools_named(const Validation& all) {
  return std::all_of(all.origin.pools.begin(), all.origin.pools.end(),
                     [](const PoolOrigin& pool) { return pool.has("name"); });
}

void validate_pool_name(const std::string& name, SourcePosition position, Validation& all) {
  if (all.pool_by_name.contains(name) || !all_pools_named(all)) return;
  std::vector<std::string_view> names;
  for (const PoolConfig& pool : all.config.pools)
    names.push_back(pool.name);
  all.report.error(DiagnosticId::unknown_pool, position, "there is no pool " + tick(name),
                   did_you_mean(name, names));
}

void validate_pool_names(const ServiceConfig& service, const ServiceOrigin& origin, Validation& all) {
  if (origin.has("pool")) validate_pool_name(service.pool, origin.of("pool"), all);
  if (!origin.has("backup_pool")) return;
  if (origin.has("pool") && service.pool == service.backup_pool) {
    all.report.error(DiagnosticId::backup_is_pool, origin.of("backup_pool"),
                     "`backup_pool` is the pool itself: it must be another one");
  } else {
    validate_pool_name(service.backup_pool, origin.of("backup_pool"), all);
  }
}

void validate_address(const ServiceConfig& service, const ServiceOrigin& origin, Report& report) {
  if (!origin.has("address")) return;
  const SourcePosition position = origin.of("address");
  const std::string text = tick(service.address.text());
  if (service.address.length < kWidestVip) {
    report.error(DiagnosticId::wide_vip, position,
                 text + " is too wide: a prefix of VIPs must be /8 or longer");
  } else if (!can_be_vip(service.address)) {
    report.error(DiagnosticId::unusable_address, position, text + " can't be a VIP");
  }
}

void validate_duplicates(Validation& all) {
  std::map<std::tuple<Prefix, Protocol, uint16_t>, size_t> first;
  for (size_t i = 0; i < all.config.services.size(); ++i) {
    const ServiceConfig& service = all.config.services[i];
    const ServiceOrigin& origin = all.origin.services[i];
    const bool known = origin.has("address") && origin.has("port") == origin.given("port") &&
                       origin.has("protocol") == origin.given("protocol");
    if (!known) continue;
    const auto [earlier, is_new] = first.try_emplace({service.address, service.protocol, service.port}, i);
    if (is_new) continue;
    const std::string port = service.port == 0 ? "every port" : "port " + std::to_string(service.port);
    all.report.error(
        DiagnosticId::duplicate_service, origin.of("address"),
        tick(service.address.text()) + " " + (service.protocol == Protocol::tcp ? "tcp " : "udp ") + port +
            " is already service " + tick(all.config.services[earlier->second].name) + ", in line " +
            std::to_string(all.origin.services[earlier->second].of("address").line));
  }
}

void warn_of_announce_min(const ServiceConfig& service, const ServiceOrigin& origin, const Validation& all) {
  if (!origin.has("announce_min") || !origin.has("pool")) return;
  size_t backends = 0;
  for (const size_t pool : all.pools_of(service)) {
    if (all.config.pools[pool].discovery) return;  // nobody knows how many there will be
    backends += all.config.pools[pool].backends.size();
  }
  if (service.announce_min <= backends) return;
  all.report.warning(DiagnosticId::announce_min_unreachable, origin.of("announce_min"),
                     "the pools of service " + tick(service.name) + " have " + std::to_string(backends) +
                         (backends == 1 ? " backend" : " backends") + ": the VIP is never fit");
}

// Somebody who writes it expects another header than the one that backends get.
void validate_gue_variant(const ServiceConfig& service, const ServiceOrigin& origin, Report& report) {
  if (!origin.has("gue_variant") || origin.has("forward") != origin.given("forward")) return;
  if (service.forward == Forward::gue) return;
  report.error(DiagnosticId::gue_variant_without_gue, origin.of("gue_variant"),
               "`gue_variant` is for gue, and service " + tick(service.name) + " forwards otherwise",
               "`forward = \"gue\"`, or leave it out");
}

// Who writes both expects one of them to lose.
void validate_hash(ServiceConfig& service, const ServiceOrigin& origin, Report& report) {
  const bool by_source = service.scheduler == Scheduler::source_hash;
  if (by_source && origin.has("hash") && service.hash != HashInput::source) {
    report.error(DiagnosticId::source_hash_of_flow, origin.of("hash"),
                 "`scheduler = \"source-hash\"` looks at the client's address, and `hash` says otherwise",
                 "leave `hash` out, or write `scheduler = \"maglev\"`");
  }
  if (by_source) service.hash = HashInput::source;
  const bool known =
      origin.has("scheduler") == origin.given("scheduler") && origin.has("hash") == origin.given("hash");
  if (!known || service.hash == HashInput::source) return;
  for (const std::string_view key : {"source_prefix4", "source_prefix6"}) {
    if (!origin.has(key)) continue;
    report.warning(DiagnosticId::source_prefix_ignored, origin.of(key),
                   tick(key) + " is ignored: it is for `hash = \"source\"`");
  }
}

// A service may change its way of forwarding with the next edit: what has no effect is no error.
void warn_of_ignored(const ServiceConfig& service, const ServiceOrigin& origin, Report& report) {
  if (origin.has("dscp") && origin.has("forward") == origin.given("forward") &&
      !encapsulates(service.forward)) {
    report.warning(
        DiagnosticId::dscp_ignored, origin.of("dscp"),
        "`dscp` is ignored: it is for the outer header, and service " + tick(service.name) + " has none");
  }
  if (origin.has("mss_clamp") && origin.has("protocol") && service.protocol == Protocol::udp) {
    report.warning(DiagnosticId::mss_clamp_ignored, origin.of("mss_clamp"),
                   "`mss_clamp` is ignored: it is for TCP, and service " + tick(service.name) + " is UDP");
  }
}

}  // namespace

void validate_services(Validation& all) {
  validate_names(all.config.services, all.origin.services, "service", all.report);
  validate_duplicates(all);
  for (size_t i = 0; i < all.config.services.size(); ++i) {
    ServiceConfig& service = all.config.services[i];
    const ServiceOrigin& origin = all.origin.services[i];
    validate_hash(service, origin, all.report);
    validate_pool_names(service, origin, all);
    validate_address(service, origin, all.report);
    validate_gue_variant(service, origin, all.report);
    warn_of_announce_min(service, origin, all);
    warn_of_ignored(service, origin, all.report);
  }
}

}  // namespace shunt
