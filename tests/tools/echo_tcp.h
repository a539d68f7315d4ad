// The TCP side of shunt-echo: a listener and its connections.
//
// Owner: the one thread. Bound: the limit of open files; a connection whose peer doesn't read is read no
// further once kMaxUnsentBytes wait. A killed echo resets its connections, as a host that lost its state
// does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "tests/tools/echo_faults.h"
#include "tests/tools/poller.h"
#include "tests/tools/socket.h"

namespace shunt {

struct EchoCounts {
  uint64_t tcp_connections = 0;
  uint64_t tcp_messages = 0;
  uint64_t udp_messages = 0;
  uint64_t udp_send_failed = 0;
  uint64_t not_ours = 0;  // not a question of the probe's
};

class EchoConnection;

class EchoListener final : public Pollable {
 public:
  EchoListener(Fd socket, Poller& poller, Answerer& answerer, EchoCounts& counts);
  ~EchoListener() override;
  void on_ready(uint32_t events, uint64_t now_ns) override;

 private:
  friend class EchoConnection;

  Fd socket_;
  Poller& poller_;
  Answerer& answerer_;
  EchoCounts& counts_;
  std::unordered_map<int, std::unique_ptr<EchoConnection>> connections_;
};

}  // namespace shunt
