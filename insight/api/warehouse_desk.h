// WarehouseDesk: the thread that asks the warehouse, so that the server's never waits for a database.
//
// Owner: the server's thread; work runs on the desk's own, one after the other, with a reader of its own
// that is opened when it is first needed and again after an error. Bound: `waiting` questions in the queue,
// beyond them 503; each has `deadline` from when it was asked, waiting included, then 503 too. An answer that
// nobody waits for any more is thrown away.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "http/api_message.h"
#include "insight/warehouse/warehouse_reader.h"

namespace boost::asio {
class io_context;
}

namespace shunt::insight {

struct DeskSettings {
  DatabaseAddress address;
  RetentionSettings retention;
  size_t waiting = 64;
  std::chrono::milliseconds deadline = std::chrono::seconds(5);
};

// What a question came to: a text made on the desk's thread, or what went wrong.
using DeskWork = std::function<Result<std::function<ApiResponse()>>(WarehouseReader&)>;

class WarehouseDesk {
 public:
  using Answer = std::function<void(ApiResponse)>;
  struct Tally {
    uint64_t asked = 0;
    uint64_t refused = 0;  // the queue was full
    uint64_t failed = 0;   // database, deadline
    size_t waiting = 0;
  };

  WarehouseDesk(boost::asio::io_context& io, DeskSettings settings);
  ~WarehouseDesk();
  WarehouseDesk(const WarehouseDesk&) = delete;
  WarehouseDesk& operator=(const WarehouseDesk&) = delete;

  // `work` runs on the desk's thread and gives what makes the answer, which runs on the server's: it may look
  // at what is there now. `answer` is called there.
  void ask(DeskWork work, Answer answer);
  const Tally& tally() const;
  const DeskSettings& settings() const { return settings_; }
  // Whoever waits isn't answered any more. Safe to repeat.
  void stop();

 private:
  struct State;
  const DeskSettings settings_;
  std::shared_ptr<State> state_;
};

}  // namespace shunt::insight
