// The UDP side of shunt-echo: every datagram is answered from the address it was sent to, which may be a VIP
// on lo.
//
// Owner: the one thread. Bound: a batch of kBatch datagrams; flows are remembered only when a fault counts
// messages, at most kMaxFlows of them (then all are forgotten at once). Cost: two system calls per batch.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <unordered_map>

#include "tests/tools/destination.h"
#include "tests/tools/echo_faults.h"
#include "tests/tools/echo_tcp.h"
#include "tests/tools/message.h"
#include "tests/tools/poller.h"
#include "tests/tools/socket.h"

namespace shunt {

class EchoUdp final : public Pollable {
 public:
  EchoUdp(Fd socket, Poller& poller, Answerer& answerer, EchoCounts& counts);
  void on_ready(uint32_t events, uint64_t now_ns) override;
  uint64_t dropped_here() const { return dropped_by_socket(socket_.get()); }

 private:
  static constexpr size_t kBatch = 32;
  static constexpr size_t kMaxFlows = 1U << 20U;

  struct Datagram {
    std::array<uint8_t, kMaxMessageBytes + 1> bytes;  // one more, so that a longer one is seen to be too long
    alignas(cmsghdr) std::array<uint8_t, kDestinationBytes> control;
    SocketAddress peer;
    iovec vector;
  };

  size_t receive();
  void answer(size_t number);
  void send();
  uint64_t count_message(uint64_t nonce);

  Fd socket_;
  Answerer& answerer_;
  EchoCounts& counts_;
  std::array<Datagram, kBatch> datagrams_;
  std::array<mmsghdr, kBatch> received_{};
  std::array<mmsghdr, 2 * kBatch> answers_{};  // a duplicated answer is here twice
  size_t answer_count_ = 0;
  std::unordered_map<uint64_t, uint64_t> messages_of_;
};

}  // namespace shunt
