#include "bench/ring_device.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

namespace shunt::bench {
namespace {

constexpr unsigned kRingSlots = 2 * kPacketsInRotation;
constexpr unsigned kSpareBuffers = 1024;  // the pool's cache may hold some back
constexpr unsigned kPoolCache = 256;

Error dpdk_error(const std::string& what) {
  return Error{"net_ring", what + ": " + rte_strerror(rte_errno)};
}

}  // namespace

Result<RingDevice> RingDevice::open() {
  RingDevice device;
  constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ;
  device.to_port_ = rte_ring_create("to_port", kRingSlots, 0, kFlags);
  device.from_port_ = rte_ring_create("from_port", kRingSlots, 0, kFlags);
  device.pool_ = rte_pktmbuf_pool_create("packets", kPacketsInRotation + kSpareBuffers, kPoolCache, 0,
                                         RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  if (device.to_port_ == nullptr || device.from_port_ == nullptr || device.pool_ == nullptr)
    return dpdk_error("rings and buffers");
  const int id = rte_eth_from_rings("bench0", &device.to_port_, 1, &device.from_port_, 1, 0);
  if (id < 0) return dpdk_error("device");
  device.device_id_ = static_cast<uint16_t>(id);
  const rte_eth_conf settings{};
  int code = rte_eth_dev_configure(device.device_id_, 1, 1, &settings);
  if (code == 0) code = rte_eth_rx_queue_setup(device.device_id_, 0, 1024, 0, nullptr, device.pool_);
  if (code == 0) code = rte_eth_tx_queue_setup(device.device_id_, 0, 1024, 0, nullptr);
  if (code == 0) code = rte_eth_dev_start(device.device_id_);
  if (code != 0) return dpdk_error("queues");
  device.packets_.resize(kPacketsInRotation);
  device.sent_.resize(kPacketsInRotation);
  if (rte_pktmbuf_alloc_bulk(device.pool_, device.packets_.data(), kPacketsInRotation) != 0)
    return dpdk_error("buffers");
  return device;
}

uint8_t* RingDevice::frame(unsigned i) const {
  return static_cast<uint8_t*>(packets_[i]->buf_addr) + RTE_PKTMBUF_HEADROOM;
}

void RingDevice::load(unsigned count, unsigned bytes) const {
  for (unsigned i = 0; i < count; ++i) {
    packets_[i]->data_off = RTE_PKTMBUF_HEADROOM;
    packets_[i]->data_len = static_cast<uint16_t>(bytes);
    packets_[i]->pkt_len = bytes;
  }
  rte_ring_enqueue_bulk(to_port_, reinterpret_cast<void* const*>(packets_.data()), count, nullptr);
}

std::span<const std::span<uint8_t>> RingDevice::unload() {
  const unsigned count =
      rte_ring_dequeue_burst(from_port_, reinterpret_cast<void**>(sent_.data()), kPacketsInRotation, nullptr);
  frames_.clear();
  for (unsigned i = 0; i < count; ++i)
    frames_.emplace_back(rte_pktmbuf_mtod(sent_[i], uint8_t*), sent_[i]->data_len);
  return frames_;
}

}  // namespace shunt::bench
