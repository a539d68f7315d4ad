// FigureFeed: the node's figures once a second, for whoever looks: traffic of services and backends, and
// rates since the reading before.
//
// Owner: the control thread. One reading is made and written out for all viewers, and only while there are
// any (or somebody asked a moment ago). Bound: beyond kMaxFigureBackends (service, backend) pairs only
// services are told; a reading that takes long is made less often, so that it never costs more than a tenth
// of the thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/status.h"
#include "http/api_feed.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

inline constexpr size_t kMaxFigureBackends = 2'000;

// Turns readings into text; keeps the one before for rates.
class FigureReader {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit FigureReader(StatusSource& source) : source_(source) {}

  // The schema "Figures". Rates are null in a first reading, and per second since the last one after that.
  std::string read(Time now);
  uint64_t number() const { return number_; }

 private:
  struct Counts {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t new_flows = 0;
  };
  using Readings = std::map<std::string, Counts>;
  struct Round;

  StatusSource& source_;
  uint64_t number_ = 0;
  Time before_at_;
  Readings before_;
};

class FigureFeed {
 public:
  FigureFeed(boost::asio::io_context& io, StatusSource& source, std::chrono::milliseconds interval);
  ~FigureFeed();
  FigureFeed(const FigureFeed&) = delete;
  FigureFeed& operator=(const FigureFeed&) = delete;

  // The newest reading; makes one where nobody looked of late.
  std::shared_ptr<const std::string> latest();
  // A viewer's place; it sees readings that are made from now on, the newest one always. The feed outlives
  // it.
  std::unique_ptr<ApiFeedCursor> watch(std::function<void()> wake);
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace shunt
