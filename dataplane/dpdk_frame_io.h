// DpdkFrameIo: FrameIo on DPDK ports. A frame's handle is its mbuf.
//
// Owner: one worker; its queue index is the worker's. Cost: what rte_eth_rx_burst and rte_eth_tx_burst cost,
// and writing back where the frame begins.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/frame_io.h"

namespace shunt {

class DpdkFrameIo {
 public:
  // `device_ids`: by port index. `pool`: of this worker.
  DpdkFrameIo(std::vector<uint16_t> device_ids, uint16_t queue, rte_mempool* pool)
      : device_ids_(std::move(device_ids)), queue_(queue), pool_(pool) {}

  unsigned receive(uint8_t port, Packet* packets, unsigned count, uint64_t& bytes) {
    std::array<rte_mbuf*, kBurstSize> mbufs;
    const uint16_t received =
        rte_eth_rx_burst(device_ids_[port], queue_, mbufs.data(), static_cast<uint16_t>(count));
    for (unsigned i = 0; i < received; ++i) {
      rte_mbuf* const mbuf = mbufs[i];
      // The pool's buffers hold a whole frame of the port's MTU. A device that chains all the same is put
      // straight here.
      if (mbuf->nb_segs > 1) [[unlikely]]
        straighten(mbuf);
      packets[i].data = rte_pktmbuf_mtod(mbuf, uint8_t*);
      packets[i].bytes = mbuf->data_len;
      bytes += mbuf->data_len;
      packets[i].handle = mbuf;
    }
    return received;
  }

  void seal(const Frame& frame) {
    auto* mbuf = static_cast<rte_mbuf*>(frame.handle);
    mbuf->data_off = static_cast<uint16_t>(frame.data - static_cast<uint8_t*>(mbuf->buf_addr));
    mbuf->data_len = static_cast<uint16_t>(frame.bytes);
    mbuf->pkt_len = frame.bytes;
  }

  unsigned send(uint8_t port, void** handles, unsigned count) {
    auto** const mbufs = reinterpret_cast<rte_mbuf**>(handles);
    unsigned sent = 0;
    while (sent < count) {
      const auto batch = static_cast<uint16_t>(std::min(count - sent, kBurstSize));
      const uint16_t taken = rte_eth_tx_burst(device_ids_[port], queue_, mbufs + sent, batch);
      sent += taken;
      if (taken < batch) break;
    }
    return sent;
  }

  void free(void** handles, unsigned count) {
    rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(handles), count);
  }

  bool allocate(Frame& frame, uint32_t bytes) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    if (mbuf == nullptr) return false;
    if (rte_pktmbuf_tailroom(mbuf) < bytes) {
      rte_pktmbuf_free(mbuf);
      return false;
    }
    frame = {rte_pktmbuf_mtod(mbuf, uint8_t*), bytes, mbuf};
    return true;
  }

 private:
  static void straighten(rte_mbuf* mbuf) {
    if (rte_pktmbuf_linearize(mbuf) != 0) mbuf->data_len = 0;  // parse: truncated
  }

  std::vector<uint16_t> device_ids_;
  uint16_t queue_;
  rte_mempool* pool_;
};

static_assert(FrameIo<DpdkFrameIo>);

}  // namespace shunt
