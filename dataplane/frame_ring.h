// FrameRing: copies of frames on their way between a worker and the punt thread.
//
// One producer, one consumer. Bound: the bytes given at construction; full is told to the producer, which
// counts it. Cost: one copy in, one out of a line-aligned record. Copies and not buffers: the kernel side
// copies anyway, and device buffers never leave their worker.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace shunt {

class FrameRing {
 public:
  struct Record {
    uint8_t port = 0;
    uint8_t mark = 0;  // what producer and consumer agree on
    std::span<uint8_t> frame;
  };

  // At least two of the longest frames fit. Rounded up to a power of two.
  explicit FrameRing(size_t bytes) : storage_(std::bit_ceil(bytes)) {}
  FrameRing(const FrameRing&) = delete;
  FrameRing& operator=(const FrameRing&) = delete;

  // Producer. False: no room, nothing written.
  bool push(uint8_t port, uint8_t mark, std::span<const uint8_t> frame) {
    const size_t need = record_bytes(frame.size());
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t to_end = storage_.size() - offset(head);
    const size_t skip = to_end < need ? to_end : 0;  // records don't wrap
    if (need > storage_.size() ||
        head + skip + need - tail_.load(std::memory_order_acquire) > storage_.size())
      return false;
    if (skip != 0) write_header(head, {kSkip, 0, 0});
    write_header(head + skip, {static_cast<uint32_t>(frame.size()), port, mark});
    std::memcpy(storage_.data() + offset(head + skip) + sizeof(Header), frame.data(), frame.size());
    head_.store(head + skip + need, std::memory_order_release);
    return true;
  }

  // Consumer. The record stays valid until pop().
  std::optional<Record> front() {
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return std::nullopt;
    Header header = read_header(tail);
    if (header.bytes == kSkip) {
      tail += storage_.size() - offset(tail);
      tail_.store(tail, std::memory_order_release);
      header = read_header(tail);
    }
    return Record{header.port, header.mark, {storage_.data() + offset(tail) + sizeof(Header), header.bytes}};
  }
  void pop() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    tail_.store(tail + record_bytes(read_header(tail).bytes), std::memory_order_release);
  }

  bool empty() const {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
  }

 private:
  struct Header {
    uint32_t bytes;
    uint8_t port;
    uint8_t mark;
  };
  static constexpr uint32_t kSkip = 0xffffffffU;
  static constexpr size_t kAlign = 64;

  static size_t record_bytes(size_t frame_bytes) {
    return (sizeof(Header) + frame_bytes + kAlign - 1) / kAlign * kAlign;
  }
  size_t offset(uint64_t position) const { return static_cast<size_t>(position & (storage_.size() - 1)); }
  void write_header(uint64_t at, Header header) {
    std::memcpy(storage_.data() + offset(at), &header, sizeof header);
  }
  Header read_header(uint64_t at) const {
    Header header;
    std::memcpy(&header, storage_.data() + offset(at), sizeof header);
    return header;
  }

  std::vector<uint8_t> storage_;
  alignas(64) std::atomic<uint64_t> head_ = 0;
  alignas(64) std::atomic<uint64_t> tail_ = 0;
};

// Marks of records on their way to the punt thread: a client's packet for this host that came back through
// nat; an answer of shunt's own to this host.
inline constexpr uint8_t kRestoredMark = 1;
inline constexpr uint8_t kOwnAnswerMark = 2;
// And from it to the worker: to a probe address (probes.h).
inline constexpr uint8_t kProbeMark = 1;

// SpscRing: small values the same way, N of them (a power of two).
template <typename T, size_t N>
class SpscRing {
 public:
  static_assert(std::has_single_bit(N));

  bool push(const T& value) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == N) return false;
    slots_[head % N] = value;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  std::optional<T> pop() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return std::nullopt;
    const T value = slots_[tail % N];
    tail_.store(tail + 1, std::memory_order_release);
    return value;
  }

 private:
  std::array<T, N> slots_{};
  alignas(64) std::atomic<uint64_t> head_ = 0;
  alignas(64) std::atomic<uint64_t> tail_ = 0;
};

}  // namespace shunt
