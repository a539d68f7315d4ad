// Diagnostic: one thing that is wrong (or doubtful) in a configuration file: where, what, and what was
// probably meant.
//
// Diagnostics are made by Report only, so that each carries the source line it speaks of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/config.h"

namespace shunt {

// One enumerator per kind of message: programs that read `check --json` and the tests go by these, people by
// the text.
enum class DiagnosticId : uint8_t {
  // The file and its grammar.
  unreadable_file,
  syntax_error,
  duplicate_key,
  // Keys and values, checked against the option rows.
  unknown_section,
  unknown_key,
  unsupported_section,
  unsupported_key,
  unsupported_value,
  missing_key,
  section_is_a_list,
  wrong_type,
  out_of_range,
  unknown_choice,
  duration_without_unit,
  bad_duration,
  duration_too_fine,
  bad_address,
  bad_prefix,
  host_bits,
  bad_mac,
  group_mac,
  zero_mac,
  too_many,
  // Node, workers, API.
  bad_name,
  duplicate_name,
  relative_path,
  bad_listen,
  duplicate_listen,
  socket_path_too_long,
  tls_half,
  no_workers,
  duplicate_worker,
  // Ports.
  no_port,
  bad_device,
  unsupported_device,
  bad_interface_name,
  duplicate_device,
  duplicate_host_interface,
  host_interface_is_tap,
  addresses_without_interface,
  duplicate_address,
  unusable_address,
  wrong_family,
  small_mtu,
  // Pools and backends.
  slots_not_prime,
  too_few_slots,
  timeout_over_interval,
  other_health_type,
  bad_http_text,
  bad_probe_text,
  body_of_head,
  grpc_without_tls,
  unused_ca_file,
  bad_dns_name,
  bad_dns_answer,
  udp_without_send,
  unknown_health_port,
  ambiguous_health_port,
  tunnel_without_interface,
  tunnel_without_service,
  tunnel_of_nat,
  tunnel_of_node_address,
  tunnel_differs,
  probe_prefix_unused,
  bad_probe_prefix,
  probe_prefix_overlaps,
  duplicate_backend,
  backend_is_vip,
  backend_is_node_address,
  backend_is_peer,
  backend_is_encap_source,
  backend_is_broadcast,
  backend_is_probe_address,
  // Discovery.
  discovery_other_type,
  discovery_incomplete,
  bad_discovery,
  // Services and VIPs.
  unknown_pool,
  backup_is_pool,
  duplicate_service,
  wide_vip,
  vip_is_node_address,
  vip_is_broadcast,
  vip_is_encap_source,
  unserved_differs,
  announce_differs,
  announced_punt,
  nat_prefix,
  nat_any_port,
  nat_shared_backend,
  mixed_families,
  no_encap_source,
  gue_variant_without_gue,
  source_hash_of_flow,
  // Routes.
  metric_step_without_metric,
  metric_too_high,
  bad_exabgp_text,
  // Warnings.
  default_cluster_key,
  open_api,
  unused_pool,
  no_health,
  tunnel_without_source,
  no_next_hop,
  announce_min_unreachable,
  mac_ignored,
  port_ignored,
  dscp_ignored,
  mss_clamp_ignored,
  source_prefix_ignored,
  count,
};

std::string_view diagnostic_name(DiagnosticId id);

enum class Severity : uint8_t { error, warning };

struct Diagnostic {
  std::string file;
  SourcePosition position;  // of the key for unknown and duplicate keys, of the value for bad values
  std::string message;
  std::string hint;  // "did you mean `pool`?" or empty
  DiagnosticId id = DiagnosticId::count;
  Severity severity = Severity::error;
  std::string
      source_line;     // as printed: unprintable bytes replaced, long lines cut to a window around the column
  uint32_t caret = 0;  // characters of source_line before the caret

  // "file:line:column: error: message (hint)", then the source line and a caret below. No newline at the end.
  std::string text() const;
};

}  // namespace shunt
