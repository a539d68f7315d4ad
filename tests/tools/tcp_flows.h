// The TCP side of shunt-probe: connections that are opened once, exercised at an interval, and watched.
//
// Owner: the one thread. A connection breaks at most once; it is closed then and not opened again. Nothing
// about it is forgiven: answers come in order, whole, each once, from one backend.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/tools/beat.h"
#include "tests/tools/message.h"
#include "tests/tools/poller.h"
#include "tests/tools/probe_options.h"
#include "tests/tools/tally.h"

namespace shunt {

class TcpFlow;

class TcpFlows {
 public:
  TcpFlows(const ProbeOptions& options, const RunOrigin& origin, Poller& poller, const LostBackends& lost);
  ~TcpFlows();

  void open_up_to(uint32_t count, uint64_t now_ns);
  void send_due(uint64_t now_ns);
  void check_silence(uint64_t now_ns);

  // Nothing is sent any more; settled when every open connection has all its answers.
  void stop_sending() { stopped_ = true; }
  bool settled() const;
  void close_all();

  const Tally& tally() const { return tally_; }
  uint32_t wanted() const { return options_.tcp; }
  uint64_t open_now() const { return open_; }
  uint64_t unanswered() const;

 private:
  friend class TcpFlow;

  void send(TcpFlow& flow, uint64_t now_ns);
  bool send_rest(TcpFlow& flow, uint64_t now_ns);
  void connected(TcpFlow& flow, uint64_t now_ns);
  void receive(TcpFlow& flow, uint64_t now_ns);
  void read_frames(TcpFlow& flow, uint64_t now_ns);
  void take(TcpFlow& flow, const Message& answer, uint64_t now_ns);
  void end_by_errno(TcpFlow& flow, int error, uint64_t now_ns);
  void end(TcpFlow& flow, BreakKind kind, std::string detail, uint64_t now_ns);

  const ProbeOptions& options_;
  const RunOrigin& origin_;
  Poller& poller_;
  Tally tally_;
  Beat beat_;
  bool stopped_ = false;
  uint64_t open_ = 0;
  std::vector<std::unique_ptr<TcpFlow>> flows_;
  std::array<char, 65536> buffer_{};
};

}  // namespace shunt
