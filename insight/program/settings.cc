#include "insight/program/settings.h"

#include <algorithm>

namespace shunt::insight {
namespace {

RetentionSettings retention_settings(const WarehouseConfig& config) {
  RetentionSettings settings;
  const auto keep = [&settings](Table table, int64_t seconds) {
    settings.keep_s[static_cast<size_t>(table)] = seconds;
  };
  keep(Table::kpi_1s, config.keep.second_s);
  keep(Table::kpi_10s, config.keep.ten_seconds_s);
  keep(Table::kpi_1m, config.keep.minute_s);
  keep(Table::kpi_1h, config.keep.hour_s);
  keep(Table::flow_event, config.keep.flows_s);
  for (const Table table : {Table::client_1m, Table::country_1m, Table::host_1m})
    keep(table, config.keep.minute_s);
  for (const Table table : {Table::anomaly, Table::incident, Table::alert_event})
    keep(table, config.keep.hour_s);
  settings.max_bytes = config.max_bytes;
  return settings;
}

ApiRole role_of(AnonymousRole role) {
  switch (role) {
    case AnonymousRole::none:
      return ApiRole::anyone;
    case AnonymousRole::reader:
      return ApiRole::reader;
    case AnonymousRole::operator_:
      return ApiRole::operator_;
  }
  return ApiRole::anyone;
}

}  // namespace

WriterSettings writer_settings(const WarehouseConfig& config) {
  WriterSettings settings;
  settings.address.url = config.url;
  settings.retention = retention_settings(config);
  return settings;
}

FindingSettings finding_settings(const InsightConfig& config) {
  FindingSettings settings;
  settings.detect = config.detect;
  settings.availability = config.availability;
  settings.cpu = config.hosts.cpu;
  settings.memory = config.hosts.memory;
  settings.disk = config.hosts.disk;
  return settings;
}

HostSettings host_settings(const HostsConfig& config) {
  HostSettings settings;
  settings.port = config.port;
  settings.interval_s = std::max<int64_t>(1, config.interval.count() / 1'000);
  return settings;
}

InsightApiSettings api_settings(const InsightConfig& config) {
  InsightApiSettings settings;
  for (const ApiAddress& address : config.api.listen)
    settings.listen.push_back(address.text());
  settings.token_file = config.api.token_file;
  settings.anonymous = role_of(config.api.anonymous);
  settings.tls_certificate = config.api.tls_certificate;
  settings.tls_key = config.api.tls_key;
  settings.audit_file = config.api.audit_file;
  settings.page_dir = config.api.page_dir;
  settings.version = SHUNT_VERSION;
  const WriterSettings warehouse = writer_settings(config.warehouse);
  settings.warehouse.address = warehouse.address;
  settings.warehouse.retention = warehouse.retention;
  settings.availability = config.availability;
  settings.thresholds = {config.hosts.cpu, config.hosts.memory, config.hosts.disk};
  return settings;
}

std::vector<NodeAddress> node_addresses(const InsightConfig& config) {
  std::vector<NodeAddress> nodes;
  for (const NodeConfig& node : config.nodes)
    nodes.push_back({node.name, node.api, node.token_file, node.ca_file});
  return nodes;
}

}  // namespace shunt::insight
