// NetlinkSocket: a request socket to the kernel's rtnetlink. Ask, and wait for the answer or the whole dump.
//
// Owner: the control thread. It belongs to the network namespace it was opened in, wherever the thread goes
// later. The kernel answers inside the send, so a request never waits for anything but the kernel's own lock.
// Cost: about 2 µs a request beside the kernel's work for it. Bound: one datagram (64 KiB) at a time.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "control/netlink_message.h"

namespace shunt {

class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();

  // Sends `message` and waits for the kernel's acknowledgement. An error number in `accepted` is a success
  // too (EEXIST where adding twice is fine). `where` names the object in the error; its `what` has the
  // kernel's own explanation.
  Result<> request(NetlinkMessage& message, const std::string& where,
                   std::initializer_list<int> accepted = {});

  // As above, and hands the object that the kernel sends back (a GET) to `visit`. False: `accepted` applied.
  using Visit = std::function<void(const NetlinkView&)>;
  Result<bool> get(NetlinkMessage& message, const std::string& where, std::initializer_list<int> accepted,
                   const Visit& visit);

  // Sends a GET as a dump and hands every object to `visit`. False: the kernel's table changed meanwhile, so
  // the list may lack or repeat an object (ask again). No table at all (ENOENT) is an empty list.
  Result<bool> dump(NetlinkMessage& message, const std::string& where, const Visit& visit);

 private:
  explicit NetlinkSocket(UniqueFd fd);
  Result<> send(NetlinkMessage& message, const std::string& where);
  Result<std::span<const uint8_t>> receive(const std::string& where);

  UniqueFd fd_;
  uint32_t sequence_ = 0;
  std::vector<uint8_t> buffer_;
};

// A dump as a vector of rows: parse(view) gives an optional row. A dump that the kernel reports as
// inconsistent is taken again a few times, then as it is: whoever needs exactness listens to events as well
// (KernelMonitor).
template <typename Row, typename Parse>
Result<std::vector<Row>> collect(NetlinkSocket& socket, NetlinkMessage message, const std::string& where,
                                 Parse parse) {
  constexpr int kTries = 4;
  std::vector<Row> rows;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    rows.clear();
    const auto consistent = socket.dump(message, where, [&](const NetlinkView& view) {
      if (auto row = parse(view)) rows.push_back(std::move(*row));
    });
    if (!consistent) return consistent.error();
    if (consistent.value()) break;
  }
  return rows;
}

// "Operation not permitted", with what the kernel says beside the number (RFC 3549 has none;
// NLMSGERR_ATTR_MSG).
std::string kernel_error_text(int error, std::string_view explanation);

}  // namespace shunt
