#include "insight/watch/shared_records.h"

#include <chrono>

namespace shunt::insight {
namespace {
constexpr int64_t kPauseUs = 1'000'000;
constexpr std::chrono::milliseconds kPatience{1'000};
}  // namespace

void SharedRecords::turn(int64_t now_us) {
  if (reader_ && !reader_->connected() && is_read_out()) {
    reader_.reset();
    error_ = path_ + ": shuntd ended";
    due_us_ = now_us;
  }
  if (attaching_.valid()) {
    take_attached();
  } else if (!reader_ && now_us >= due_us_) {
    due_us_ = now_us + kPauseUs;
    attaching_ =
        std::async(std::launch::async, [path = path_] { return RecordReader::attach(path, kPatience); });
  }
}

void SharedRecords::take_attached() {
  if (attaching_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  auto attached = attaching_.get();
  if (!attached) {
    error_ = attached.error().text();
    return;
  }
  reader_.emplace(attached.take());
  error_.clear();
  ++attachments_;
  dropped_before_ = 0;
  dropped_before_ = dropped();
}

bool SharedRecords::is_read_out() {
  for (uint32_t ring = 0; ring < reader_->rings(); ++ring) {
    if (reader_->ring(ring).waiting() != 0) return false;
  }
  return true;
}

size_t SharedRecords::copy(uint32_t ring, std::span<FlowRecord> out) {
  return reader_ && ring < reader_->rings() ? reader_->ring(ring).copy(out) : 0;
}

void SharedRecords::done(uint32_t ring, size_t count) {
  if (reader_ && ring < reader_->rings() && count > 0) reader_->ring(ring).done(count);
}

uint64_t SharedRecords::dropped() const {
  if (!reader_) return 0;
  uint64_t sum = 0;
  RecordReader& reader = const_cast<RecordReader&>(*reader_);
  for (uint32_t ring = 0; ring < reader.rings(); ++ring)
    sum += reader.ring(ring).dropped();
  return sum - dropped_before_;
}

uint64_t SharedRecords::generation() const {
  return reader_ ? reader_->header().generation.load(std::memory_order_acquire) : 0;
}

}  // namespace shunt::insight
