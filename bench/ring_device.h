// RingDevice: one DPDK port whose queues are rings in memory (net_ring), and the packets that go round in it.
//
// The bench fills the buffers (write), hands them to the port (load), lets a worker run, and takes back what
// it sent (unload). Bound: kPacketsInRotation buffers, always the same ones, so that they stay in the second
// cache level, as a NIC's would with buffers that are given back soon.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace shunt::bench {

inline constexpr unsigned kPacketsInRotation = 2048;

// MiB of EAL's memory that a device and its buffers take.
inline constexpr uint64_t kRingDeviceMib = 64;

class RingDevice {
 public:
  // EAL must run.
  static Result<RingDevice> open();

  uint16_t device_id() const { return device_id_; }
  rte_mempool* pool() const { return pool_; }

  // The first byte of packet i's frame, with the headroom before it that a NIC's driver leaves.
  uint8_t* frame(unsigned i) const;
  // The first `count` packets are received next, each of `bytes`.
  void load(unsigned count, unsigned bytes) const;
  // Frames that were sent since the last unload, in their order.
  std::span<const std::span<uint8_t>> unload();

 private:
  uint16_t device_id_ = 0;
  rte_mempool* pool_ = nullptr;
  rte_ring* to_port_ = nullptr;
  rte_ring* from_port_ = nullptr;
  std::vector<rte_mbuf*> packets_;
  std::vector<rte_mbuf*> sent_;
  std::vector<std::span<uint8_t>> frames_;
};

}  // namespace shunt::bench
