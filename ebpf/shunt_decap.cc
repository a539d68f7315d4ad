// shunt-decap: what a backend of l2, ipip, gue or gre runs once, to take outer headers off and to count the
// RSTs that go past shunt. The work is done by two programs in the kernel, which stay when this ends.
#include <bpf/libbpf.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "ebpf/bpf_objects.h"
#include "ebpf/reset_counts.h"
#include "ebpf/tc_programs.h"

namespace shunt {
namespace {

std::optional<Prefix> prefix_of(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr || entry.ifa_netmask == nullptr) return {};
  Prefix prefix;
  if (entry.ifa_addr->sa_family == AF_INET) {
    const auto bits_of = [](const sockaddr* at) {
      sockaddr_in address;
      std::memcpy(&address, at, sizeof address);
      return load<be32>(reinterpret_cast<const uint8_t*>(&address.sin_addr));
    };
    prefix.address = IpAddress::v4(bits_of(entry.ifa_addr));
    prefix.length = static_cast<uint8_t>(std::popcount(bits_of(entry.ifa_netmask).host()));
    return prefix;
  }
  if (entry.ifa_addr->sa_family != AF_INET6) return {};
  sockaddr_in6 address;
  sockaddr_in6 mask;
  std::memcpy(&address, entry.ifa_addr, sizeof address);
  std::memcpy(&mask, entry.ifa_netmask, sizeof mask);
  prefix.address = IpAddress::v6(address.sin6_addr.s6_addr);
  prefix.length = 0;
  for (const uint8_t byte : mask.sin6_addr.s6_addr)
    prefix.length = static_cast<uint8_t>(prefix.length + std::popcount(byte));
  return prefix;
}

// What lo holds beside 127/8 and ::1: in DSR, the VIPs.
std::vector<Prefix> vips_on_lo() {
  std::vector<Prefix> vips;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return vips;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto prefix = prefix_of(*entry);
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0 && prefix && !prefix->address.is_loopback())
      vips.push_back(*prefix);
  }
  return vips;
}

struct Options {
  std::string interface;
  bool count_only = false;
  std::vector<std::string> vips;
  bool json = false;
  bool prometheus = false;
};

Result<> attach(int interface, TcSide side, std::span<const unsigned char> bytes, const char* name,
                const char* program) {
  auto object = BpfObject::load(bytes, name);
  if (!object) return object.error();
  return attach_program(interface, side, object.value().program(program));
}

Result<std::vector<Prefix>> vips_of(const Options& options) {
  if (options.vips.empty()) return vips_on_lo();
  std::vector<Prefix> vips;
  for (const std::string& text : options.vips) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) return Error{text, "not an address or prefix"};
    vips.push_back(*prefix);
  }
  return vips;
}

Result<> attach_all(const Options& options, int interface) {
  auto vips = vips_of(options);
  if (!vips) return vips.error();
  if (vips.value().empty())
    return Error{"lo", "holds no VIP to count resets of: put it there first, or name it with --vip"};
  if (!options.count_only) {
    const auto done = attach(interface, TcSide::ingress, kDecapObject, "decap", "decap");
    if (!done) return done.error();
  }
  if (!attached_program(interface, TcSide::egress)) {
    const auto done = attach(interface, TcSide::egress, kResetsObject, "resets", "count_resets");
    if (!done) return done.error();
  }
  return set_vips(attached_program(interface, TcSide::egress).get(), vips.value());
}

Result<> detach_all(int interface) {
  for (const TcSide side : {TcSide::ingress, TcSide::egress}) {
    const auto done = detach_program(interface, side);
    if (!done) return done.error();
  }
  return Ok{};
}

Result<> print_status(const Options& options, int interface) {
  const UniqueFd program = attached_program(interface, TcSide::egress);
  if (!program)
    return Error{options.interface, "nothing is attached: shunt-decap attach " + options.interface};
  const auto counts = read_resets(program.get());
  if (!counts) return counts.error();
  const std::string text = options.json         ? json_of(counts.value())
                           : options.prometheus ? prometheus_of(counts.value())
                                                : table_of(counts.value());
  std::fputs(text.c_str(), stdout);
  return Ok{};
}

int run(int argc, char** argv) {
  CLI::App app(
      "Takes shunt's outer headers off at a backend, and counts the resets that leave from its VIPs.");
  app.require_subcommand(1);
  Options options;
  const auto command = [&](const char* name, const char* text) {
    CLI::App* const made = app.add_subcommand(name, text);
    made->add_option("INTERFACE", options.interface, "the one that faces shunt and the clients")->required();
    return made;
  };
  CLI::App* const attaching = command("attach", "begin; again: take the VIPs of now, the counts go on");
  attaching->add_flag("--count-only", options.count_only,
                      "leave outer headers alone: for `forward = \"l2\"`");
  attaching->add_option("--vip", options.vips, "ADDRESS[/LENGTH]; default: what lo holds");
  CLI::App* const detaching = command("detach", "end; counts are forgotten");
  CLI::App* const status = command("status", "what was counted");
  auto* const json = status->add_flag("--json", options.json);
  status->add_flag("--prometheus", options.prometheus, "for node_exporter's textfile collector")
      ->excludes(json);
  CLI11_PARSE(app, argc, argv);

  libbpf_set_print([](libbpf_print_level level, const char* format, va_list words) {
    return level == LIBBPF_WARN ? std::vfprintf(stderr, format, words) : 0;
  });
  const auto interface = interface_index(options.interface);
  if (!interface) {
    std::fprintf(stderr, "shunt-decap: %s\n", interface.error().text().c_str());
    return 1;
  }
  const int index = interface.value();
  const Result<> done = attaching->parsed()   ? attach_all(options, index)
                        : detaching->parsed() ? detach_all(index)
                                              : print_status(options, index);
  if (done) return 0;
  std::fprintf(stderr, "shunt-decap: %s\n", done.error().text().c_str());
  return 1;
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  return shunt::run(argc, argv);
}
