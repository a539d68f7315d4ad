#include "control/host_tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace shunt {
namespace {

constexpr std::string_view kAlias = "shunt ";
constexpr uint32_t kQueueLength = 10'000;
constexpr uint32_t kFifoPackets = 1'000;  // in front of the tap's own ring of kQueueLength

Error tap_error(const std::string& name, const std::string& what) {
  return {"host_interface " + name, what};
}

Result<UniqueFd> open_tun_device() {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  const bool denied = error == EACCES || error == EPERM;
  return Error{"/dev/net/tun",
               kernel_error_text(error, {}) +
                   (denied ? ": run shuntd as root" : ": load the tun module (modprobe tun)")};
}

// 0 or the error number.
int attach(int fd, const std::string& name, int flags) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), std::min(name.size(), sizeof request.ifr_name - 1));
  request.ifr_flags = static_cast<short>(flags);
  if (::ioctl(fd, TUNSETIFF, &request) != 0) return errno;
  // No offloads: what the kernel hands over has its checksums and isn't longer than the MTU.
  return ::ioctl(fd, TUNSETOFFLOAD, 0) == 0 ? 0 : errno;
}

std::string attach_error_text(int error) {
  switch (error) {
    case EPERM:
      return kernel_error_text(error, {}) + ": run shuntd as root";
    case EBUSY:
      return "another process has it open: stop that one, or choose another name";
    case EINVAL:
      return "it exists and is no tap: choose another name, or remove it";
    default:
      return kernel_error_text(error, {});
  }
}

// The tap is multi-queue, so that another process can hold a detached queue that keeps carrier and neighbours
// over a restart. A user's tap need not be.
Result<UniqueFd> attach_tap(const std::string& name, const std::optional<KernelLink>& existing) {
  if (existing && existing->kind != "tun") return tap_error(name, attach_error_text(EINVAL));
  // The kernel would give a second queue to anybody, and half the frames with it.
  if (existing && existing->open_queues > 0) return tap_error(name, attach_error_text(EBUSY));
  auto fd = open_tun_device();
  if (!fd) return fd.error();
  int error = attach(fd.value().get(), name, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
  if (error == EINVAL && existing) error = attach(fd.value().get(), name, IFF_TAP | IFF_NO_PI);
  if (error != 0) return tap_error(name, attach_error_text(error));
  return fd;
}

struct Sysctl {
  Family family;
  const char* group;
  const char* key;
  const char* value;
};

constexpr Sysctl kSysctls[] = {
    {Family::ipv4, "neigh", "base_reachable_time_ms",
     "4000"},  // a silent change of MAC is seen in about 10 s, not 32
    {Family::ipv6, "neigh", "base_reachable_time_ms", "4000"},
    {Family::ipv4, "conf", "accept_redirects", "0"},
    {Family::ipv6, "conf", "accept_redirects", "0"},
    {Family::ipv6, "conf", "accept_ra", "0"},
    // The kernel asks for neighbours as the link-local address: there must be one, and not only after a
    // second or two.
    {Family::ipv6, "conf", "addr_gen_mode", "0"},
    {Family::ipv6, "conf", "accept_dad", "0"},
    {Family::ipv4, "conf", "arp_announce", "2"},  // ask as an address of this interface, never as another's
};

Result<> set_sysctls(const std::string& name) {
  const bool ipv6 = kernel_has_ipv6();
  for (const Sysctl& row : kSysctls) {
    if (row.family == Family::ipv6 && !ipv6) continue;
    const auto set = set_interface_sysctl(row.family, row.group, name, row.key, row.value);
    if (!set) return set.error();
  }
  return Ok{};
}

// Where IPv6 is off by default (containers), addresses that the configuration gives the interface turn it on
// there.
Result<> allow_ipv6(const std::string& name, const std::vector<Prefix>& addresses) {
  const bool wanted =
      std::ranges::any_of(addresses, [](const Prefix& prefix) { return !prefix.address.is_v4(); });
  if (!wanted || !kernel_has_ipv6()) return Ok{};
  return set_interface_sysctl(Family::ipv6, "conf", name, "disable_ipv6", "0");
}

bool is_in(const std::vector<Prefix>& list, const Prefix& prefix) {
  return std::find(list.begin(), list.end(), prefix) != list.end();
}

}  // namespace

Result<HostTap> HostTap::open(KernelNetwork& network, const HostTapOptions& options) {
  const auto existing = network.find_link(options.name);
  if (!existing) return tap_error(options.name, existing.error().what);
  auto fd = attach_tap(options.name, existing.value());
  if (!fd) return fd.error();
  Origin origin = Origin::made;
  if (existing.value())
    origin = existing.value()->alias.starts_with(kAlias) ? Origin::leftover : Origin::users;
  HostTap tap(fd.take(), options, origin);
  if (const auto configured = tap.configure(network); !configured) {
    if (origin != Origin::leftover) (void)tap.remove(network);
    return tap_error(options.name, configured.error().text());
  }
  return tap;
}

Result<> HostTap::configure(KernelNetwork& network) {
  const auto link = network.link(options_.name);
  if (!link) return link.error();
  index_ = link.value().index;
  if (origin_ == Origin::made) {
    // The alias comes first: killed in between, what is left is either known as ours or goes with the
    // process.
    const std::string alias = std::string(kAlias) + options_.port;
    if (const auto named = network.set_link(options_.name, {.alias = alias}); !named) return named;
    if (::ioctl(fd_.get(), TUNSETPERSIST, 1) != 0)
      return Error{"TUNSETPERSIST", kernel_error_text(errno, {})};
  }
  if (origin_ != Origin::users) {
    // Before it is up, when the kernel would give each of 256 queues one.
    if (const auto set = network.set_fifo_queue(index_, kFifoPackets); !set) return set;
  }
  // Before it is up, so that no router advertisement is taken.
  if (const auto set = set_sysctls(options_.name); !set) return set;
  LinkChange change = {.up = true, .mtu = options_.mtu, .queue_length = kQueueLength};
  // Setting the MAC flushes the neighbours even where it stays the same.
  if (link.value().mac != options_.mac) change.mac = options_.mac;
  if (const auto set = network.set_link(options_.name, change); !set) return set;
  return set_addresses(network, options_.addresses);
}

Result<std::vector<Prefix>> HostTap::current_addresses(KernelNetwork& network) const {
  const auto all = network.addresses();
  if (!all) return all.error();
  std::vector<Prefix> ours;
  for (const KernelAddress& row : all.value()) {
    // The IPv6 link-local address is the kernel's own work.
    const bool automatic = !row.prefix.address.is_v4() && row.prefix.address.is_link_local();
    if (row.interface == index_ && !automatic) ours.push_back(row.prefix);
  }
  return ours;
}

Result<> HostTap::set_addresses(KernelNetwork& network, const std::vector<Prefix>& addresses) {
  const auto before = current_addresses(network);
  if (!before) return before.error();
  // Removed first: IPv6 takes no second prefix length for an address, and an IPv4 subnet's first address
  // takes its secondaries along, which are then added below.
  for (const Prefix& prefix : before.value()) {
    const bool removable = origin_ != Origin::users || is_in(added_, prefix);
    if (is_in(addresses, prefix) || !removable) continue;
    if (const auto removed = network.remove_address(index_, prefix); !removed) return removed;
    std::erase(added_, prefix);
  }
  if (const auto allowed = allow_ipv6(options_.name, addresses); !allowed) return allowed;
  for (const Prefix& prefix : addresses) {
    if (const auto added = network.add_address(index_, prefix); !added) return added;
    if (!is_in(before.value(), prefix) && !is_in(added_, prefix)) added_.push_back(prefix);
  }
  options_.addresses = addresses;
  return Ok{};
}

Result<> HostTap::remove(KernelNetwork& network) {
  Result<> result = Ok{};
  if (origin_ == Origin::users) {
    for (const Prefix& prefix : added_) {
      if (const auto removed = network.remove_address(index_, prefix); !removed) result = removed;
    }
    added_.clear();
  } else {
    result = network.remove_link(options_.name);
  }
  fd_.reset();
  return result;
}

}  // namespace shunt
