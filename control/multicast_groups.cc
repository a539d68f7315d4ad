#include "control/multicast_groups.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "control/netlink_socket.h"

namespace shunt {
namespace {

// 0 or the error number.
int change_membership(int fd, int option, const MulticastGroups::Membership& membership) {
  ipv6_mreq request{};
  std::ranges::copy(membership.second.bytes(), request.ipv6mr_multiaddr.s6_addr);
  request.ipv6mr_interface = membership.first;
  return ::setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof request) == 0 ? 0 : errno;
}

}  // namespace

Result<> MulticastGroups::set(const std::set<Membership>& wanted) {
  for (auto at = joined_.begin(); at != joined_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    Holder& holder = holders_[at->second];
    // An interface that is gone has taken its memberships along.
    (void)change_membership(holder.fd.get(), IPV6_LEAVE_GROUP, at->first);
    --holder.groups;
    at = joined_.erase(at);
  }
  Result<> result = Ok{};
  for (const Membership& membership : wanted) {
    if (joined_.contains(membership)) continue;
    auto joined = join(membership);
    if (!joined && result) result = std::move(joined);
  }
  return result;
}

Result<> MulticastGroups::join(const Membership& membership) {
  const auto holder = holder_with_room();
  if (!holder) return holder.error();
  const int error = change_membership(holders_[holder.value()].fd.get(), IPV6_JOIN_GROUP, membership);
  if (error != 0) {
    return Error{"group " + membership.second.text() + " on interface " + std::to_string(membership.first),
                 kernel_error_text(error, {})};
  }
  ++holders_[holder.value()].groups;
  joined_.emplace(membership, holder.value());
  return Ok{};
}

Result<size_t> MulticastGroups::holder_with_room() {
  const auto found =
      std::ranges::find_if(holders_, [](const Holder& holder) { return holder.groups < kGroupsPerSocket; });
  if (found != holders_.end()) return static_cast<size_t>(found - holders_.begin());
  UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error{"multicast groups", kernel_error_text(errno, {})};
  holders_.push_back({std::move(fd), 0});
  return holders_.size() - 1;
}

}  // namespace shunt
