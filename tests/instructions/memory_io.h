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
    Buffer& buffer = buffers_[i];
    buffer.data = buffer.bytes.data() + kHeadroomBytes;
    buffer.frame_bytes = bytes;
    return buffer.data;
  }
  void offer(uint8_t port, unsigned count) {
    port_ = port;
    ready_ = count;
    sent_count_ = 0;
    freed_ = 0;
  }
  unsigned sent() const { return sent_count_; }
  unsigned freed() const { return freed_; }
  Frame sent(unsigned i) const {
    auto* buffer = static_cast<Buffer*>(sent_[i]);
    return {buffer->data, buffer->frame_bytes, buffer};
  }

  // FrameIo.
  unsigned receive(uint8_t port, Packet* packets, unsigned count, uint64_t& bytes) {
    if (port != port_) return 0;
    const unsigned taken = std::min(count, ready_);
    for (unsigned i = 0; i < taken; ++i) {
      packets[i].set_frame({buffers_[i].data, buffers_[i].frame_bytes, &buffers_[i]});
      bytes += buffers_[i].frame_bytes;
    }
    ready_ = 0;
    return taken;
  }
  void seal(const Frame& frame) {
    auto* buffer = static_cast<Buffer*>(frame.handle);
    buffer->data = frame.data;
    buffer->frame_bytes = frame.bytes;
  }
  unsigned send(uint8_t /*port*/, void** handles, unsigned count) {
    const unsigned taken = std::min(count, kBurstSize - sent_count_);
    std::copy_n(handles, taken, sent_.begin() + sent_count_);
    sent_count_ += taken;
    return taken;
  }
  void free(void** /*handles*/, unsigned count) { freed_ += count; }
  bool allocate(Frame& /*frame*/, uint32_t /*bytes*/) { return false; }

 private:
  // As in an mbuf: where the frame is stands before it, in a line of its own.
  struct alignas(64) Buffer {
    uint8_t* data;
    uint32_t frame_bytes;
    alignas(64) std::array<uint8_t, kBufferBytes> bytes;
  };
  std::array<Buffer, kBurstSize> buffers_{};
  std::array<void*, kBurstSize> sent_{};
  unsigned ready_ = 0;
  unsigned sent_count_ = 0;
  unsigned freed_ = 0;
  uint8_t port_ = 0;
};
static_assert(FrameIo<MemoryIo>);

}  // namespace shunt::instructions
