// LiveNode: a whole shunt in process, as one object that is told what happens and answers what it did.
//
//   frames ─► FakeIo ─► Worker ─► punt rings ─► PuntThread ─► socket pairs, which stand for the host taps
//                         ▲                        │
//                         └──── ring to worker ◄───┘  answers, the kernel's own frames
//
// All of it is the product's but the device, the taps and the clock: Compiler, stages, tables, Worker and
// PuntThread. Routes are those of the ports' addresses and what add_route() says. After each call the account
// is checked against what was really seen; `faults` says what doesn't hold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/model/driver/failure_log.h"
#include "tests/packet/pipeline.h"
#include "tests/packet/punt_harness.h"

namespace shunt::model {

using packet::Bytes;

enum class OutKind : uint8_t { sent, punted, originated };

struct Out {
  OutKind kind = OutKind::sent;
  uint8_t port = 0;
  Bytes frame;
};

struct In {
  uint8_t port = 0;
  Bytes frame;
};

// What one event did.
struct Effects {
  std::vector<Out> out;
  std::array<uint64_t, kDropReasons> dropped{};
  uint64_t originated = 0;  // of `out`; also what shunt wrote to the host itself
  int64_t in_flight = 0;    // afterwards
  std::vector<std::string> faults;
};

class LiveNode {
 public:
  struct Settings {
    Config config;
    std::vector<PortRuntime> ports;
    HashKey table_key;
    HashKey cluster_key;
    uint64_t now_ns = 0;
  };
  // FakeIo has four queues; rows for counters are made at start.
  static constexpr size_t kMostPorts = 4;
  static constexpr size_t kMostPairs = 1024;
  static constexpr size_t kMostServices = 250;
  static constexpr uint64_t kLongestWaitNs = 24ULL * 3600 * 1'000'000'000;

  explicit LiveNode(const Settings& settings, FailureLog& failures);
  LiveNode(const LiveNode&) = delete;
  LiveNode& operator=(const LiveNode&) = delete;

  // The frames of one port that stand together are one burst (at most kBurstSize of them).
  Effects feed(const std::vector<In>& frames);
  Effects from_host(const In& frame);
  Effects reload(const Config& config);
  Effects set_health(const std::string& pool, const std::string& backend, bool up);
  Effects learn(uint8_t port, const IpAddress& address, const MacAddress& mac);
  Effects add_route(const Route& route);
  // In steps of half a second, each with a loop of everything, as a shunt without traffic would.
  Effects advance_to(uint64_t now_ns);
  // Nothing new: what a fresh node does of itself.
  Effects idle();
  // The worker's account is wrong by one from now on: so that a test sees the faults that this makes.
  Effects spoil(uint64_t Ledger::* term);

  const Config& config() const { return config_; }
  uint64_t now_ns() const { return pipeline_.now().ns; }

 private:
  struct Tally;
  template <typename Step>
  Effects observe(uint64_t received, const Bytes* of_kernel, Step step);
  void take(packet::Outcome outcome, Tally& tally);
  void settle(Tally& tally);
  void read_taps(Tally& tally);
  void check(const Ledger& before, const Tally& tally, uint64_t received, Effects& effects);
  KernelView kernel_view() const;
  void take_up_kernel();
  PuntThread::Settings punt_settings();

  FailureLog& failures_;
  Config config_;
  std::vector<Route> routes_;
  std::vector<NeighbourRow> neighbours_;
  std::vector<std::unique_ptr<packet::SocketPair>> taps_;  // by port; null: no host_interface
  bool kernel_changed_ = false;  // not taken up yet: as in the daemon, many changes make one snapshot
  packet::Pipeline pipeline_;
  PuntThread punt_thread_;
};

}  // namespace shunt::model
