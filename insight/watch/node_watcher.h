// NodeWatcher: reads one shuntd's API once a second, for as long as this program runs, whether it is there or
// not.
//
// A reading is some questions after each other; two never overlap. One that takes longer than its limit is
// ended and counts as failed. After a failure it is tried again after 250 ms, then twice as long each time,
// up to 2 s. What somebody else answers under that address is an error in words, counted.
//
// Owner: one thread; turn() is called some times a second, with the time. No timers of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "insight/watch/node_answers.h"
#include "insight/watch/node_asker.h"

namespace shunt::insight {

class NodeWatcher {
 public:
  static constexpr int64_t kReadingLimitUs = 3'000'000;
  static constexpr int64_t kFirstPauseUs = 250'000;
  static constexpr int64_t kLongestPauseUs = 2'000'000;

  struct Tally {
    uint64_t readings = 0;     // that succeeded
    uint64_t failures = 0;     // all kinds
    uint64_t bad_answers = 0;  // of them: JSON that isn't a shuntd's
    uint64_t late = 0;         // of them: over their limit
    uint64_t restarts = 0;     // of shuntd
    uint64_t left_out = 0;     // answers that aren't counters and didn't come
  };
  struct Events {
    std::function<void(const NodeAnswers&, const RawAnswers&)> reading;
    std::function<void(const std::string& why)> failed;
  };
  using Clock = std::function<int64_t()>;  // µs since 1970

  NodeWatcher(boost::asio::any_io_executor executor, std::shared_ptr<NodeAsker> asker, Clock clock,
              Events events);
  ~NodeWatcher();
  NodeWatcher(const NodeWatcher&) = delete;
  NodeWatcher& operator=(const NodeWatcher&) = delete;

  // Begins a reading when one is due, ends one that takes too long.
  void turn(int64_t now_us);
  // The next reading is due at once (but five a second at most): somebody needs what it tells.
  void hurry();
  bool is_reading() const;
  const Tally& tally() const { return tally_; }

 private:
  struct Round;
  static boost::asio::awaitable<std::string> read(std::shared_ptr<Round> round);
  void begin(int64_t now_us);
  void end(Round& round, const std::string& error);
  void fail(const std::string& why);
  void take(const Round& round);

  boost::asio::any_io_executor executor_;
  std::shared_ptr<NodeAsker> asker_;
  Clock clock_;
  Events events_;
  std::shared_ptr<Round> round_;        // the reading under way
  std::shared_ptr<NodeWatcher*> self_;  // nulled when this ends: a reading may outlive it
  int64_t due_us_ = 0;
  int64_t began_us_ = 0;
  int64_t pause_us_ = 0;
  int64_t started_us_ = 0;
  uint64_t generation_ = 0;  // whose history is known
  uint64_t newest_event_ = 0;
  int64_t slow_due_us_ = 0;  // when discovery is asked for again
  Tally tally_;
};

}  // namespace shunt::insight
