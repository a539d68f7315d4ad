#include "insight/watch/watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace shunt::insight {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kAnswerTimeUs = kSecondUs / 2;  // how long a second waits for the nodes
constexpr std::chrono::milliseconds kTurn{50};

// What calls `sink` if there is one.
template <typename T>
auto optional(const std::function<void(T)>& sink) {
  return [&sink](T value) {
    if (sink) sink(std::forward<T>(value));
  };
}

}  // namespace

Watch::Watch(boost::asio::any_io_executor executor, std::vector<NodeParts> nodes,
             const CountryTable* countries, Clock clock, WatchSinks sinks)
    : clock_(std::move(clock)),
      sinks_(std::move(sinks)),
      timer_(executor),
      pipeline_(countries, clock_(), live_.records,
                {optional<const ClosedCell&>(sinks_.cell), optional<ClientMinute&&>(sinks_.clients),
                 optional<FlowRow&&>(sinks_.flow)}),
      told_s_(clock_() / kSecondUs) {
  live_.now_s = told_s_;
  live_.nodes.resize(nodes.size());  // they stay where they are
  for (size_t i = 0; i < nodes.size(); ++i)
    nodes_.push_back(std::make_unique<WatchedNode>(executor, std::move(nodes[i]), clock_, live_.nodes[i],
                                                   pipeline_,
                                                   optional<DescriptionRow&&>(sinks_.description)));
}

size_t Watch::restore(const std::vector<ClosedCell>& cells) {
  return static_cast<size_t>(
      std::ranges::count_if(cells, [this](const ClosedCell& cell) { return pipeline_.restore(cell); }));
}

void Watch::start() {
  turn(clock_());
  wait();
}

void Watch::wait() {
  timer_.expires_after(kTurn);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || is_stopped_) return;
    turn(clock_());
    wait();
  });
}

void Watch::stop() {
  if (is_stopped_) return;
  is_stopped_ = true;
  timer_.cancel();
  pipeline_.close_all();
}

void Watch::turn(int64_t now_us) {
  for (const auto& node : nodes_)
    node->turn(now_us);
  const int64_t now_s = now_us / kSecondUs;
  const bool is_answered = std::ranges::none_of(nodes_, [](const auto& node) { return node->is_reading(); });
  if (now_s > told_s_ && (is_answered || now_us % kSecondUs >= kAnswerTimeUs || now_s > told_s_ + 1))
    tick(now_us);
}

void Watch::tick(int64_t now_us) {
  const int64_t now_s = now_us / kSecondUs;
  const uint64_t records = pipeline_.tally().records;
  records_rate_ = static_cast<double>(records - records_before_) / static_cast<double>(now_s - told_s_);
  records_before_ = records;
  told_s_ = now_s;
  pipeline_.advance(now_us);
  for (const auto& node : nodes_)
    node->refresh(now_s);
  live_.now_s = now_s;
  live_.countries = pipeline_.countries();
  if (sinks_.second) sinks_.second(live_);
}

WatchTally Watch::tally() const {
  WatchTally tally;
  tally.records = pipeline_.tally().records;
  tally.records_rate = records_rate_;
  tally.series = pipeline_.roll_up().series_count() - 1;  // without `other`, which is always there
  tally.late_records = pipeline_.roll_up().tally().late;
  tally.flow_rows_passed_over = pipeline_.tally().flow_rows_passed_over;
  for (const auto& node : nodes_) {
    tally.unknown_records += node->taken().unknown;
    tally.records_dropped += node->taken().dropped;
    tally.readings += node->watched().readings;
    tally.failed_readings += node->watched().failures;
    tally.bad_answers += node->watched().bad_answers;
    tally.restarts += node->watched().restarts;
  }
  return tally;
}

}  // namespace shunt::insight
