// RecordRing: one worker's flow records on their way to another process, and RecordRingReader, its other end.
//
// Single producer, single consumer, in shared memory (record_segment.h): the producer's line and the records
// in memory that only shuntd can write, the consumer's tail in memory that both can. Bound: the capacity
// given, a power of two; full → the record is dropped and counted. Cost of a push: two lines, no lock prefix,
// no wait (bench/record_ring_bench.cc).
//
// Order: the producer writes a record and then releases `head`; the consumer acquires `head`, so it reads
// whole records. The consumer reads records and then releases `tail`; the producer acquires `tail` before it
// writes there again, so nothing is overwritten that is still being read. The producer remembers the tail it
// acquired last and looks again only when that says full: a tail only grows, so an old one is never too
// generous.
//
// What a reader may do wrong: its tail is believed only as far as it makes sense. head − tail > capacity (a
// tail ahead of the head, or far behind) counts as full until somebody mends it. The place of a record is
// made of the producer's own `head_` and mask, so no tail leads it outside. A tail that is wrong but possible
// costs records that nobody read; that is the reader's loss.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "stats/flow_record.h"

namespace shunt {

// Written by the producer alone. Numbers since the segment was made; they don't wrap.
struct alignas(64) RingHead {
  std::atomic<uint64_t> pushed = 0;  // records put in: the ring's head
  std::atomic<uint64_t> dropped = 0;
};

// Written by the consumer alone.
struct alignas(64) RingTail {
  std::atomic<uint64_t> read = 0;  // records whose places may be used again: the ring's tail
};

static_assert(sizeof(RingHead) == 64 && sizeof(RingTail) == 64);
static_assert(std::atomic<uint64_t>::is_always_lock_free, "a lock wouldn't reach over processes");

// Owner: one worker.
class alignas(64) RecordRing {
 public:
  // Without memory: every push is refused, and counted by nobody.
  RecordRing() = default;
  // `records` holds `capacity`, a power of two; all of it is new (zero).
  RecordRing(RingHead& head, const RingTail& tail, FlowRecord* records, uint64_t capacity)
      : records_(records), capacity_(capacity), published_(&head), tail_(&tail) {}
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;

  // False: full, and counted.
  bool push(const FlowRecord& record) {
    if (head_ - tail_seen_ >= capacity_ && !room_after_all()) return false;
    records_[head_ & (capacity_ - 1)] = record;
    ++head_;
    published_->pushed.store(head_, std::memory_order_release);
    return true;
  }

 private:
  [[gnu::noinline]] bool room_after_all() {
    if (published_ == nullptr) return false;
    tail_seen_ = tail_->read.load(std::memory_order_acquire);
    if (head_ - tail_seen_ < capacity_) return true;
    published_->dropped.store(++dropped_, std::memory_order_relaxed);
    return false;
  }

  FlowRecord* records_ = nullptr;
  uint64_t capacity_ = 0;
  uint64_t head_ = 0;  // never read back from shared memory
  uint64_t tail_seen_ = 0;
  uint64_t dropped_ = 0;
  RingHead* published_ = nullptr;
  const RingTail* tail_ = nullptr;
};

// Owner: the reading process, one thread at a time. It goes on where the reader before it stopped.
class RecordRingReader {
 public:
  RecordRingReader(const RingHead& head, RingTail& tail, const FlowRecord* records, uint64_t capacity)
      : records_(records), capacity_(capacity), head_(&head), tail_(&tail) {
    position_ = tail.read.load(std::memory_order_relaxed);
    catch_up(head.pushed.load(std::memory_order_acquire));
  }

  // Copies the oldest unread records, as many as there are and fit; returns how many. They stay in the ring
  // until done(): a reader that dies in between leaves them to the next one, so that each record is seen once
  // at least.
  size_t copy(std::span<FlowRecord> out) {
    const uint64_t head = head_->pushed.load(std::memory_order_acquire);
    catch_up(head);
    const auto count = static_cast<size_t>(std::min<uint64_t>(head - position_, out.size()));
    for (size_t i = 0; i < count; ++i)
      out[i] = records_[(position_ + i) & (capacity_ - 1)];
    return count;
  }
  // Gives the places of the oldest `count` back; at most what copy() returned.
  void done(size_t count) {
    position_ += count;
    tail_->read.store(position_, std::memory_order_release);
  }
  size_t read(std::span<FlowRecord> out) {
    const size_t count = copy(out);
    if (count > 0) done(count);
    return count;
  }

  uint64_t pushed() const { return head_->pushed.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return head_->dropped.load(std::memory_order_relaxed); }
  uint64_t waiting() const { return pushed() - position_; }
  // How often the tail made no sense: what was in the ring then is passed over.
  uint64_t restarts() const { return restarts_; }

 private:
  // Whoever wrote the tail, from there nothing whole can be read: begin at the head, where nothing comes
  // twice.
  void catch_up(uint64_t head) {
    if (head - position_ <= capacity_) return;
    position_ = head;
    tail_->read.store(head, std::memory_order_release);
    ++restarts_;
  }

  const FlowRecord* records_;
  uint64_t capacity_;
  uint64_t position_ = 0;
  uint64_t restarts_ = 0;
  const RingHead* head_;
  RingTail* tail_;
};

}  // namespace shunt
