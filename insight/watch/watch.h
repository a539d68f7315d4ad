// Watch: everything that watches, together: the nodes, the pipeline, the live state. What main makes, and
// whoever shows or judges reads.
//
// start() begins turns of 50 ms on the executor: readings of the nodes, records. Once a second, as soon as
// the nodes have answered (or half a second later), cells are closed and handed out, the live state is
// brought up to date, and `second` is called. Nothing in it waits.
//
// Owner: one thread, that of the executor. Bound: those of its parts; 64 nodes by configuration.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "insight/watch/kpi_pipeline.h"
#include "insight/watch/live_state.h"
#include "insight/watch/watched_node.h"

namespace shunt::insight {

// Each may be left out.
struct WatchSinks {
  std::function<void(const ClosedCell&)> cell;  // of every resolution: into the warehouse, to the detectors
  std::function<void(ClientMinute&&)> clients;
  std::function<void(FlowRow&&)> flow;
  std::function<void(DescriptionRow&&)> description;  // when a service or backend is new, or elsewhere
  std::function<void(LiveState&)> second;             // the live state is that of a new second
};

struct WatchTally {
  uint64_t records = 0;     // flow records that were read
  double records_rate = 0;  // of the last second
  size_t series = 0;
  uint64_t unknown_records = 0;  // without names
  uint64_t records_dropped = 0;  // by shuntds, for want of room
  uint64_t late_records = 0;     // of a second that was closed
  uint64_t flow_rows_passed_over = 0;
  uint64_t readings = 0;
  uint64_t failed_readings = 0;
  uint64_t bad_answers = 0;
  uint64_t restarts = 0;  // of shuntds
};

class Watch {
 public:
  using Clock = NodeWatcher::Clock;

  // `countries` may be absent, and outlives this. The nodes stand in the configuration's order.
  Watch(boost::asio::any_io_executor executor, std::vector<NodeParts> nodes, const CountryTable* countries,
        Clock clock, WatchSinks sinks);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Before start(): what WarehouseReader::unfinished() found, in its order. How many of them fitted.
  size_t restore(const std::vector<ClosedCell>& cells);
  void start();
  // The end: the seconds that are open are closed and handed out; no turns after it.
  void stop();
  // One turn; start() has them made.
  void turn(int64_t now_us);

  LiveState& live() { return live_; }
  const LiveState& live() const { return live_; }
  WatchTally tally() const;

 private:
  void wait();
  void tick(int64_t now_us);

  Clock clock_;
  WatchSinks sinks_;
  boost::asio::steady_timer timer_;
  LiveState live_;
  KpiPipeline pipeline_;
  std::vector<std::unique_ptr<WatchedNode>> nodes_;
  int64_t told_s_;  // the second of the last tick
  uint64_t records_before_ = 0;
  double records_rate_ = 0;
  bool is_stopped_ = false;
};

}  // namespace shunt::insight
