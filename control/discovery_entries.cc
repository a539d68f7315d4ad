#include "control/discovery_entries.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "control/config_validate.h"

namespace shunt {
namespace {

constexpr size_t kShown = 100;
constexpr uint64_t kMostPort = 65'535;
constexpr uint64_t kMostWeight = 65'535;

std::optional<uint16_t> number_in(const nlohmann::json& value, uint64_t least, uint64_t most) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<uint64_t>();
  if (number < least || number > most) return std::nullopt;
  return static_cast<uint16_t>(number);
}

// Takes one key into the backend; what is wrong with it otherwise.
std::string read_key(const std::string& key, const nlohmann::json& value, BackendConfig& backend) {
  if (key == "name") {
    if (!value.is_string() || !is_name(value.get_ref<const std::string&>()))
      return "`name` isn't a name: 1 to 63 letters, digits and . _ - :";
    backend.name = value.get<std::string>();
  } else if (key == "address") {
    const auto text = value.is_string() ? value.get<std::string>() : std::string();
    const auto address = text.find('\0') == std::string::npos ? IpAddress::parse(text) : std::nullopt;
    if (!address) return "`address` isn't an address like \"192.0.2.1\" or \"2001:db8::1\"";
    backend.address = *address;
  } else if (key == "port") {
    const auto port = number_in(value, 1, kMostPort);
    if (!port) return "`port` isn't a number from 1 to 65535";
    backend.port = *port;
  } else if (key == "weight") {
    const auto weight = number_in(value, 0, kMostWeight);
    if (!weight) return "`weight` isn't a number from 0 to 65535";
    backend.weight = *weight;
  } else if (key == "draining") {
    if (!value.is_boolean()) return "`draining` isn't true or false";
    backend.admin = value.get<bool>() ? AdminState::draining : AdminState::enabled;
  } else {
    return "there is no key `" + shown(key) + "`";
  }
  return {};
}

}  // namespace

std::string shown(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, kShown))
    safe += c >= ' ' && c < 0x7f ? c : '?';
  return text.size() > kShown ? safe + "…" : safe;
}

std::string default_backend_name(const IpAddress& address, uint16_t port) {
  if (port == 0) return address.text();
  return address.text() + (address.is_v4() ? ":" : "-") + std::to_string(port);
}

nlohmann::json backend_json(const BackendConfig& backend) {
  nlohmann::json json = {
      {"name", backend.name}, {"address", backend.address.text()}, {"weight", backend.weight}};
  if (backend.port != 0) json["port"] = backend.port;
  if (backend.admin != AdminState::enabled) json["draining"] = true;
  return json;
}

void DiscoveryEntries::skip(std::string_view where, std::string_view why) {
  answer_.skip(shown(where) + ": " + std::string(why));
}

void DiscoveryEntries::add(BackendConfig backend, std::string_view where) {
  if (backend.name.empty()) backend.name = default_backend_name(backend.address, backend.port);
  if (answer_.backends.size() >= kMostPoolBackends) {
    return skip(where, "more than " + std::to_string(kMostPoolBackends) + " backends");
  }
  if (addresses_.contains({backend.address, backend.port})) {
    return skip(where, backend.address.text() +
                           (backend.port == 0 ? "" : " port " + std::to_string(backend.port)) +
                           " is there twice");
  }
  if (names_.contains(backend.name)) return skip(where, "the name " + backend.name + " is there twice");
  addresses_.insert({backend.address, backend.port});
  names_.insert(backend.name);
  answer_.backends.push_back(std::move(backend));
}

void DiscoveryEntries::add_json(const nlohmann::json& entry, std::string_view where, std::string name) {
  if (!entry.is_object()) return skip(where, "isn't an object like {\"address\": \"192.0.2.1\"}");
  BackendConfig backend;
  backend.name = std::move(name);
  for (const auto& [key, value] : entry.items()) {
    if (const std::string fault = read_key(key, value, backend); !fault.empty()) return skip(where, fault);
  }
  if (!entry.contains("address")) return skip(where, "has no `address`");
  add(std::move(backend), where);
}

}  // namespace shunt
