#include "insight/api/self_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace shunt::insight {
namespace {

constexpr std::chrono::milliseconds kBeat{100};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// proc(5): statm has pages: all, resident, …
uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0;
  uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void SelfFigures::tick(const InsightTallies& tallies, std::chrono::steady_clock::time_point now) {
  readings_.push_back({now, cpu_seconds(), tallies.records, tallies.warehouse.written});
  if (readings_.size() > kReadings) readings_.pop_front();
  rss_bytes_ = resident_bytes();
  const Reading& first = readings_.front();
  const Reading& last = readings_.back();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  if (seconds <= 0) return;
  cpu_ratio_ = (last.cpu_s - first.cpu_s) / seconds;
  records_rate_ = static_cast<double>(last.records - first.records) / seconds;
  rows_rate_ = static_cast<double>(last.rows - first.rows) / seconds;
}

struct LoopLag::State : std::enable_shared_from_this<LoopLag::State> {
  explicit State(boost::asio::io_context& io) : timer(io) { seconds.fill(0); }

  void wait() {
    timer.expires_after(kBeat);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (error || !self) return;
      const std::chrono::duration<double, std::milli> late =
          std::chrono::steady_clock::now() - self->timer.expiry();
      self->seconds.front() = std::max(self->seconds.front(), late.count());
      self->wait();
    });
  }

  boost::asio::steady_timer timer;
  std::array<double, 10> seconds{};  // the running one first
};

LoopLag::LoopLag(boost::asio::io_context& io) : state_(std::make_shared<State>(io)) {
  state_->wait();
}

LoopLag::~LoopLag() {
  stop();
}

void LoopLag::stop() {
  state_->timer.cancel();
}

double LoopLag::longest_ms() const {
  return *std::ranges::max_element(state_->seconds);
}

void LoopLag::next_second() {
  std::ranges::rotate(state_->seconds, state_->seconds.end() - 1);
  state_->seconds.front() = 0;
}

}  // namespace shunt::insight
