// MemoryIo: a device edge that costs next to nothing, as net_ring does: one burst of frames lies ready in
// fixed buffers, and what is sent or freed is only noted.
//
// Owner: one World. Bound: kBurstSize frames, which must all be gone before the next burst is laid out.
#pragma once

#include <algorithm>
#include <array>

#include "dataplane/frame_io.h"

namespace shunt::instructions {

class MemoryIo {
 public:
  static constexpr uint32_t kBufferBytes = 1024;

  // The bench's side. Where the i-th frame of the next burst begins.
  uint8_t* lay(unsigned i, uint32_t bytes) {
    uint8_t* data = buffers_[i].data() + kHeadroomBytes;
    ready_[i] = {data, bytes, buffers_[i].data()};
    return data;
  }
  void offer(uint8_t port, unsigned count) {
    port_ = port;
    ready_count_ = count;
    sent_count_ = 0;
    freed_ = 0;
  }
  unsigned sent() const { return sent_count_; }
  unsigned freed() const { return freed_; }
  const Frame& sent(unsigned i) const { return sent_[i]; }

  // FrameIo.
  unsigned receive(uint8_t port, Frame* frames, unsigned count) {
    if (port != port_) return 0;
    const unsigned taken = std::min(count, ready_count_);
    std::copy_n(ready_.begin(), taken, frames);
    ready_count_ = 0;
    return taken;
  }
  unsigned send(uint8_t /*port*/, Frame* frames, unsigned count) {
    const unsigned taken = std::min(count, kBurstSize - sent_count_);
    std::copy_n(frames, taken, sent_.begin() + sent_count_);
    sent_count_ += taken;
    return taken;
  }
  void free(Frame* /*frames*/, unsigned count) { freed_ += count; }
  bool allocate(Frame& /*frame*/, uint32_t /*bytes*/) { return false; }

 private:
  struct alignas(64) Buffer : std::array<uint8_t, kBufferBytes> {};
  std::array<Buffer, kBurstSize> buffers_{};
  std::array<Frame, kBurstSize> ready_{};
  std::array<Frame, kBurstSize> sent_{};
  unsigned ready_count_ = 0;
  unsigned sent_count_ = 0;
  unsigned freed_ = 0;
  uint8_t port_ = 0;
};
static_assert(FrameIo<MemoryIo>);

}  // namespace shunt::instructions
