// SelfFigures: what this process uses, and how fast rows and records go by: of the last ten seconds.
//
// Owner: the server's thread; tick() once a second. LoopLag: how late that thread comes to its work.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>

#include "insight/api/tallies.h"

namespace shunt::insight {

class SelfFigures {
 public:
  void tick(const InsightTallies& tallies, std::chrono::steady_clock::time_point now);
  double cpu_ratio() const { return cpu_ratio_; }  // 1: one core
  uint64_t rss_bytes() const { return rss_bytes_; }
  double records_rate() const { return records_rate_; }
  double rows_rate() const { return rows_rate_; }

 private:
  struct Reading {
    std::chrono::steady_clock::time_point at;
    double cpu_s = 0;
    uint64_t records = 0;
    uint64_t rows = 0;
  };
  static constexpr size_t kReadings = 11;
  std::deque<Reading> readings_;
  double cpu_ratio_ = 0;
  uint64_t rss_bytes_ = 0;
  double records_rate_ = 0;
  double rows_rate_ = 0;
};

// A timer that should come every 100 ms, and the most that it was late in each of the last ten seconds.
class LoopLag {
 public:
  explicit LoopLag(boost::asio::io_context& io);
  ~LoopLag();
  LoopLag(const LoopLag&) = delete;
  LoopLag& operator=(const LoopLag&) = delete;
  double longest_ms() const;
  void next_second();  // forgets the eleventh
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace shunt::insight
