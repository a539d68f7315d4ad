// FakeIo: the device edge in memory. Frames in by port, what was sent captured, a device that is full or out
// of buffers when a test says so.
//
// Each frame lies in a heap block of exactly its size with the promised headroom before it, so that the
// address sanitizer sees one byte too many on either side. Every buffer is handed back exactly once: checked.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "dataplane/frame_io.h"
#include "tests/packet/packet_builder.h"

namespace shunt::packet {

struct SentFrame {
  uint8_t port = 0;
  Bytes frame;
  bool allocated = false;  // its buffer wasn't received: shunt made it, or the kernel sent it
};

class FakeIo {
 public:
  static constexpr unsigned kNoLimit = ~0U;

  FakeIo() = default;
  FakeIo(const FakeIo&) = delete;
  FakeIo& operator=(const FakeIo&) = delete;

  // The test's side.
  void push(uint8_t port, const Bytes& frame) { in_[port].push_back(frame); }
  void set_device_room(unsigned frames) { room_ = frames; }  // how many the devices will still take
  void set_buffers(unsigned frames) { buffers_ = frames; }   // how many allocate() may still give
  std::vector<SentFrame> take_sent() { return std::exchange(sent_, {}); }
  size_t outstanding() const { return blocks_.size(); }
  uint64_t given() const { return given_; }

  // FrameIo.
  unsigned receive(uint8_t port, shunt::Packet* packets, unsigned count, uint64_t& bytes) {
    unsigned taken = 0;
    for (auto& queue = in_[port]; taken < count && !queue.empty(); queue.pop_front()) {
      packets[taken].set_frame(make(static_cast<uint32_t>(queue.front().size())));
      std::copy(queue.front().begin(), queue.front().end(), packets[taken].data);
      bytes += packets[taken].bytes;
      ++taken;
      ++given_;
    }
    return taken;
  }
  void seal(const Frame& frame) { sealed_[frame.handle] = Bytes(frame.data, frame.data + frame.bytes); }
  unsigned send(uint8_t port, void** handles, unsigned count) {
    const unsigned taken = std::min(count, room_);
    if (room_ != kNoLimit) room_ -= taken;
    for (unsigned i = 0; i < taken; ++i) {
      const auto sealed = sealed_.find(handles[i]);
      if (sealed == sealed_.end()) {
        ADD_FAILURE() << "a frame was sent that wasn't sealed";
      } else {
        sent_.push_back({port, sealed->second, allocated_.contains(handles[i])});
      }
      give_back(handles[i]);
    }
    return taken;
  }
  void free(void** handles, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      give_back(handles[i]);
  }
  bool allocate(Frame& frame, uint32_t bytes) {
    if (buffers_ == 0) return false;
    if (buffers_ != kNoLimit) --buffers_;
    frame = make(bytes);
    allocated_.insert(frame.handle);
    return true;
  }

 private:
  Frame make(uint32_t bytes) {
    auto block = std::make_unique<uint8_t[]>(kHeadroomBytes + bytes);
    const Frame frame{block.get() + kHeadroomBytes, bytes, block.get()};
    blocks_[frame.handle] = std::move(block);
    return frame;
  }
  void give_back(void* handle) {
    sealed_.erase(handle);
    allocated_.erase(handle);
    if (blocks_.erase(handle) != 1) ADD_FAILURE() << "a frame was handed back twice, or never existed";
  }

  std::array<std::deque<Bytes>, 4> in_;
  std::vector<SentFrame> sent_;
  std::map<void*, std::unique_ptr<uint8_t[]>> blocks_;
  std::map<void*, Bytes> sealed_;  // as they would be sent
  std::set<void*> allocated_;
  unsigned room_ = kNoLimit;
  unsigned buffers_ = kNoLimit;
  uint64_t given_ = 0;
};
static_assert(FrameIo<FakeIo>);

}  // namespace shunt::packet
