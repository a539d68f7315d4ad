#include "control/config_fields.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/duration.h"
#include "control/edits.h"
#include "control/option_rows.h"

namespace shunt {
namespace {

constexpr const char* kNone = "-";

std::string text_of(const std::string& value) {
  return value.empty() ? kNone : value;
}
std::string text_of(std::unsigned_integral auto value) {
  return std::to_string(value);
}
std::string text_of(bool value) {
  return value ? "true" : "false";
}
std::string text_of(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}
std::string text_of(milliseconds value) {
  return duration_text(value);
}
std::string text_of(const IpAddress& value) {
  return value.text();
}
std::string text_of(const Prefix& value) {
  return value.is_host() ? value.address.text() : value.text();
}
std::string text_of(const MacAddress& value) {
  return value.text();
}
template <typename T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : kNone;
}
template <typename T>
std::string text_of(const std::vector<T>& values) {
  std::string all;
  for (const T& value : values)
    all += (all.empty() ? "" : ", ") + text_of(value);
  return text_of(all);
}

// Adds a section's fields by their keys.
class Writer {
 public:
  Writer(Fields& fields, std::string_view section, std::string prefix)
      : fields_(fields), section_(section), prefix_(std::move(prefix)) {}

  template <typename T>
  void add(const char* key, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      fields_.emplace_back(prefix_ + key, choice_text(section_, key, static_cast<int>(value)));
    } else {
      fields_.emplace_back(prefix_ + key, text_of(value));
    }
  }
  // 0 is the absence of a value.
  void add_unless_zero(const char* key, uint32_t value) {
    fields_.emplace_back(prefix_ + key, value == 0 ? kNone : std::to_string(value));
  }

 private:
  Fields& fields_;
  std::string_view section_;
  std::string prefix_;
};

void add_health(Fields& fields, const HealthConfig& health) {
  Writer to(fields, "pool.health", "health.");
  to.add("type", health.type);
  to.add_unless_zero("port", health.port);
  to.add("interval", health.interval);
  to.add("timeout", health.timeout);
  to.add("down_interval", health.down_interval);
  to.add("rise", health.rise);
  to.add("fall", health.fall);
  to.add("jitter", health.jitter);
  to.add("source", health.source);
  to.add("via", health.via);
  to.add("method", health.method);
  to.add("path", health.path);
  to.add("host", health.host);
  to.add("expect", health.expect);
  to.add("body", health.body);
  to.add("tls", health.tls);
  to.add("verify", health.verify);
  to.add("sni", health.sni);
  to.add("ca_file", health.ca_file);
  to.add("send", health.send);
  to.add("receive", health.receive);
  to.add("query", health.query);
  to.add("query_type", health.query_type);
  to.add("rcode", health.rcode);
  to.add("answer", health.answer);
  to.add("grpc_service", health.grpc_service);
}

void add_discovery(Fields& fields, const DiscoveryConfig& discovery) {
  Writer to(fields, "pool.discovery", "discovery.");
  to.add("type", discovery.type);
  to.add("max_change", discovery.max_change);
  to.add("timeout", discovery.timeout);
  to.add("refresh", discovery.refresh);
  to.add("path", discovery.path);
  to.add("name", discovery.name);
  to.add("record", discovery.record);
  to.add("servers", discovery.servers);
  to.add_unless_zero("port", discovery.port);
  to.add("min_ttl", discovery.min_ttl);
  to.add("max_ttl", discovery.max_ttl);
  to.add("endpoints", discovery.endpoints);
  to.add("prefix", discovery.prefix);
  to.add("ca_file", discovery.ca_file);
  to.add("certificate_file", discovery.certificate_file);
  to.add("key_file", discovery.key_file);
  to.add("namespace", discovery.name_space);
  to.add("service", discovery.service);
  to.add("port_name", discovery.port_name);
  to.add("token_file", discovery.token_file);
}

void add_dataplane(Fields& fields, const Config& config) {
  Writer to(fields, "dataplane", "dataplane.");
  to.add("workers", config.dataplane.workers);
  to.add("memory", config.dataplane.memory);
  to.add("idle", config.dataplane.idle);
  to.add("connections", config.dataplane.connections);
  to.add("restart_grace", config.dataplane.restart_grace);
}

}  // namespace

std::string choice_text(std::string_view section, std::string_view key, int value) {
  if (const OptionRow* row = find_option(section, key)) {
    const auto found = std::ranges::find_if(
        row->choices, [&](const Choice& choice) { return choice.supported && choice.value == value; });
    if (found != row->choices.end()) return std::string(found->name);
  }
  return std::to_string(value);
}

Fields fields_of(const PortConfig& port) {
  Fields fields;
  Writer to(fields, "port", "");
  to.add("name", port.name);
  to.add("device", port.device);
  to.add("host_interface", port.host_interface);
  to.add("gateway_mac", port.gateway_mac);
  to.add("mac", port.mac);
  std::vector<std::string> addresses;  // with their lengths: they are an interface's
  for (const Prefix& address : port.addresses)
    addresses.push_back(address.text());
  to.add("addresses", addresses);
  to.add("mtu", port.mtu);
  to.add("encap_source", port.encap_source);
  to.add("encap_source6", port.encap_source6);
  to.add("vlan", port.vlan);
  return fields;
}

Fields fields_of(const PoolConfig& pool) {
  Fields fields;
  Writer to(fields, "pool", "");
  to.add("name", pool.name);
  fields.emplace_back("health", pool.health ? "yes" : kNone);
  fields.emplace_back("discovery", pool.discovery ? "yes" : kNone);
  to.add("panic", pool.panic);
  to.add("slots", pool.slots);
  to.add("drain", milliseconds(pool.drain));
  to.add("drain_policy", pool.drain_policy);
  to.add("slow_start", pool.slow_start);
  to.add("passive", pool.passive);
  to.add("damping", milliseconds(pool.damping));
  to.add("probe_prefix", pool.probe_prefix);
  if (pool.health) add_health(fields, *pool.health);
  if (pool.discovery) add_discovery(fields, *pool.discovery);
  return fields;
}

Fields fields_of(const BackendConfig& backend) {
  Fields fields;
  Writer to(fields, "pool.backend", "");
  to.add("name", backend.name);
  to.add("address", backend.address);
  to.add_unless_zero("port", backend.port);
  to.add("mac", backend.mac);
  to.add("weight", backend.weight);
  to.add("max_connections", backend.max_connections);
  fields.emplace_back("admin", admin_text(backend.admin));
  return fields;
}

Fields fields_of(const ServiceConfig& service) {
  Fields fields;
  Writer to(fields, "service", "");
  to.add("name", service.name);
  to.add("address", service.address);
  to.add_unless_zero("port", service.port);
  to.add("protocol", service.protocol);
  to.add("pool", service.pool);
  to.add("backup_pool", service.backup_pool);
  to.add("forward", service.forward);
  to.add("gue_variant", service.gue_variant);
  to.add("scheduler", service.scheduler);
  to.add("hash", service.hash);
  to.add("source_prefix4", service.source_prefix4);
  to.add("source_prefix6", service.source_prefix6);
  to.add("announce", service.announce);
  to.add("announce_min", service.announce_min);
  to.add("unserved", service.unserved);
  to.add("too_big", service.too_big);
  to.add("dscp", service.dscp);
  to.add("sample", service.sample);
  fields.emplace_back("mss_clamp", service.mss_clamp == 0           ? kNone
                                   : service.mss_clamp == kMssOfMtu ? "true"
                                                                    : std::to_string(service.mss_clamp));
  Writer timeouts(fields, "service.timeouts", "timeouts.");
  timeouts.add("established", milliseconds(service.timeouts.established));
  timeouts.add("syn", milliseconds(service.timeouts.syn));
  timeouts.add("fin", milliseconds(service.timeouts.fin));
  timeouts.add("udp", milliseconds(service.timeouts.udp));
  return fields;
}

Fields node_fields_of(const Config& config) {
  Fields fields;
  Writer node(fields, "node", "node.");
  node.add("name", config.node.name);
  node.add("cluster_key_file", config.node.cluster_key_file);
  node.add("state_dir", config.node.state_dir);
  node.add("runtime_dir", config.node.runtime_dir);
  node.add("standby", config.node.standby);
  add_dataplane(fields, config);
  Writer api(fields, "api", "api.");
  api.add("listen", config.api.listen);
  api.add("token_file", config.api.token_file);
  api.add("tls_certificate", config.api.tls_certificate);
  api.add("tls_key", config.api.tls_key);
  api.add("simple_writes", config.api.simple_writes);
  Writer(fields, "icmp", "icmp.").add("rate", config.icmp.rate);
  Writer routes(fields, "routes", "routes.");
  routes.add("protocol", config.routes.protocol);
  routes.add("table", config.routes.table);
  routes.add("metric", config.routes.metric);
  routes.add("metric_step", config.routes.metric_step);
  routes.add("stop_wait", config.routes.stop_wait);
  routes.add("exabgp", config.routes.exabgp);
  Writer fragments(fields, "fragments", "fragments.");
  fragments.add("entries", config.fragments.entries);
  fragments.add("bytes", config.fragments.bytes);
  fragments.add("time", config.fragments.time);
  Writer(fields, "cluster", "cluster.").add("peers", config.cluster.peers);
  Writer(fields, "telemetry", "telemetry.").add("sample", config.telemetry.sample);
  Writer log(fields, "log", "log.");
  log.add("level", config.log.level);
  log.add("format", config.log.format);
  log.add("audit_file", config.log.audit_file);
  return fields;
}

}  // namespace shunt
