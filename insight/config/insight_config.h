// InsightConfig: what a person configures of shunt-insight, as values. docs/insight-configuration.md says
// what each means.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/log_level.h"
#include "http/api_address.h"
#include "http/http_url.h"

namespace shunt::insight {

// The role of who asks from this host without a token, where there is no file of tokens.
enum class AnonymousRole : uint8_t { none, reader, operator_ };
struct ApiConfig {
  std::vector<ApiAddress> listen;
  std::string token_file;  // paths: empty where there is none
  AnonymousRole anonymous = AnonymousRole::reader;
  std::string tls_certificate;
  std::string tls_key;
  std::string audit_file;
  std::string page_dir;  // empty: where the page was installed or built
};

// How long rows stay, in seconds.
struct KeepConfig {
  int64_t second_s = 0;
  int64_t ten_seconds_s = 0;
  int64_t minute_s = 0;
  int64_t hour_s = 0;
  int64_t flows_s = 0;
};

struct WarehouseConfig {
  std::string url;
  uint64_t max_bytes = 0;
  KeepConfig keep;
};

struct NodeConfig {
  std::string name;
  HttpUrl api;
  std::string records;  // the socket of its flow records; empty: none
  std::string token_file;
  std::string ca_file;
};

struct HostsConfig {
  bool enabled = true;
  uint16_t port = 0;
  std::chrono::milliseconds interval{0};
  double cpu = 0;  // thresholds, 0 to 1
  double memory = 0;
  double disk = 0;
};

struct InsightConfig {
  ApiConfig api;
  WarehouseConfig warehouse;
  std::vector<NodeConfig> nodes;  // in the file's order, names unique
  HostsConfig hosts;
  double availability = 0;  // [slo]
  bool detect = true;       // [detect] enabled
  std::string countries_dir;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

}  // namespace shunt::insight
