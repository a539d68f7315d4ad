// WarehouseWriter: a thread that puts rows into the warehouse, so that whoever has them never waits.
//
// put() moves a row into a queue of fixed length, under a lock that is held for a few instructions; a row
// that finds it full is dropped and counted by what the trouble is. The thread writes what is there once a
// second, or sooner when there is much: one transaction a batch, whole or not at all. When the disk is full
// or the database lost, it keeps its batch, tries again after 100 ms up to 5 s, and goes on by itself. A row
// that the database refuses is found by halving, dropped and counted; the others of its batch stay.
//
// Owner: put() by any thread, the rest inside. Time for retention is given as a function.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "insight/warehouse/database.h"
#include "insight/warehouse/retention.h"
#include "insight/warehouse/row_store.h"
#include "insight/warehouse/rows.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {

// Why rows were dropped: a closed list; the names are labels.
enum class RowDrop : uint8_t {
  queue_full,     // more came than could be written
  database_full,  // no room, and the queue full behind it
  database_lost,  // no database, and the queue full behind it
  refused,        // by the database, or a time that is none
  stopped,        // the program ended first
};
inline constexpr size_t kRowDrops = 5;
inline constexpr std::array<std::string_view, kRowDrops> kRowDropNames = {
    "queue_full", "database_full", "database_lost", "refused", "stopped"};

struct WriterSettings {
  DatabaseAddress address;
  size_t queue_rows = 200'000;
  size_t batch_rows = 5'000;
  std::chrono::milliseconds batch_time = std::chrono::seconds(1);
  std::chrono::milliseconds first_pause = std::chrono::milliseconds(100);  // after a failure, doubled up to
  std::chrono::milliseconds longest_pause = std::chrono::seconds(5);
  RetentionSettings retention;
};

struct WriterStatus {
  bool is_open = false;
  DatabaseTrouble trouble = DatabaseTrouble::none;
  std::string trouble_text;  // of the last failure, while there is trouble
  uint64_t queued = 0;       // those of the batch at hand included
  uint64_t written = 0;
  uint64_t batches = 0;
  uint64_t failures = 0;  // of batches, of opening
  std::array<uint64_t, kRowDrops> dropped{};
  uint64_t retention_runs = 0;
  RetentionReport retention;  // rows and partitions of all runs, bytes of the last
  uint64_t dropped_for(RowDrop why) const { return dropped[static_cast<size_t>(why)]; }
};

class WarehouseWriter {
 public:
  using Clock = std::function<int64_t()>;  // seconds since 1970

  WarehouseWriter(WriterSettings settings, Clock clock);
  // Writes what waits if that works at once, else drops it.
  ~WarehouseWriter();
  WarehouseWriter(const WarehouseWriter&) = delete;
  WarehouseWriter& operator=(const WarehouseWriter&) = delete;

  // False: dropped, and counted.
  bool put(WarehouseRow row);
  WriterStatus status() const;
  // Until everything that was put is written or dropped; false: not in that time. For the end of a program,
  // and tests.
  bool flush(std::chrono::milliseconds patience);

 private:
  using Lock = std::unique_lock<std::mutex>;
  void run();
  bool take_batch();
  bool open();
  bool write_batch();
  bool write(std::span<const WarehouseRow> rows);
  void look_after_retention(bool is_urgent);
  void fail(const Error& error, DatabaseTrouble trouble);
  void pause();

  const WriterSettings settings_;
  const Clock clock_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable idle_;
  std::deque<WarehouseRow> queue_;
  WriterStatus status_;
  bool is_flushing_ = false;
  bool is_stopping_ = false;

  // The thread's own.
  std::unique_ptr<Database> database_;
  RowStore store_;
  std::vector<WarehouseRow> batch_;
  std::chrono::milliseconds pause_{0};
  int64_t retained_s_ = 0;
  std::thread thread_;
};

}  // namespace shunt::insight
