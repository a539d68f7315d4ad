// One function per section; each key of config.h that the file may give stands here once.
#include "control/config_read.h"

#include "control/table_reader.h"

namespace shunt {
namespace {

void read_node(const toml::table& table, NodeConfig& node, Origin& origin, Report& report) {
  TableReader reader(table, "node", origin, report);
  reader.read("name", node.name);
  reader.read("cluster_key_file", node.cluster_key_file);
  reader.read("state_dir", node.state_dir);
  reader.read("runtime_dir", node.runtime_dir);
  reader.read("standby", node.standby);
  reader.finish();
}

void read_dataplane(const toml::table& table, DataplaneConfig& dataplane, Origin& origin, Report& report) {
  TableReader reader(table, "dataplane", origin, report);
  reader.read("workers", dataplane.workers);
  reader.read("memory", dataplane.memory);
  reader.read("idle", dataplane.idle);
  reader.read("connections", dataplane.connections);
  reader.read("restart_grace", dataplane.restart_grace);
  reader.finish();
}

void read_port(const toml::table& table, PortConfig& port, Origin& origin, Report& report) {
  TableReader reader(table, "port", origin, report);
  reader.read("name", port.name);
  reader.read("device", port.device);
  reader.read("host_interface", port.host_interface);
  reader.read("gateway_mac", port.gateway_mac);
  reader.read("mac", port.mac);
  reader.read("addresses", port.addresses);
  reader.read("mtu", port.mtu);
  reader.read("encap_source", port.encap_source);
  reader.read("encap_source6", port.encap_source6);
  reader.read("vlan", port.vlan);
  reader.finish();
  port.position = origin.header;
}

void read_probe(TableReader& reader, HealthConfig& health) {
  reader.read("method", health.method);
  reader.read("path", health.path);
  reader.read("host", health.host);
  reader.read("expect", health.expect);
  reader.read("body", health.body);
  reader.read("tls", health.tls);
  reader.read("verify", health.verify);
  reader.read("sni", health.sni);
  reader.read("ca_file", health.ca_file);
  reader.read("send", health.send);
  reader.read("receive", health.receive);
  reader.read("query", health.query);
  reader.read("query_type", health.query_type);
  reader.read("rcode", health.rcode);
  reader.read("answer", health.answer);
  reader.read("grpc_service", health.grpc_service);
}

void read_health(const toml::table& table, HealthConfig& health, Origin& origin, Report& report) {
  TableReader reader(table, "pool.health", origin, report);
  reader.read("type", health.type);
  read_probe(reader, health);
  reader.read("port", health.port);
  reader.read("interval", health.interval);
  reader.read("timeout", health.timeout);
  reader.read("rise", health.rise);
  reader.read("fall", health.fall);
  reader.read("jitter", health.jitter);
  reader.read("source", health.source);
  reader.read("down_interval", health.down_interval);
  reader.read("via", health.via);
  reader.finish();
  health.position = origin.header;
}

void read_discovery(const toml::table& table, DiscoveryConfig& discovery, Origin& origin, Report& report) {
  TableReader reader(table, "pool.discovery", origin, report);
  reader.read("type", discovery.type);
  reader.read("max_change", discovery.max_change);
  reader.read("timeout", discovery.timeout);
  reader.read("refresh", discovery.refresh);
  reader.read("path", discovery.path);
  reader.read("name", discovery.name);
  reader.read("record", discovery.record);
  reader.read("servers", discovery.servers);
  reader.read("port", discovery.port);
  reader.read("min_ttl", discovery.min_ttl);
  reader.read("max_ttl", discovery.max_ttl);
  reader.read("endpoints", discovery.endpoints);
  reader.read("prefix", discovery.prefix);
  reader.read("ca_file", discovery.ca_file);
  reader.read("certificate_file", discovery.certificate_file);
  reader.read("key_file", discovery.key_file);
  reader.read("namespace", discovery.name_space);
  reader.read("service", discovery.service);
  reader.read("port_name", discovery.port_name);
  reader.read("token_file", discovery.token_file);
  reader.finish();
  discovery.position = origin.header;
}

void read_backend(const toml::table& table, BackendConfig& backend, Origin& origin, Report& report) {
  TableReader reader(table, "pool.backend", origin, report);
  reader.read("name", backend.name);
  reader.read("address", backend.address);
  reader.read("port", backend.port);
  reader.read("mac", backend.mac);
  reader.read("weight", backend.weight);
  reader.read("max_connections", backend.max_connections);
  reader.finish();
  backend.position = origin.header;
}

void read_pool(const toml::table& table, PoolConfig& pool, PoolOrigin& origin, Report& report) {
  TableReader reader(table, "pool", origin, report);
  reader.read("name", pool.name);
  reader.read("panic", pool.panic);
  reader.read("damping", pool.damping);
  reader.read("passive", pool.passive);
  reader.read("slots", pool.slots);
  reader.read("drain", pool.drain);
  reader.read("drain_policy", pool.drain_policy);
  reader.read("slow_start", pool.slow_start);
  reader.read("probe_prefix", pool.probe_prefix);
  if (const toml::table* health = reader.table("health")) {
    read_health(*health, pool.health.emplace(), origin.health, report);
  }
  if (const toml::table* discovery = reader.table("discovery")) {
    read_discovery(*discovery, pool.discovery.emplace(), origin.discovery, report);
  }
  reader.each_table("backend", [&](const toml::table& backend) {
    read_backend(backend, pool.backends.emplace_back(), origin.backends.emplace_back(), report);
  });
  reader.finish();
  pool.position = origin.header;
}

void read_timeouts(const toml::table& table, TimeoutConfig& timeouts, Origin& origin, Report& report) {
  TableReader reader(table, "service.timeouts", origin, report);
  reader.read("established", timeouts.established);
  reader.read("syn", timeouts.syn);
  reader.read("fin", timeouts.fin);
  reader.read("udp", timeouts.udp);
  reader.finish();
}

void read_service(const toml::table& table, ServiceConfig& service, ServiceOrigin& origin, Report& report) {
  TableReader reader(table, "service", origin, report);
  reader.read("name", service.name);
  reader.read("address", service.address);
  reader.read("port", service.port);
  reader.read("protocol", service.protocol);
  reader.read("pool", service.pool);
  reader.read("backup_pool", service.backup_pool);
  reader.read("forward", service.forward);
  reader.read("gue_variant", service.gue_variant);
  reader.read("scheduler", service.scheduler);
  reader.read("hash", service.hash);
  reader.read("source_prefix4", service.source_prefix4);
  reader.read("source_prefix6", service.source_prefix6);
  reader.check_choice("on_down");
  reader.check_choice("no_backend");
  if (const toml::table* timeouts = reader.table("timeouts")) {
    read_timeouts(*timeouts, service.timeouts, origin.timeouts, report);
  }
  reader.read("announce", service.announce);
  reader.read("announce_min", service.announce_min);
  reader.read("unserved", service.unserved);
  reader.read("too_big", service.too_big);
  reader.check_choice("syn_cookies");
  reader.read("dscp", service.dscp);
  reader.read("sample", service.sample);
  reader.read_or_true("mss_clamp", service.mss_clamp, kMssOfMtu);
  reader.finish();
  service.position = origin.header;
}

void read_api(const toml::table& table, ApiConfig& api, Origin& origin, Report& report) {
  TableReader reader(table, "api", origin, report);
  reader.read("listen", api.listen);
  reader.read("token_file", api.token_file);
  reader.read("tls_certificate", api.tls_certificate);
  reader.read("tls_key", api.tls_key);
  reader.read("simple_writes", api.simple_writes);
  reader.finish();
}

void read_icmp(const toml::table& table, IcmpConfig& icmp, Origin& origin, Report& report) {
  TableReader reader(table, "icmp", origin, report);
  reader.read("rate", icmp.rate);
  reader.finish();
}

void read_routes(const toml::table& table, RoutesConfig& routes, Origin& origin, Report& report) {
  TableReader reader(table, "routes", origin, report);
  reader.read("protocol", routes.protocol);
  reader.read("table", routes.table);
  reader.read("metric", routes.metric);
  reader.read("metric_step", routes.metric_step);
  reader.read("stop_wait", routes.stop_wait);
  reader.read("exabgp", routes.exabgp);
  reader.finish();
}

void read_fragments(const toml::table& table, FragmentsConfig& fragments, Origin& origin, Report& report) {
  TableReader reader(table, "fragments", origin, report);
  reader.read("entries", fragments.entries);
  reader.read("bytes", fragments.bytes);
  reader.read("time", fragments.time);
  reader.finish();
}

void read_cluster(const toml::table& table, ClusterConfig& cluster, Origin& origin, Report& report) {
  TableReader reader(table, "cluster", origin, report);
  reader.read("peers", cluster.peers);
  reader.finish();
}

void read_telemetry(const toml::table& table, TelemetryConfig& telemetry, Origin& origin, Report& report) {
  TableReader reader(table, "telemetry", origin, report);
  reader.read("sample", telemetry.sample);
  reader.finish();
}

void read_log(const toml::table& table, LogConfig& log, Origin& origin, Report& report) {
  TableReader reader(table, "log", origin, report);
  reader.read("level", log.level);
  reader.read("format", log.format);
  reader.read("audit_file", log.audit_file);
  reader.finish();
}

}  // namespace

ReadConfig read_config(const toml::table& root, Report& report) {
  ReadConfig read;
  auto& [config, origin] = read;
  const SourcePosition top{1, 1};
  origin.node.header = origin.dataplane.header = origin.api.header = origin.icmp.header =
      origin.routes.header = origin.fragments.header = origin.cluster.header = origin.telemetry.header =
          origin.log.header = top;
  Origin file;
  TableReader reader(root, "", file, report);
  if (const auto* table = reader.table("node")) read_node(*table, config.node, origin.node, report);
  if (const auto* table = reader.table("dataplane")) {
    read_dataplane(*table, config.dataplane, origin.dataplane, report);
  }
  reader.each_table("port", [&](const toml::table& table) {
    read_port(table, config.ports.emplace_back(), origin.ports.emplace_back(), report);
  });
  reader.each_table("pool", [&](const toml::table& table) {
    read_pool(table, config.pools.emplace_back(), origin.pools.emplace_back(), report);
  });
  reader.each_table("service", [&](const toml::table& table) {
    read_service(table, config.services.emplace_back(), origin.services.emplace_back(), report);
  });
  if (const auto* table = reader.table("api")) read_api(*table, config.api, origin.api, report);
  if (const auto* table = reader.table("icmp")) read_icmp(*table, config.icmp, origin.icmp, report);
  if (const auto* table = reader.table("routes")) read_routes(*table, config.routes, origin.routes, report);
  if (const auto* table = reader.table("fragments")) {
    read_fragments(*table, config.fragments, origin.fragments, report);
  }
  if (const auto* table = reader.table("cluster"))
    read_cluster(*table, config.cluster, origin.cluster, report);
  if (const auto* table = reader.table("telemetry"))
    read_telemetry(*table, config.telemetry, origin.telemetry, report);
  if (const auto* table = reader.table("log")) read_log(*table, config.log, origin.log, report);
  reader.finish();
  if (!root.contains("port")) {
    report.error(DiagnosticId::no_port, top,
                 "there is no [[port]]: shuntd needs at least one to receive packets from");
  }
  return read;
}

}  // namespace shunt
