// Counter: a number with one writer and any number of readers. Cost: a load, an add and a store; no lock
// prefix.
#pragma once

#include <atomic>
#include <cstdint>

namespace shunt {

class Counter {
 public:
  void add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace shunt
