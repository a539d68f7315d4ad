// Rules of [pool.health]: which keys go with which type, and what they may say.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "common/duration.h"
#include "control/config_validate.h"
#include "control/dns_name.h"
#include "control/option_rows.h"
#include "control/probe_bytes.h"

namespace shunt {
namespace {

using Types = std::initializer_list<HealthType>;

struct KeyRow {
  std::string_view key;
  Types types;
};

constexpr Types kHttp = {HealthType::http, HealthType::https};
constexpr Types kTls = {HealthType::https, HealthType::grpc};
constexpr Types kNamed = {HealthType::http, HealthType::https, HealthType::grpc};
constexpr Types kSending = {HealthType::tcp, HealthType::udp, HealthType::agent};
constexpr Types kReceiving = {HealthType::tcp, HealthType::udp};
constexpr Types kDns = {HealthType::dns};
constexpr Types kGrpc = {HealthType::grpc};
constexpr Types kWithPort = {HealthType::tcp, HealthType::http, HealthType::https, HealthType::udp,
                             HealthType::dns, HealthType::grpc, HealthType::agent};

// Keys that aren't here are for every type.
constexpr std::array kKeys = {
    KeyRow{"method", kHttp},       KeyRow{"path", kHttp},         KeyRow{"host", kNamed},
    KeyRow{"expect", kHttp},       KeyRow{"body", kHttp},         KeyRow{"tls", kGrpc},
    KeyRow{"verify", kTls},        KeyRow{"sni", kTls},           KeyRow{"ca_file", kTls},
    KeyRow{"send", kSending},      KeyRow{"receive", kReceiving}, KeyRow{"query", kDns},
    KeyRow{"query_type", kDns},    KeyRow{"rcode", kDns},         KeyRow{"answer", kDns},
    KeyRow{"grpc_service", kGrpc}, KeyRow{"port", kWithPort}};

// Where the messages are about one health table.
struct Health {
  const HealthConfig& config;
  const Origin& origin;
  Report& report;

  bool has(std::string_view key) const { return origin.has(key); }
  void error(DiagnosticId id, std::string_view key, const std::string& text, std::string hint = {}) const {
    report.error(id, origin.of(key), text, std::move(hint));
  }
};

std::string_view name_of(HealthType type) {
  for (const Choice& choice : find_option("pool.health", "type")->choices) {
    if (choice.value == static_cast<int>(type)) return choice.name;
  }
  return "?";
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void check_keys(const Health& health) {
  for (const KeyRow& row : kKeys) {
    if (!health.has(row.key) || std::ranges::find(row.types, health.config.type) != row.types.end()) continue;
    std::string types;
    for (const HealthType type : row.types) {
      if (!types.empty()) types += ", ";
      types += name_of(type);
    }
    health.error(DiagnosticId::other_health_type, row.key,
                 tick(row.key) + " isn't for " + std::string(name_of(health.config.type)) +
                     " checks: it goes with " + types);
  }
}

void check_http(const Health& health) {
  const HealthConfig& config = health.config;
  if (health.has("path") && (!config.path.starts_with('/') || !is_visible_ascii(config.path))) {
    health.error(DiagnosticId::bad_http_text, "path",
                 tick(config.path) + " isn't a path: it begins with / and has no blanks (write %20)");
  }
  if (health.has("host") && (config.host.empty() || !is_visible_ascii(config.host)))
    health.error(DiagnosticId::bad_http_text, "host", tick(config.host) + " isn't a host name");
  if (health.has("body") && config.body.empty())
    health.error(DiagnosticId::bad_probe_text, "body", "an empty `body` is in every answer");
  if (health.has("body") && config.method == HttpMethod::head)
    health.error(DiagnosticId::body_of_head, "body", "the answer to HEAD has no body",
                 "use `method = \"GET\"`");
}

void check_tls(const Health& health) {
  const HealthConfig& config = health.config;
  const bool tls_known = health.has("tls") == health.origin.given("tls");
  if (config.type == HealthType::grpc && !config.tls && tls_known) {
    for (const std::string_view key : {"verify", "sni", "ca_file"}) {
      if (health.has(key))
        health.error(DiagnosticId::grpc_without_tls, key, tick(key) + " is for grpc over TLS",
                     "add `tls = true`");
    }
  }
  if (health.has("ca_file") && !config.ca_file.starts_with('/'))
    health.error(DiagnosticId::relative_path, "ca_file", tick(config.ca_file) + " isn't an absolute path");
  if (health.has("ca_file") && !config.verify)
    health.error(DiagnosticId::unused_ca_file, "ca_file", "`ca_file` does nothing with `verify = false`");
  if (health.has("sni") && (config.sni.empty() || !is_dns_name(config.sni)))
    health.error(DiagnosticId::bad_dns_name, "sni", tick(config.sni) + " isn't a host name");
}

void check_bytes(const Health& health, std::string_view key, const std::string& text) {
  if (!health.has(key)) return;
  const auto bytes = probe_bytes(text);
  if (!bytes) {
    health.error(DiagnosticId::bad_probe_text, key,
                 tick(text) + " isn't bytes: behind hex: stand pairs of 0-9, a-f");
  } else if (bytes->empty() || bytes->size() > kProbeTextBytes) {
    health.error(DiagnosticId::bad_probe_text, key,
                 tick(key) + " must have 1 to " + std::to_string(kProbeTextBytes) + " bytes, not " +
                     std::to_string(bytes->size()));
  }
}

void check_dns(const Health& health) {
  const HealthConfig& config = health.config;
  if (health.has("query") && !is_dns_name(config.query))
    health.error(DiagnosticId::bad_dns_name, "query", tick(config.query) + " isn't a name to ask for");
  if (!health.has("answer")) return;
  if (config.rcode != DnsRcode::noerror) {
    health.error(DiagnosticId::bad_dns_answer, "answer", "only a NOERROR has answers");
  } else if (config.query_type == DnsType::a || config.query_type == DnsType::aaaa) {
    const auto address = IpAddress::parse(config.answer);
    if (!address || address->is_v4() != (config.query_type == DnsType::a)) {
      health.error(DiagnosticId::bad_dns_answer, "answer",
                   tick(config.answer) + " isn't an address that " +
                       (config.query_type == DnsType::a ? "an A" : "an AAAA") + " record can have");
    }
  } else if (config.answer.empty()) {
    health.error(DiagnosticId::bad_dns_answer, "answer", "an empty `answer` is no name and no text");
  }
}

void check_type(const Health& health) {
  const HealthType type = health.config.type;
  check_keys(health);
  if (type == HealthType::http || type == HealthType::https || type == HealthType::grpc) check_http(health);
  if (type == HealthType::https || type == HealthType::grpc) check_tls(health);
  if (type == HealthType::dns) check_dns(health);
  check_bytes(health, "send", health.config.send);
  check_bytes(health, "receive", health.config.receive);
  if (type == HealthType::icmp && health.config.via == HealthVia::tunnel) {
    health.error(DiagnosticId::other_health_type, "via",
                 "`via = \"tunnel\"` isn't for icmp checks: pings of a VIP are answered by shunt");
  }
  if (type == HealthType::udp && !health.origin.given("send")) {
    health.report.error(DiagnosticId::udp_without_send, health.origin.header,
                        "a udp check needs `send`: a server answers nothing to nothing");
  }
}

void check_times(const Health& health) {
  const Origin& origin = health.origin;
  const HealthConfig& config = health.config;
  if (origin.has("timeout") != origin.given("timeout")) return;
  const auto compare = [&](std::string_view key, milliseconds interval) {
    if (origin.has(key) != origin.given(key) || config.timeout <= interval) return;
    const bool at_timeout = key == "interval" && origin.has("timeout");
    health.error(DiagnosticId::timeout_over_interval, at_timeout ? "timeout" : key,
                 "`timeout` (" + duration_text(config.timeout) + ") is longer than " + tick(key) + " (" +
                     duration_text(interval) + "): a backend would have several checks at a time");
  };
  compare("interval", config.interval);
  if (config.down_interval) compare("down_interval", *config.down_interval);
}

// Where health has no port and a backend none either, it is the services': they must have exactly one.
void validate_health_port(size_t index, Validation& all) {
  const PoolConfig& pool = all.config.pools[index];
  const PoolOrigin& origin = all.origin.pools[index];
  if (pool.health->type == HealthType::icmp || origin.health.given("port") || all.users[index].empty())
    return;
  const bool all_have_ports = std::all_of(origin.backends.begin(), origin.backends.end(),
                                          [](const Origin& backend) { return backend.given("port"); });
  if (all_have_ports) return;
  std::set<uint16_t> ports;
  for (const size_t user : all.users[index]) {
    if (all.origin.services[user].has("port")) ports.insert(all.config.services[user].port);
    if (all.origin.services[user].given("port") && !all.origin.services[user].has("port")) return;
  }
  if (ports.empty()) {
    all.report.error(DiagnosticId::unknown_health_port, pool.health->position,
                     "health checks of pool " + tick(pool.name) +
                         " need a `port`: its services are any-port and a backend has none");
  } else if (ports.size() > 1) {
    all.report.error(DiagnosticId::ambiguous_health_port, pool.health->position,
                     "health checks of pool " + tick(pool.name) +
                         " need a `port`: its services have several (" + std::to_string(*ports.begin()) +
                         ", " + std::to_string(*std::next(ports.begin())) +
                         (ports.size() > 2 ? ", …)" : ")"));
  }
}

}  // namespace

void validate_health(size_t pool, Validation& all) {
  if (!all.config.pools[pool].health) return;
  const Health health{*all.config.pools[pool].health, all.origin.pools[pool].health, all.report};
  if (health.has("type") || !health.origin.given("type")) check_type(health);
  check_times(health);
  if (health.has("source") && !can_be_backend(*health.config.source)) {
    health.error(DiagnosticId::unusable_address, "source",
                 "checks can't come from " + health.config.source->text());
  }
  validate_health_port(pool, all);
}

}  // namespace shunt
