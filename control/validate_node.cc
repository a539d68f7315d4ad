// Rules of [node], [dataplane] and [api].
#include <algorithm>
#include <charconv>
#include <set>

#include "control/config_validate.h"

namespace shunt {
namespace {

constexpr size_t kMaxWorkers = 64;
constexpr size_t kMaxSocketPath = 107;  // sockaddr_un's 108 bytes with their zero

void validate_path(const std::string& path, std::string_view key, const Origin& origin, Validation& all) {
  if (!origin.has(key) || (path.starts_with('/') && path.find('\0') == std::string::npos)) return;
  all.report.error(DiagnosticId::relative_path, origin.of(key),
                   tick(key) + " must be an absolute path, not " + tick(path));
}

void validate_paths(Validation& all) {
  const NodeConfig& node = all.config.node;
  validate_path(node.cluster_key_file, "cluster_key_file", all.origin.node, all);
  validate_path(node.state_dir, "state_dir", all.origin.node, all);
  validate_path(node.runtime_dir, "runtime_dir", all.origin.node, all);
  validate_path(all.config.log.audit_file, "audit_file", all.origin.log, all);
  if (all.origin.node.has("name") && !is_name(node.name)) {
    all.report.error(DiagnosticId::bad_name, all.origin.node.of("name"),
                     tick(node.name) + " isn't a name: 1 to 63 letters, digits and . _ - :");
  }
  if (!all.origin.node.given("cluster_key_file")) {
    all.report.warning(
        DiagnosticId::default_cluster_key, all.origin.node.header,
        "no `cluster_key_file` in [node]: backends are chosen by a fixed key that everybody knows");
  }
}

void validate_workers(Validation& all) {
  const std::vector<uint32_t>& workers = all.config.dataplane.workers;
  const Origin& origin = all.origin.dataplane;
  if (!origin.has("workers")) return;
  if (workers.empty()) {
    return all.report.error(DiagnosticId::no_workers, origin.of("workers"),
                            "`workers` is empty: name at least one CPU");
  }
  if (workers.size() > kMaxWorkers) {
    all.report.error(DiagnosticId::too_many, origin.of("workers", kMaxWorkers),
                     "too many workers: at most 64 are possible");
  }
  std::set<uint32_t> seen;
  for (size_t i = 0; i < workers.size(); ++i) {
    if (seen.insert(workers[i]).second) continue;
    all.report.error(DiagnosticId::duplicate_worker, origin.of("workers", i),
                     "CPU " + std::to_string(workers[i]) + " has a worker already");
  }
}

struct Listener {
  IpAddress address;
  uint16_t port = 0;
};

// "192.0.2.1:80" or "[2001:db8::1]:80".
std::optional<Listener> parse_listener(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address || address->is_v4() == brackets) return std::nullopt;
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return Listener{*address, port};
}

void validate_unix_listener(std::string_view path, SourcePosition position, Validation& all) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
    all.report.error(DiagnosticId::bad_listen, position,
                     tick(path) + " isn't an absolute path: write unix:/path");
  } else if (path.size() > kMaxSocketPath) {
    all.report.error(DiagnosticId::socket_path_too_long, position,
                     "a unix socket's path has at most 107 bytes");
  }
}

void validate_listener(const std::string& text, SourcePosition position, Validation& all) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix))
    return validate_unix_listener(std::string_view(text).substr(kUnix.size()), position, all);
  const auto listener = parse_listener(text);
  if (!listener) {
    const std::string hint = text.starts_with('/') ? "did you mean `unix:" + text + "`?" : "";
    return all.report.error(DiagnosticId::bad_listen, position,
                            tick(text) + " isn't unix:/absolute/path, ADDRESS:PORT or [ADDRESS6]:PORT", hint);
  }
  const bool tokens = all.origin.api.given("token_file");
  const bool tls = all.origin.api.given("tls_certificate");
  if (listener->address.is_loopback() || (tokens && tls)) return;
  all.report.warning(DiagnosticId::open_api, position,
                     "the API listens on " + tick(text) +
                         (!tokens ? tls ? " without a token: whoever reaches it may read it"
                                        : " without a token or TLS: whoever reaches it may read it"
                                  : " without TLS: whoever is on the way may read tokens and use them"));
}

void validate_tls(Validation& all) {
  const ApiConfig& api = all.config.api;
  const Origin& origin = all.origin.api;
  validate_path(api.token_file, "token_file", origin, all);
  validate_path(api.tls_certificate, "tls_certificate", origin, all);
  validate_path(api.tls_key, "tls_key", origin, all);
  const bool certificate = origin.given("tls_certificate");
  if (certificate == origin.given("tls_key")) return;
  all.report.error(
      DiagnosticId::tls_half, origin.of(certificate ? "tls_certificate" : "tls_key"),
      certificate ? "`tls_certificate` needs its `tls_key`" : "`tls_key` needs a `tls_certificate`");
}

void validate_api(Validation& all) {
  validate_tls(all);
  ApiConfig& api = all.config.api;
  const Origin& origin = all.origin.api;
  const std::string default_socket = all.config.node.runtime_dir + "/api.sock";
  if (!origin.given("listen")) {
    api.listen = {"unix:" + default_socket, "127.0.0.1:8080"};
    if (default_socket.size() > kMaxSocketPath) {
      all.report.error(
          DiagnosticId::socket_path_too_long, all.origin.node.of("runtime_dir"),
          "`runtime_dir` is too long: a unix socket's path, `/api.sock` included, has at most 107 bytes");
    }
    return;
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < api.listen.size(); ++i) {
    const SourcePosition position = origin.of("listen", i);
    if (seen.insert(api.listen[i]).second) {
      validate_listener(api.listen[i], position, all);
    } else {
      all.report.error(DiagnosticId::duplicate_listen, position, tick(api.listen[i]) + " stands here twice");
    }
  }
}

}  // namespace

void validate_node(Validation& all) {
  validate_paths(all);
  validate_workers(all);
  validate_api(all);
}

}  // namespace shunt
