// The UDP side of shunt-test-backend: a datagram comes back as it is, from the address it was sent to, after
// the latency that the knobs say.
//
// Bound: datagrams of kMaxDatagram bytes, what is longer is cut; WorkLine::kMaxWaiting in the line, more are
// lost.
#pragma once

#include <array>
#include <string>

#include "tests/tools/destination.h"
#include "tests/traffic/backend_http.h"

namespace shunt {

class BackendUdp final : public Pollable {
 public:
  static constexpr size_t kMaxDatagram = 9000;

  BackendUdp(Fd socket, BackendCore& core);
  void on_ready(uint32_t events, uint64_t now_ns) override;

 private:
  struct Datagram {
    std::string bytes;
    SocketAddress peer;
    alignas(cmsghdr) std::array<uint8_t, kDestinationBytes> control{};
    size_t control_bytes = 0;
  };

  bool receive(uint64_t now_ns);
  void answer(Datagram& datagram);

  Fd socket_;
  BackendCore& core_;
};

}  // namespace shunt
