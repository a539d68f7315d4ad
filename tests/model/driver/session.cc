#include "tests/model/driver/session.h"

#include <algorithm>

#include "control/config_load.h"
#include "control/node_identity.h"

namespace shunt::model {
namespace {

// The event can't be done here and now: not an error of the protocol.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const Json& member(const Json& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end()) throw BadEvent(std::string("\"") + key + "\" is missing");
  return *found;
}

const std::string& text(const Json& event, const char* key) {
  const Json& value = member(event, key);
  if (!value.is_string()) throw BadEvent(std::string("\"") + key + "\" isn't a text");
  return value.get_ref<const std::string&>();
}

MacAddress mac_of(const Json& event, const char* key) {
  const auto mac = MacAddress::parse(text(event, key));
  if (!mac) throw BadEvent(std::string("\"") + key + "\" isn't a MAC address");
  return *mac;
}

IpAddress address_of(const Json& event, const char* key) {
  const auto address = IpAddress::parse(text(event, key));
  if (!address) throw BadEvent(std::string("\"") + key + "\" isn't an address");
  return *address;
}

unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  throw BadEvent("\"hex\" has something else than hexadecimal digits");
}

// No device gives a longer frame. An empty one is a pcap file's.
constexpr size_t kLongestFrame = 65'535;

Bytes bytes_of(const Json& event) {
  const std::string& hex = text(event, "hex");
  if (hex.size() % 2 != 0 || hex.size() / 2 > kLongestFrame)
    throw BadEvent("\"hex\" isn't at most 65535 whole bytes");
  Bytes bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  return bytes;
}

std::string hex_of(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

const char* name_of(OutKind kind) {
  switch (kind) {
    case OutKind::sent:
      return "sent";
    case OutKind::punted:
      return "punted";
    case OutKind::originated:
      return "originated";
  }
  return "";
}

Config load(const std::string& toml) {
  LoadResult loaded = load_config(toml, "event");
  if (loaded.config) return std::move(*loaded.config);
  std::string all;
  for (const Diagnostic& error : loaded.errors) {
    all += (all.empty() ? "" : "\n") + std::to_string(error.position.line) + ":" +
           std::to_string(error.position.column) + ": " + error.message;
  }
  throw Refused(all);
}

// What the rows of counters here have room for, which is less than shuntd has.
void refuse_too_large(const Config& config) {
  const auto backends = [&](const std::string& name) -> size_t {
    const auto pool = std::ranges::find(config.pools, name, &PoolConfig::name);
    return pool == config.pools.end() ? 0 : pool->backends.size();
  };
  size_t pairs = 0;
  for (const ServiceConfig& service : config.services)
    pairs += backends(service.pool) + backends(service.backup_pool);
  if (config.ports.size() > LiveNode::kMostPorts || pairs > LiveNode::kMostPairs ||
      config.services.size() > LiveNode::kMostServices) {
    throw Refused(
        "too large for the driver: at most 4 ports, 250 services, 1024 pairs of service and backend");
  }
}

std::vector<PortRuntime> port_runtimes(const Config& config, const Json& event) {
  const Json given = event.value("ports", Json::object());
  for (const auto& [name, macs] : given.items()) {
    if (std::ranges::count(config.ports, name, &PortConfig::name) == 0)
      throw BadEvent("\"ports\" names \"" + name + "\", which the configuration doesn't");
  }
  std::vector<PortRuntime> ports;
  for (const PortConfig& port : config.ports) {
    MacAddress mac{{0x02, 0, 0, 0, 0, static_cast<uint8_t>(ports.size() + 1)}};
    const Json macs = given.value(port.name, Json::object());
    if (macs.contains("mac")) mac = mac_of(macs, "mac");
    mac = port.mac.value_or(mac);
    const MacAddress host_mac = macs.contains("host_mac") ? mac_of(macs, "host_mac") : second_mac(mac);
    ports.push_back({mac, host_mac, !port.host_interface.empty()});
  }
  return ports;
}

bool same_macs(const std::vector<PortRuntime>& a, const std::vector<PortRuntime>& b) {
  return std::ranges::equal(a, b, [](const PortRuntime& x, const PortRuntime& y) {
    return x.mac == y.mac && x.host_mac == y.host_mac;
  });
}

// As the daemon has it.
bool needs_restart(const Config& a, const Config& b) {
  return a.node.cluster_key_file != b.node.cluster_key_file || !(a.dataplane == b.dataplane) ||
         !std::ranges::equal(a.ports, b.ports, [](const PortConfig& x, const PortConfig& y) {
           return x.name == y.name && x.device == y.device && x.host_interface == y.host_interface &&
                  x.mac == y.mac && x.mtu == y.mtu;
         });
}

}  // namespace

Json Session::handle(const Json& event) {
  if (!event.is_object()) throw BadEvent("an event is an object");
  using Handler = Json (Session::*)(const Json&);
  static const std::map<std::string, Handler> handlers = {
      {"config", &Session::config},       {"accept", &Session::accept},
      {"neighbour", &Session::neighbour}, {"route", &Session::route},
      {"time", &Session::time},           {"frame", &Session::frame},
      {"frames", &Session::frames},       {"host_frame", &Session::host_frame},
      {"spoil", &Session::spoil},
  };
  const std::string& type = text(event, "type");
  try {
    if (type == "reset") return reset();
    const auto handler = handlers.find(type);
    if (handler == handlers.end()) throw BadEvent("there is no event \"" + type + "\"");
    return (this->*handler->second)(event);
  } catch (const Refused& refused) {
    return {{"error", refused.what()}};
  } catch (const Json::exception& wrong) {
    throw BadEvent(wrong.what());
  }
}

std::vector<std::string> Session::finish() {
  node_.reset();
  return failures_.take();
}

Json Session::reset() {
  Effects effects;
  effects.faults = finish();
  now_ns_ = 1'000'000'000'000;
  return answer(effects, false);
}

Json Session::config(const Json& event) {
  const Config config = load(text(event, "toml"));
  refuse_too_large(config);
  return node_ ? reload(config, event) : start(config, event);
}

Json Session::start(const Config& config, const Json& event) {
  ports_ = port_runtimes(config, event);
  auto cluster_key = read_cluster_key(config.node.cluster_key_file);
  if (!cluster_key) throw Refused(cluster_key.error().text());
  const auto seed = event.value("table_seed", uint64_t{1});
  const HashKey table_key{{seed, seed ^ 0x9e3779b97f4a7c15U, ~seed, seed * 0xff51afd7ed558ccdU}};
  node_.emplace(LiveNode::Settings{config, ports_, table_key, cluster_key.value(), now_ns_}, failures_);
  return answer(node_->idle(), false);
}

Json Session::reload(const Config& config, const Json& event) {
  if (needs_restart(node_->config(), config))
    throw Refused(
        "a running shunt can't take this up (cluster key, [dataplane], a port's device): reset first");
  if (event.contains("ports") && !same_macs(port_runtimes(config, event), ports_))
    throw Refused("a port's MAC can't be changed while it runs: reset first");
  return answer(node_->reload(config), false);
}

Json Session::accept(const Json& event) {
  const std::string& pool = text(event, "pool");
  const std::string& backend = text(event, "backend");
  const auto& pools = node().config().pools;
  const auto found = std::ranges::find(pools, pool, &PoolConfig::name);
  if (found == pools.end()) throw Refused("there is no pool \"" + pool + "\"");
  if (std::ranges::count(found->backends, backend, &BackendConfig::name) == 0)
    throw Refused("pool \"" + pool + "\" has no backend \"" + backend + "\"");
  if (!found->health) throw Refused("pool \"" + pool + "\" has no health checks: it is always up");
  return answer(node().set_health(pool, backend, member(event, "up").get<bool>()), false);
}

Json Session::neighbour(const Json& event) {
  const uint8_t port = port_of(event);
  return answer(node().learn(port, address_of(event, "address"), mac_of(event, "mac")), false);
}

Json Session::route(const Json& event) {
  Route route;
  const auto prefix = Prefix::parse(text(event, "prefix"));
  if (!prefix) throw BadEvent("\"prefix\" isn't one");
  route.prefix = *prefix;
  route.port = port_of(event);
  if (event.contains("via")) route.gateway = address_of(event, "via");
  return answer(node().add_route(route), false);
}

// Before the first configuration it sets the clock; afterwards it turns it, with all that goes on meanwhile.
Json Session::time(const Json& event) {
  const Json& value = member(event, "ns");
  if (!value.is_number_unsigned()) throw BadEvent("\"ns\" isn't a number of nanoseconds");
  const auto now_ns = value.get<uint64_t>();
  if (node_ && now_ns < now_ns_) throw Refused("time doesn't go back: it is " + std::to_string(now_ns_));
  if (node_ && now_ns - now_ns_ > LiveNode::kLongestWaitNs) throw Refused("more than a day at once");
  now_ns_ = now_ns;
  return node_ ? answer(node_->advance_to(now_ns), false) : answer({}, false);
}

Json Session::frame(const Json& event) {
  const uint8_t port = port_of(event);
  return answer(node().feed({{port, bytes_of(event)}}), true);
}

Json Session::frames(const Json& event) {
  std::vector<In> frames;
  const Json& list = member(event, "frames");
  if (!list.is_array()) throw BadEvent("\"frames\" isn't a list");
  for (const Json& each : list)
    frames.push_back({port_of(each), bytes_of(each)});
  return answer(node().feed(frames), true);
}

Json Session::host_frame(const Json& event) {
  const uint8_t port = port_of(event);
  if (!ports_[port].has_host_interface) throw Refused("the port has no host_interface");
  const In frame{port, bytes_of(event)};
  if (frame.frame.size() < 14) throw Refused("a kernel sends no frame without an Ethernet header");
  return answer(node().from_host(frame), true);
}

Json Session::spoil(const Json& event) {
  static const std::map<std::string, uint64_t Ledger::*> terms = {
      {"received", &Ledger::received},     {"sent", &Ledger::sent},       {"punted", &Ledger::punted},
      {"originated", &Ledger::originated}, {"entered", &Ledger::entered}, {"left", &Ledger::left},
  };
  const auto term = terms.find(text(event, "term"));
  if (term == terms.end()) throw BadEvent("the ledger has no such term");
  return answer(node().spoil(term->second), false);
}

LiveNode& Session::node() {
  if (!node_) throw Refused("no configuration yet");
  return *node_;
}

uint8_t Session::port_of(const Json& event) {
  const std::string& name = text(event, "port");
  const auto& ports = node().config().ports;
  const auto found = std::ranges::find(ports, name, &PortConfig::name);
  if (found == ports.end()) throw Refused("there is no port \"" + name + "\"");
  return static_cast<uint8_t>(found - ports.begin());
}

Json Session::answer(const Effects& effects, bool is_frame) const {
  Json out = Json::array();
  for (const Out& each : effects.out) {
    out.push_back({{"kind", name_of(each.kind)},
                   {"port", node_->config().ports[each.port].name},
                   {"hex", hex_of(each.frame)}});
  }
  Json dropped = Json::object();
  for (size_t reason = 0; reason < kDropReasons; ++reason) {
    if (effects.dropped[reason] != 0)
      dropped[std::string(kDropReasonNames[reason])] = effects.dropped[reason];
  }
  Json answer = Json::object();
  if (!is_frame) answer["ok"] = true;
  if (is_frame || !out.empty()) answer["out"] = std::move(out);
  if (is_frame || !dropped.empty()) answer["dropped"] = std::move(dropped);
  if (effects.originated != 0) answer["originated"] = effects.originated;
  if (effects.in_flight != 0) answer["in_flight"] = effects.in_flight;
  if (effects.faults.empty()) return answer;
  answer["error"] = "shunt contradicts itself: " + effects.faults.front();
  answer["faults"] = effects.faults;
  return answer;
}

}  // namespace shunt::model
