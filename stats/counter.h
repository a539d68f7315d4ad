// Counter: a number with one writer and any number of readers. Cost: one instruction; no lock prefix.
#pragma once

#include <atomic>
#include <cstdint>

namespace shunt {

class Counter {
 public:
  // What a relaxed load, an addition and a relaxed store would do, in one instruction: the compiler makes
  // three of them, and a packet counts four times.
  void add(uint64_t amount) { asm("addq %1, %0" : "+m"(value_) : "er"(amount) : "cc"); }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace shunt
