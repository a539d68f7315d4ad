// Ledger: one thread's account of packets, and the block through which another thread reads it whole.
//
// For every thread, at the end of each of its loops: received + originated + left = sent + punted + entered +
// dropped, where `entered` and `left` count packets put into and taken out of the queues between threads (and
// the transmit buffers). Summed over all threads, entered − left is what is in flight, so
//   received + originated = sent + punted + in_flight + dropped
// holds exactly whatever the order in which the blocks are read: each is balanced by itself.
//
// Owner: the thread that counts. Bound: fixed size. Cost: publishing copies a word per term, once per loop.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "stats/drop_reason.h"

namespace shunt {

struct Ledger {
  uint64_t received = 0;    // frames from ports and from host_interfaces
  uint64_t sent = 0;        // taken by a port's device
  uint64_t punted = 0;      // written to a host_interface
  uint64_t originated = 0;  // made by shunt
  uint64_t entered = 0;     // put into a queue
  uint64_t left = 0;        // taken out of a queue
  std::array<uint64_t, kDropReasons> dropped{};

  void drop(DropReason reason, uint64_t packets = 1) { dropped[static_cast<size_t>(reason)] += packets; }
  uint64_t dropped_total() const {
    uint64_t total = 0;
    for (const uint64_t count : dropped)
      total += count;
    return total;
  }
  int64_t in_flight() const { return static_cast<int64_t>(entered - left); }
  bool balanced() const { return received + originated + left == sent + punted + entered + dropped_total(); }

  Ledger& operator+=(const Ledger& other) {
    received += other.received;
    sent += other.sent;
    punted += other.punted;
    originated += other.originated;
    entered += other.entered;
    left += other.left;
    for (size_t i = 0; i < kDropReasons; ++i)
      dropped[i] += other.dropped[i];
    return *this;
  }
  bool operator==(const Ledger&) const = default;
};

// Two copies and a sequence number: the writer fills the copy that nobody is told to read, then names it. A
// reader that was overtaken reads again.
class alignas(64) LedgerBlock {
 public:
  void publish(const Ledger& ledger) {
    const auto words = std::bit_cast<Words>(ledger);
    const uint64_t next = sequence_.load(std::memory_order_relaxed) + 1;
    auto& copy = copies_[next % 2];
    for (size_t i = 0; i < kWords; ++i)
      copy[i].store(words[i], std::memory_order_relaxed);
    sequence_.store(next, std::memory_order_release);
    // Orders the naming before the next publication's stores into the other copy (a no-op on x86).
    std::atomic_thread_fence(std::memory_order_release);
  }

  Ledger read() const {
    for (;;) {
      const uint64_t before = sequence_.load(std::memory_order_acquire);
      Words words;
      const auto& copy = copies_[before % 2];
      for (size_t i = 0; i < kWords; ++i)
        words[i] = copy[i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (sequence_.load(std::memory_order_relaxed) != before) continue;
      return std::bit_cast<Ledger>(words);
    }
  }

 private:
  static constexpr size_t kWords = sizeof(Ledger) / sizeof(uint64_t);
  using Words = std::array<uint64_t, kWords>;

  std::atomic<uint64_t> sequence_ = 0;
  std::array<std::array<std::atomic<uint64_t>, kWords>, 2> copies_{};
};

}  // namespace shunt
