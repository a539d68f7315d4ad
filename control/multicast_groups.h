// MulticastGroups: IPv6 groups that this host is a member of on its interfaces, so that MLD tells the
// switches.
//
// Owner: the control thread; made in the network namespace of the interfaces. Sockets that never read hold
// the memberships, kGroupsPerSocket each (the kernel bounds a socket's by net.core.optmem_max); they end with
// the process. Cost: a system call for each group that comes or goes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace shunt {

inline constexpr size_t kGroupsPerSocket = 512;

class MulticastGroups {
 public:
  using Membership = std::pair<uint32_t, IpAddress>;  // interface, group

  // Joins and leaves what is the difference. What couldn't be joined is tried again at the next call; the
  // first error is returned, after everything has been tried.
  Result<> set(const std::set<Membership>& wanted);

 private:
  struct Holder {
    UniqueFd fd;
    size_t groups = 0;
  };

  Result<> join(const Membership& membership);
  Result<size_t> holder_with_room();

  std::vector<Holder> holders_;
  std::map<Membership, size_t> joined_;  // which holder has it
};

}  // namespace shunt
