// Rules of [[port]]: device grammar, kernel interfaces, addresses.
#include <algorithm>
#include <array>
#include <map>

#include "common/did_you_mean.h"
#include "control/config_validate.h"

namespace shunt {
namespace {

constexpr std::string_view kTap = "tap:";
constexpr std::string_view kVdev = "vdev:";

bool is_hex(std::string_view text, size_t shortest, size_t longest) {
  return text.size() >= shortest && text.size() <= longest &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// [DDDD:]BB:DD.F in hexadecimal digits, a function from 0 to 7 (as rte_pci_addr_parse takes it).
bool is_pci_address(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view function = text.substr(dot + 1);
  if (function.size() != 1 || function[0] < '0' || function[0] > '7') return false;
  std::string_view rest = text.substr(0, dot);
  const size_t last_colon = rest.rfind(':');
  if (last_colon == std::string_view::npos || !is_hex(rest.substr(last_colon + 1), 2, 2)) return false;
  rest = rest.substr(0, last_colon);
  const size_t first_colon = rest.find(':');
  if (first_colon == std::string_view::npos) return is_hex(rest, 2, 2);
  return is_hex(rest.substr(0, first_colon), 4, 8) && is_hex(rest.substr(first_colon + 1), 2, 2);
}

std::string_view driver_of(std::string_view devargs) {
  return devargs.substr(0, devargs.find(','));
}

bool is_devargs(std::string_view devargs) {
  const std::string_view driver = driver_of(devargs);
  return !driver.empty() && devargs.find('\0') == std::string_view::npos &&
         driver.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
             std::string_view::npos;
}

void bad_interface_name(std::string_view name, SourcePosition position, Report& report) {
  report.error(DiagnosticId::bad_interface_name, position,
               tick(name) + " isn't an interface name: 1 to 15 letters, digits and . _ - @");
}

// An unknown kind of device: perhaps a mistyped one, perhaps the name of a kernel interface.
void bad_device(const std::string& device, SourcePosition position, Report& report) {
  constexpr std::array<std::string_view, 4> kKinds = {"tap", "vdev", "af_xdp", "bond"};
  const size_t colon = device.find(':');
  const std::string_view meant =
      colon == std::string::npos ? "" : nearest(std::string_view(device).substr(0, colon), kKinds);
  report.error(DiagnosticId::bad_device, position,
               tick(device) + " isn't a device: write a PCI address (0000:3b:00.0), tap:NAME or vdev:DEVARGS",
               meant.empty() ? "" : "did you mean " + tick(std::string(meant) + device.substr(colon)) + "?");
}

void validate_device(const std::string& device, SourcePosition position, Report& report) {
  for (const std::string_view kind : {"af_xdp:", "bond:"}) {
    if (!device.starts_with(kind)) continue;
    return report.error(DiagnosticId::unsupported_device, position,
                        "device " + tick(kind) + " isn't supported by this version");
  }
  const std::string_view text = device;
  if (text.starts_with(kTap)) {
    if (!is_plain_interface_name(text.substr(kTap.size())))
      bad_interface_name(text.substr(kTap.size()), position, report);
  } else if (text.starts_with(kVdev)) {
    if (!is_devargs(text.substr(kVdev.size()))) {
      report.error(DiagnosticId::bad_device, position,
                   tick(device) + " names no driver: write vdev:net_null0 or vdev:net_pcap0,rx_pcap=FILE");
    }
  } else if (!is_pci_address(text)) {
    bad_device(device, position, report);
  }
}

// What two ports must not share: the tap's name, the virtual device's name, the PCI address with its domain.
std::string device_identity(const std::string& device) {
  if (device.starts_with(kTap)) return device;
  if (device.starts_with(kVdev)) return std::string(driver_of(device));
  std::string identity = device;
  std::transform(identity.begin(), identity.end(), identity.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::count(identity.begin(), identity.end(), ':') == 1 ? "0000:" + identity : identity;
}

void validate_devices(Validation& all) {
  std::map<std::string, size_t> first;
  for (size_t i = 0; i < all.config.ports.size(); ++i) {
    if (!all.origin.ports[i].has("device")) continue;
    const std::string& device = all.config.ports[i].device;
    const SourcePosition position = all.origin.ports[i].of("device");
    const auto [earlier, is_new] = first.try_emplace(device_identity(device), i);
    if (is_new) {
      validate_device(device, position, all.report);
    } else {
      all.report.error(DiagnosticId::duplicate_device, position,
                       tick(device) + " is the device of another port, in line " +
                           std::to_string(all.origin.ports[earlier->second].of("device").line));
    }
  }
}

void validate_host_interfaces(Validation& all) {
  std::map<std::string_view, size_t> first;
  for (size_t i = 0; i < all.config.ports.size(); ++i) {
    if (!all.origin.ports[i].has("host_interface")) continue;
    const std::string& name = all.config.ports[i].host_interface;
    const SourcePosition position = all.origin.ports[i].of("host_interface");
    if (!is_plain_interface_name(name)) {
      bad_interface_name(name, position, all.report);
      continue;
    }
    const auto [earlier, is_new] = first.try_emplace(name, i);
    if (!is_new) {
      all.report.error(DiagnosticId::duplicate_host_interface, position,
                       tick(name) + " is the host_interface of another port, in line " +
                           std::to_string(all.origin.ports[earlier->second].of("host_interface").line));
    }
    const bool is_tap =
        std::any_of(all.config.ports.begin(), all.config.ports.end(),
                    [&](const PortConfig& port) { return port.device == std::string(kTap) + name; });
    if (is_tap) {
      all.report.error(
          DiagnosticId::host_interface_is_tap, position,
          tick(name) + " is also the tap that a port drives: the host needs an interface of its own");
    }
  }
}

// Why an interface can't have this address; empty where it can.
std::string unusable(const Prefix& prefix) {
  const IpAddress& address = prefix.address;
  if (address.is_unspecified()) return "is no address";
  if (address.is_multicast()) return "is a multicast address";
  if (address.is_loopback()) return "is a loopback address";
  if (!address.is_v4() || prefix.length >= 31) return {};
  const uint32_t host_mask = prefix.length == 0 ? ~0U : (1U << (32U - prefix.length)) - 1U;
  if ((address.v4().host() & host_mask) == 0)
    return "is the network itself: give this host's own address in it";
  if ((address.v4().host() & host_mask) == host_mask) return "is the network's broadcast address";
  return {};
}

void validate_addresses(Validation& all) {
  std::map<IpAddress, SourcePosition> first;
  for (size_t i = 0; i < all.config.ports.size(); ++i) {
    const PortConfig& port = all.config.ports[i];
    const Origin& origin = all.origin.ports[i];
    if (!port.addresses.empty() && !origin.given("host_interface")) {
      all.report.error(DiagnosticId::addresses_without_interface, origin.of("addresses"),
                       "`addresses` are put on `host_interface`, which this port doesn't have");
    }
    for (size_t k = 0; k < port.addresses.size(); ++k) {
      const Prefix& prefix = port.addresses[k];
      const SourcePosition position = origin.of("addresses", k);
      const std::string why = unusable(prefix);
      const auto [earlier, is_new] = first.try_emplace(prefix.address, position);
      if (!why.empty()) {
        all.report.error(DiagnosticId::unusable_address, position, tick(prefix.text()) + " " + why);
      } else if (!is_new) {
        all.report.error(DiagnosticId::duplicate_address, position,
                         tick(prefix.address.text()) + " is already given in line " +
                             std::to_string(earlier->second.line));
      }
    }
  }
}

void validate_encap_source(const std::optional<Prefix>& source, std::string_view key, Family family,
                           const Origin& origin, Report& report) {
  if (!source) return;
  const SourcePosition position = origin.of(key);
  if (source->address.family() != family) {
    const bool wants_v4 = family == Family::ipv4;
    report.error(DiagnosticId::wrong_family, position,
                 tick(key) + (wants_v4 ? " is for IPv4: give IPv6 as `encap_source6`"
                                       : " is for IPv6: give IPv4 as `encap_source`"));
  } else if (source->address.is_unspecified() || source->address.is_multicast() ||
             source->address.is_loopback() || source->address.is_broadcast() || is_reserved_v6(*source)) {
    report.error(DiagnosticId::unusable_address, position,
                 tick(source->text()) + " can't be a source address");
  }
}

}  // namespace

void validate_ports(Validation& all) {
  validate_names(all.config.ports, all.origin.ports, "port", all.report);
  validate_devices(all);
  validate_host_interfaces(all);
  validate_addresses(all);
  for (size_t i = 0; i < all.config.ports.size(); ++i) {
    const PortConfig& port = all.config.ports[i];
    const Origin& origin = all.origin.ports[i];
    validate_encap_source(port.encap_source, "encap_source", Family::ipv4, origin, all.report);
    validate_encap_source(port.encap_source6, "encap_source6", Family::ipv6, origin, all.report);
    if (!origin.given("host_interface") && !origin.given("gateway_mac")) {
      all.report.warning(DiagnosticId::no_next_hop, port.position,
                         "port " + tick(port.name) +
                             " has neither `host_interface` nor `gateway_mac`: through it only "
                             "backends with a `mac` can be reached");
    }
  }
}

}  // namespace shunt
