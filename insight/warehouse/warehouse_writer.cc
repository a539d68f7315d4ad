#include "insight/warehouse/warehouse_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "insight/warehouse/migrations.h"

namespace shunt::insight {
namespace {

RowDrop drop_of(DatabaseTrouble trouble) {
  if (trouble == DatabaseTrouble::full) return RowDrop::database_full;
  return trouble == DatabaseTrouble::none ? RowDrop::queue_full : RowDrop::database_lost;
}

}  // namespace

WarehouseWriter::WarehouseWriter(WriterSettings settings, Clock clock)
    : settings_(std::move(settings)), clock_(std::move(clock)), thread_([this] { run(); }) {}

WarehouseWriter::~WarehouseWriter() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

bool WarehouseWriter::put(WarehouseRow row) {
  const bool is_good = has_time(row);
  bool is_much = false;
  {
    const std::lock_guard lock(mutex_);
    if (!is_good || status_.queued >= settings_.queue_rows) {
      ++status_.dropped[static_cast<size_t>(is_good ? drop_of(status_.trouble) : RowDrop::refused)];
      return false;
    }
    queue_.push_back(std::move(row));
    ++status_.queued;
    is_much = queue_.size() == settings_.batch_rows;
  }
  if (is_much) work_.notify_one();
  return true;
}

WriterStatus WarehouseWriter::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool WarehouseWriter::flush(std::chrono::milliseconds patience) {
  Lock lock(mutex_);
  is_flushing_ = true;
  work_.notify_all();
  const bool done = idle_.wait_for(lock, patience, [this] { return status_.queued == 0; });
  is_flushing_ = false;
  return done;
}

void WarehouseWriter::run() {
  for (;;) {
    const bool goes_on = take_batch();
    if (!batch_.empty() || database_ == nullptr) {
      if (!open() || !write_batch()) {
        if (!goes_on) break;
        pause();
        continue;
      }
    }
    look_after_retention(false);
    if (goes_on) continue;
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) break;
  }
  const std::lock_guard lock(mutex_);
  status_.dropped[static_cast<size_t>(RowDrop::stopped)] += status_.queued;
  status_.queued = 0;
  idle_.notify_all();
}

// Waits for rows, unless a batch is still at hand. False: this is the end.
bool WarehouseWriter::take_batch() {
  Lock lock(mutex_);
  if (batch_.empty()) {
    work_.wait_for(lock, settings_.batch_time, [this] {
      return is_stopping_ || (is_flushing_ && !queue_.empty()) || queue_.size() >= settings_.batch_rows;
    });
    const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), settings_.batch_rows));
    batch_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
    queue_.erase(queue_.begin(), queue_.begin() + count);
  }
  return !is_stopping_;
}

bool WarehouseWriter::open() {
  if (database_ != nullptr) return true;
  Result<std::unique_ptr<Database>> opened = open_database(settings_.address);
  if (!opened) {
    fail(opened.error(), DatabaseTrouble::lost);
    return false;
  }
  std::unique_ptr<Database> database = opened.take();
  const Result<Ok> migrated = migrate(*database, all_migrations(), clock_());
  if (!migrated) {
    const bool is_full = database->trouble() == DatabaseTrouble::full;
    fail(migrated.error(), is_full ? DatabaseTrouble::full : DatabaseTrouble::lost);
    return false;
  }
  database_ = std::move(database);
  store_.forget();
  const std::lock_guard lock(mutex_);
  status_.is_open = true;
  status_.trouble = DatabaseTrouble::none;
  status_.trouble_text.clear();
  return true;
}

// False: it is still at hand, and to be tried again.
bool WarehouseWriter::write_batch() {
  if (!batch_.empty() && !write(batch_)) {
    // The parts that were written before it failed are no longer in the batch.
    if (status().trouble == DatabaseTrouble::full) look_after_retention(true);
    return false;
  }
  batch_.clear();
  pause_ = {};
  return true;
}

bool WarehouseWriter::write(std::span<const WarehouseRow> rows) {
  Result<Ok> done = database_->begin();
  if (done) done = store_.store(*database_, rows);
  if (done) done = database_->commit();
  if (done) {
    const std::lock_guard lock(mutex_);
    status_.written += rows.size();
    status_.queued -= rows.size();
    ++status_.batches;
    status_.trouble = DatabaseTrouble::none;
    status_.trouble_text.clear();
    if (status_.queued == 0) idle_.notify_all();
    return true;
  }
  const DatabaseTrouble trouble = database_->trouble();
  database_->rollback();
  store_.forget();
  if (trouble == DatabaseTrouble::full || trouble == DatabaseTrouble::lost) {
    // Halves come front first, so what wasn't written is the batch's end.
    const size_t left = static_cast<size_t>(batch_.data() + batch_.size() - rows.data());
    batch_.erase(batch_.begin(), batch_.end() - static_cast<std::ptrdiff_t>(left));
    fail(done.error(), trouble);
    if (trouble == DatabaseTrouble::lost) database_.reset();
    return false;
  }
  if (rows.size() > 1) {
    const size_t half = rows.size() / 2;
    return write(rows.first(half)) && write(rows.subspan(half));
  }
  const std::lock_guard lock(mutex_);
  ++status_.dropped[static_cast<size_t>(RowDrop::refused)];
  --status_.queued;
  if (status_.queued == 0) idle_.notify_all();
  return true;
}

void WarehouseWriter::look_after_retention(bool is_urgent) {
  const int64_t now_s = clock_();
  if (database_ == nullptr || (!is_urgent && now_s - retained_s_ < settings_.retention.every_s)) return;
  retained_s_ = now_s;
  Result<RetentionReport> report = retain(*database_, settings_.retention, now_s);
  // A partition that was dropped has to be made again for a late row.
  store_.forget();
  if (!report) {
    const DatabaseTrouble trouble = database_->trouble();
    database_->rollback();
    if (trouble == DatabaseTrouble::lost) {
      database_.reset();
      fail(report.error(), trouble);
    }
    return;
  }
  const std::lock_guard lock(mutex_);
  ++status_.retention_runs;
  status_.retention.rows += report.value().rows;
  status_.retention.partitions += report.value().partitions;
  status_.retention.bytes = report.value().bytes;
}

void WarehouseWriter::fail(const Error& error, DatabaseTrouble trouble) {
  const std::lock_guard lock(mutex_);
  ++status_.failures;
  status_.is_open = database_ != nullptr && trouble != DatabaseTrouble::lost;
  status_.trouble = trouble;
  status_.trouble_text = error.text();
}

void WarehouseWriter::pause() {
  pause_ = std::clamp(pause_ * 2, settings_.first_pause, settings_.longest_pause);
  Lock lock(mutex_);
  work_.wait_for(lock, pause_, [this] { return is_stopping_; });
}

}  // namespace shunt::insight
