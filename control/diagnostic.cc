// Prints diagnostics; names of their kinds.
#include "control/diagnostic.h"

#include <array>

namespace shunt {
namespace {

constexpr std::array kNames = {
    "unreadable_file",
    "syntax_error",
    "duplicate_key",
    "unknown_section",
    "unknown_key",
    "unsupported_section",
    "unsupported_key",
    "unsupported_value",
    "missing_key",
    "section_is_a_list",
    "wrong_type",
    "out_of_range",
    "unknown_choice",
    "duration_without_unit",
    "bad_duration",
    "duration_too_fine",
    "bad_address",
    "bad_prefix",
    "host_bits",
    "bad_mac",
    "group_mac",
    "zero_mac",
    "too_many",
    "bad_name",
    "duplicate_name",
    "relative_path",
    "bad_listen",
    "duplicate_listen",
    "socket_path_too_long",
    "tls_half",
    "no_workers",
    "duplicate_worker",
    "no_port",
    "bad_device",
    "unsupported_device",
    "bad_interface_name",
    "duplicate_device",
    "duplicate_host_interface",
    "host_interface_is_tap",
    "addresses_without_interface",
    "duplicate_address",
    "unusable_address",
    "wrong_family",
    "small_mtu",
    "slots_not_prime",
    "too_few_slots",
    "timeout_over_interval",
    "other_health_type",
    "bad_http_text",
    "bad_probe_text",
    "body_of_head",
    "grpc_without_tls",
    "unused_ca_file",
    "bad_dns_name",
    "bad_dns_answer",
    "udp_without_send",
    "unknown_health_port",
    "ambiguous_health_port",
    "tunnel_without_interface",
    "tunnel_without_service",
    "tunnel_of_nat",
    "tunnel_of_node_address",
    "tunnel_differs",
    "probe_prefix_unused",
    "bad_probe_prefix",
    "probe_prefix_overlaps",
    "duplicate_backend",
    "backend_is_vip",
    "backend_is_node_address",
    "backend_is_peer",
    "backend_is_encap_source",
    "backend_is_broadcast",
    "backend_is_probe_address",
    "discovery_other_type",
    "discovery_incomplete",
    "bad_discovery",
    "unknown_pool",
    "backup_is_pool",
    "duplicate_service",
    "wide_vip",
    "vip_is_node_address",
    "vip_is_broadcast",
    "vip_is_encap_source",
    "unserved_differs",
    "announce_differs",
    "announced_punt",
    "nat_prefix",
    "nat_any_port",
    "nat_shared_backend",
    "mixed_families",
    "no_encap_source",
    "gue_variant_without_gue",
    "source_hash_of_flow",
    "metric_step_without_metric",
    "metric_too_high",
    "bad_exabgp_text",
    "default_cluster_key",
    "open_api",
    "unused_pool",
    "no_health",
    "tunnel_without_source",
    "no_next_hop",
    "announce_min_unreachable",
    "mac_ignored",
    "port_ignored",
    "dscp_ignored",
    "mss_clamp_ignored",
    "source_prefix_ignored",
};
static_assert(kNames.size() == static_cast<size_t>(DiagnosticId::count));

}  // namespace

std::string_view diagnostic_name(DiagnosticId id) {
  const auto index = static_cast<size_t>(id);
  return index < kNames.size() ? kNames[index] : "?";
}

std::string Diagnostic::text() const {
  std::string out = file;
  if (position.line > 0) {
    out += ':' + std::to_string(position.line) + ':' + std::to_string(position.column);
  }
  out += severity == Severity::error ? ": error: " : ": warning: ";
  out += message;
  if (!hint.empty()) out += " (" + hint + ")";
  if (position.line == 0) return out;
  const std::string number = std::to_string(position.line);
  out += "\n  " + number + " | " + source_line;
  out += "\n  " + std::string(number.size(), ' ') + " | " + std::string(caret, ' ') + '^';
  return out;
}

}  // namespace shunt
