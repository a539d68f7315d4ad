// Rules of [pool.discovery]: which keys a type needs and which it has no use for, and what they name.
#include <algorithm>
#include <array>
#include <tuple>

#include "common/duration.h"
#include "control/config_validate.h"
#include "http/http_url.h"

namespace shunt {
namespace {

constexpr size_t kMostServers = 8;
constexpr size_t kMostEndpoints = 16;

constexpr unsigned kFile = 1U << static_cast<unsigned>(DiscoveryType::file);
constexpr unsigned kDns = 1U << static_cast<unsigned>(DiscoveryType::dns);
constexpr unsigned kEtcd = 1U << static_cast<unsigned>(DiscoveryType::etcd);
constexpr unsigned kKubernetes = 1U << static_cast<unsigned>(DiscoveryType::kubernetes);

// Keys that not every type has: whose they are, and who can't do without.
struct KeyRow {
  std::string_view key;
  unsigned types;
  unsigned needed;
};
constexpr std::array kKeys = {
    KeyRow{"path", kFile, kFile},
    KeyRow{"name", kDns, kDns},
    KeyRow{"record", kDns, 0},
    KeyRow{"servers", kDns, 0},
    KeyRow{"port", kDns, 0},
    KeyRow{"min_ttl", kDns, 0},
    KeyRow{"max_ttl", kDns, 0},
    KeyRow{"timeout", kDns | kEtcd | kKubernetes, 0},
    KeyRow{"refresh", kFile | kEtcd | kKubernetes, 0},
    KeyRow{"endpoints", kEtcd | kKubernetes, kEtcd},
    KeyRow{"prefix", kEtcd, kEtcd},
    KeyRow{"ca_file", kEtcd | kKubernetes, 0},
    KeyRow{"certificate_file", kEtcd, 0},
    KeyRow{"key_file", kEtcd, 0},
    KeyRow{"namespace", kKubernetes, 0},
    KeyRow{"service", kKubernetes, kKubernetes},
    KeyRow{"port_name", kKubernetes, 0},
    KeyRow{"token_file", kKubernetes, 0},
};

std::string_view type_text(DiscoveryType type) {
  constexpr std::array<std::string_view, 4> kTexts = {"file", "dns", "etcd", "kubernetes"};
  return kTexts[static_cast<size_t>(type)];
}

std::string types_text(unsigned types) {
  std::string text;
  for (unsigned i = 0; i < 4; ++i) {
    if ((types >> i & 1U) == 0) continue;
    text += (text.empty() ? "" : " and ") + std::string(type_text(static_cast<DiscoveryType>(i)));
  }
  return text;
}

void validate_keys(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  const unsigned own = 1U << static_cast<unsigned>(discovery.type);
  for (const KeyRow& row : kKeys) {
    if (origin.given(row.key) && (row.types & own) == 0) {
      report.error(DiagnosticId::discovery_other_type, origin.of(row.key),
                   tick(row.key) + " is of " + types_text(row.types) + " discovery, and this is " +
                       std::string(type_text(discovery.type)));
    }
    if (!origin.given(row.key) && (row.needed & own) != 0) {
      report.error(DiagnosticId::discovery_incomplete, origin.header,
                   std::string(type_text(discovery.type)) + " discovery needs " + tick(row.key));
    }
  }
  if (origin.given("certificate_file") == origin.given("key_file")) return;
  const bool has_key = origin.given("key_file");
  report.error(DiagnosticId::discovery_incomplete, origin.of(has_key ? "key_file" : "certificate_file"),
               std::string("`certificate_file` and `key_file` go together, and `") +
                   (has_key ? "certificate_file" : "key_file") + "` isn't there");
}

void validate_files(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  const std::array<std::pair<std::string_view, const std::string*>, 5> paths = {
      {{"path", &discovery.path},
       {"ca_file", &discovery.ca_file},
       {"certificate_file", &discovery.certificate_file},
       {"key_file", &discovery.key_file},
       {"token_file", &discovery.token_file}}};
  for (const auto& [key, path] : paths) {
    if (!origin.has(key)) continue;
    if (!path->starts_with('/') || path->find('\0') != std::string::npos) {
      report.error(DiagnosticId::relative_path, origin.of(key),
                   tick(key) + " must be an absolute path, not " + tick(*path));
    } else if (key == "path" && !path->ends_with(".toml") && !path->ends_with(".json")) {
      report.error(DiagnosticId::bad_discovery, origin.of(key),
                   tick(*path) + " must end in .toml or .json, which tells what is in it");
    }
  }
}

void validate_dns(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  if (origin.has("name") && !is_dns_name(discovery.name)) {
    report.error(DiagnosticId::bad_discovery, origin.of("name"),
                 tick(discovery.name) + " isn't a DNS name like web.example.net");
  }
  if (origin.has("port") && discovery.record == DnsRecords::srv) {
    report.error(DiagnosticId::bad_discovery, origin.of("port"), "SRV records have ports of their own");
  }
  if (discovery.servers.size() > kMostServers) {
    report.error(DiagnosticId::bad_discovery, origin.of("servers"), "`servers` has at most 8");
  }
  for (size_t i = 0; i < discovery.servers.size(); ++i) {
    if (SocketAddress::parse(discovery.servers[i], 53)) continue;
    report.error(DiagnosticId::bad_discovery, origin.of("servers", i),
                 tick(discovery.servers[i]) + " isn't ADDRESS, ADDRESS:PORT or [ADDRESS6]:PORT");
  }
  const bool known =
      origin.has("min_ttl") == origin.given("min_ttl") && origin.has("max_ttl") == origin.given("max_ttl");
  if (known && discovery.min_ttl > discovery.max_ttl) {
    report.error(DiagnosticId::bad_discovery, origin.of(origin.has("min_ttl") ? "min_ttl" : "max_ttl"),
                 "`min_ttl` (" + duration_text(discovery.min_ttl) + ") is longer than `max_ttl` (" +
                     duration_text(discovery.max_ttl) + ")");
  }
}

void validate_endpoints(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  if (!origin.has("endpoints")) return;
  if (discovery.endpoints.empty() || discovery.endpoints.size() > kMostEndpoints) {
    report.error(DiagnosticId::bad_discovery, origin.of("endpoints"), "`endpoints` has 1 to 16");
  }
  for (size_t i = 0; i < discovery.endpoints.size(); ++i) {
    const auto url = HttpUrl::parse(discovery.endpoints[i]);
    if (!url) {
      report.error(DiagnosticId::bad_discovery, origin.of("endpoints", i),
                   tick(discovery.endpoints[i]) + " isn't http://HOST:PORT or https://HOST:PORT");
    } else if (!url->tls && discovery.type == DiscoveryType::kubernetes) {
      report.error(DiagnosticId::bad_discovery, origin.of("endpoints", i),
                   "the token would be sent in the clear: kubernetes takes https only");
    }
  }
}

// What Kubernetes takes as names, and what is safe in a path (RFC 1123 2.1; port names are labels too).
void validate_kubernetes(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  const std::array<std::pair<std::string_view, const std::string*>, 3> names = {
      {{"namespace", &discovery.name_space},
       {"service", &discovery.service},
       {"port_name", &discovery.port_name}}};
  for (const auto& [key, name] : names) {
    if (!origin.has(key)) continue;
    const bool is_label = !name->empty() && name->size() <= 63 && std::ranges::all_of(*name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (is_label) continue;
    report.error(DiagnosticId::bad_discovery, origin.of(key),
                 tick(*name) + " isn't a name that Kubernetes takes: 1 to 63 of a-z, 0-9 and -");
  }
}

void validate_one(const DiscoveryConfig& discovery, const Origin& origin, Report& report) {
  if (!origin.has("type")) return;
  validate_keys(discovery, origin, report);
  validate_files(discovery, origin, report);
  validate_dns(discovery, origin, report);
  validate_endpoints(discovery, origin, report);
  validate_kubernetes(discovery, origin, report);
  if (origin.has("prefix") && discovery.prefix.empty()) {
    report.error(DiagnosticId::bad_discovery, origin.of("prefix"),
                 "`prefix` is empty: that is every key of etcd");
  }
}

// A new key stops this from compiling, until somebody has decided whether it names another source.
auto settings(const DiscoveryConfig& config) {
  const auto& [position, type, max_change, timeout, refresh, path, name, record, servers, port, min_ttl,
               max_ttl, endpoints, prefix, ca_file, certificate_file, key_file, name_space, service,
               port_name, token_file] = config;
  return std::tie(type, timeout, refresh, path, name, record, servers, port, min_ttl, max_ttl, endpoints,
                  prefix, ca_file, certificate_file, key_file, name_space, service, port_name, token_file);
}

}  // namespace

bool DiscoveryConfig::same_source(const DiscoveryConfig& other) const {
  return settings(*this) == settings(other);
}

void validate_discovery(Validation& all) {
  for (size_t i = 0; i < all.config.pools.size(); ++i) {
    if (!all.config.pools[i].discovery) continue;
    validate_one(*all.config.pools[i].discovery, all.origin.pools[i].discovery, all.report);
  }
}

}  // namespace shunt
