// Kubernetes API reference, EndpointSlice v1: addresses, conditions, ports, targetRef.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "control/config_validate.h"
#include "control/discovery_endpoints.h"
#include "control/discovery_entries.h"
#include "control/discovery_kubernetes.h"

namespace shunt {
namespace {

using nlohmann::json;

constexpr size_t kMostOfSlice = 1'000;  // Kubernetes' own bound

// The port of that name, or the only one; 0 where the slice allows any. Nothing where it can't be told.
std::optional<uint16_t> port_of(const json& slice, const std::string& name) {
  const json* ports = json_at(slice, "ports");
  if (ports == nullptr || !ports->is_array() || ports->empty())
    return name.empty() ? std::optional<uint16_t>(0) : std::nullopt;
  if (name.empty() && ports->size() != 1) return std::nullopt;
  for (const json& entry : *ports) {
    if (!name.empty() && json_text(entry, "name") != name) continue;
    const json* number = json_at(entry, "port");
    if (number == nullptr) return 0;
    if (!number->is_number_unsigned() || number->get<uint64_t>() == 0 || number->get<uint64_t>() > 65'535)
      return std::nullopt;
    return number->get<uint16_t>();
  }
  return std::nullopt;
}

enum class Readiness { ready, draining, away };

// A condition that isn't there: ready; serving as ready; not terminating.
Readiness readiness_of(const json& endpoint) {
  static const json kNone = json::object();
  const json* given = json_at(endpoint, "conditions");
  const json& conditions = given == nullptr ? kNone : *given;
  if (json_true(conditions, "ready", true)) return Readiness::ready;
  const bool serving = json_true(conditions, "serving", false);
  const bool terminating = json_true(conditions, "terminating", false);
  return serving && terminating ? Readiness::draining : Readiness::away;
}

// The first address; the others of an endpoint are the same server's.
std::optional<IpAddress> address_of(const json& endpoint) {
  const json* list = json_at(endpoint, "addresses");
  if (list == nullptr || !list->is_array() || list->empty() || !list->front().is_string())
    return std::nullopt;
  const auto text = list->front().get<std::string>();
  return text.find('\0') == std::string::npos ? IpAddress::parse(text) : std::nullopt;
}

std::string pod_name(const json& endpoint, const IpAddress& address) {
  const json* target = json_at(endpoint, "targetRef");
  if (target == nullptr || json_text(*target, "kind") != "Pod") return {};
  const std::string name = json_text(*target, "name") + (address.is_v4() ? "" : "-v6");
  return is_name(name) ? name : std::string();
}

}  // namespace

EndpointSlice read_endpoint_slice(const json& slice, const std::string& port_name) {
  EndpointSlice read;
  const json* metadata = json_at(slice, "metadata");
  const std::string name = metadata == nullptr ? "" : shown(json_text(*metadata, "name"));
  if (json_text(slice, "addressType") == "FQDN") {
    read.skipped.push_back(name + ": has host names, not addresses");
    return read;
  }
  const json* endpoints = json_at(slice, "endpoints");
  if (endpoints == nullptr || !endpoints->is_array() || endpoints->empty()) return read;
  const auto port = port_of(slice, port_name);
  if (!port) {
    read.skipped.push_back(name + (port_name.empty() ? ": has several ports: name one as `port_name`"
                                                     : ": has no port of the name " + port_name));
    return read;
  }
  for (const json& endpoint : *endpoints) {
    const Readiness readiness = readiness_of(endpoint);
    if (readiness == Readiness::away) continue;
    const auto address = address_of(endpoint);
    if (!address) {
      if (read.skipped.size() < DiscoveryAnswer::kMostSkipped)
        read.skipped.push_back(name + ": an endpoint without an address");
      continue;
    }
    if (read.backends.size() >= kMostOfSlice) {
      read.skipped.push_back(name + ": has more than " + std::to_string(kMostOfSlice) + " endpoints");
      break;
    }
    BackendConfig backend;
    backend.name = pod_name(endpoint, *address);
    backend.address = *address;
    backend.port = *port;
    backend.admin = readiness == Readiness::draining ? AdminState::draining : AdminState::enabled;
    read.backends.push_back(std::move(backend));
  }
  return read;
}

DiscoveryAnswer join_slices(const std::map<std::string, EndpointSlice>& slices) {
  std::map<std::pair<IpAddress, uint16_t>, const BackendConfig*> best;
  for (const auto& [name, slice] : slices) {
    for (const BackendConfig& backend : slice.backends) {
      const auto [at, fresh] = best.try_emplace({backend.address, backend.port}, &backend);
      if (!fresh && at->second->admin != AdminState::enabled) at->second = &backend;
    }
  }
  DiscoveryEntries entries;
  for (const auto& [key, backend] : best)
    entries.add(*backend, backend->name.empty() ? backend->address.text() : backend->name);
  for (const auto& [name, slice] : slices) {
    for (const std::string& why : slice.skipped)
      entries.skip("endpointslice", why);
  }
  return entries.take();
}

}  // namespace shunt
