// HostTap: the persistent kernel tap behind a port (`host_interface`), through which shuntd and the kernel
// exchange what isn't VIP traffic.
//
// Owner: the control thread makes, configures and removes it; the punt thread alone reads and writes its fd,
// one Ethernet frame a call, without blocking. Bound: 10,000 frames wait in the kernel, further ones it
// drops.
//
// Whose tap it is: one that shuntd makes carries the alias "shunt PORT", so that after a kill -9 the leftover
// is known as ours, adopted with its addresses and neighbours, and removed at the next clean stop. A tap
// without that alias is the user's: adopted, and left there at the stop without the addresses that were
// added.
#pragma once

#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "control/kernel_network.h"

namespace shunt {

struct HostTapOptions {
  std::string name;
  std::string port;  // for the alias
  MacAddress mac;
  uint32_t mtu = 1500;
  std::vector<Prefix> addresses;  // with host bits
};

class HostTap {
 public:
  enum class Origin : uint8_t { made, leftover, users };

  // Makes or adopts the tap in the calling thread's namespace and brings it up as `options` say. An error
  // says what to do and leaves nothing behind that wasn't there. Refused: a name that is no tap, a tap that
  // another process has open.
  static Result<HostTap> open(KernelNetwork& network, const HostTapOptions& options);

  HostTap(HostTap&&) = default;
  HostTap& operator=(HostTap&&) = default;
  ~HostTap() = default;  // closes the fd and leaves the tap, as a crash would

  int fd() const { return fd_.get(); }
  uint32_t index() const { return index_; }
  const std::string& name() const { return options_.name; }
  Origin origin() const { return origin_; }

  // A reload's change of addresses: what isn't in the list is removed (of a user's tap only
  // what shuntd added), then the new ones are added.
  Result<> set_addresses(KernelNetwork& network, const std::vector<Prefix>& addresses);

  // The clean stop: removes the tap if it is ours, else the addresses added to it.
  Result<> remove(KernelNetwork& network);

 private:
  HostTap(UniqueFd fd, HostTapOptions options, Origin origin)
      : fd_(std::move(fd)), options_(std::move(options)), origin_(origin) {}
  Result<> configure(KernelNetwork& network);
  Result<std::vector<Prefix>> current_addresses(KernelNetwork& network) const;

  UniqueFd fd_;
  HostTapOptions options_;
  Origin origin_;
  uint32_t index_ = 0;
  std::vector<Prefix> added_;  // on a user's tap
};

}  // namespace shunt
