// WatchedNode: one shuntd with everything that is known of it: its watcher, its counters, its records, and
// its place in the live state.
//
// Owner: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "insight/kpi/counter_follower.h"
#include "insight/warehouse/rows.h"
#include "insight/watch/kpi_pipeline.h"
#include "insight/watch/node_system.h"
#include "insight/watch/node_watcher.h"
#include "insight/watch/record_intake.h"

namespace shunt::insight {

// How a node is reached.
struct NodeParts {
  std::string name;
  std::shared_ptr<NodeAsker> asker;
  std::unique_ptr<RecordSource> records;  // nothing: none
};

class WatchedNode {
 public:
  using Describe = std::function<void(DescriptionRow&&)>;

  // `live` stays where it is for as long as this lives, `pipeline` too.
  WatchedNode(boost::asio::any_io_executor executor, NodeParts parts, NodeWatcher::Clock clock,
              LiveNode& live, KpiPipeline& pipeline, Describe describe);

  // Begins readings, takes records; some times a second.
  void turn(int64_t now_us);
  bool is_reading() const { return watcher_.is_reading(); }
  // Once a second, after the cells of the second were closed: what the live state shows of the last ten.
  void refresh(int64_t now_s);

  const NodeWatcher::Tally& watched() const { return watcher_.tally(); }
  const CounterFollower::Tally& followed() const { return follower_.tally(); }
  const RecordIntake::Tally& taken() const { return intake_.tally(); }

 private:
  void on_reading(const NodeAnswers& answers, const RawAnswers& raw);
  void on_failure(const std::string& why);
  void set_up(bool up, int64_t now_us);
  void follow(const NodeAnswers& answers);
  void show(const NodeAnswers& answers);
  void describe(const NodeAnswers& answers);
  void tell(std::map<std::string, std::string>& told, DescriptionRow row);

  NodeWatcher::Clock clock_;
  LiveNode& live_;
  KpiPipeline& pipeline_;
  Describe describe_;
  NodeSystem system_;
  CounterFollower follower_;
  RecordIntake intake_;
  std::map<std::string, LastSpan> last_;          // of the newest reading, by series
  std::map<std::string, std::string> described_;  // what was told of each
  NodeWatcher watcher_;                           // last: it ends first
};

}  // namespace shunt::insight
