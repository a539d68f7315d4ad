#include "insight/watch/record_intake.h"

#include <algorithm>
#include <utility>

namespace shunt::insight {
namespace {
constexpr size_t kChunk = 512;
}  // namespace

RecordIntake::RecordIntake(std::string node, std::unique_ptr<RecordSource> source)
    : source_(std::move(source)), names_(std::move(node)), chunk_(kChunk) {}

bool RecordIntake::turn(int64_t now_us, const Sink& sink) {
  if (!source_) return false;
  source_->turn(now_us);
  if (source_->attachments() != attachment_) {
    if (attachment_ != 0) names_.forget();  // another shuntd has other numbers
    attachment_ = source_->attachments();
    dropped_before_ += dropped_now_;
  }
  if (!source_->is_attached()) return false;
  dropped_now_ = source_->dropped();
  tally_.dropped = dropped_before_ + dropped_now_;
  const bool is_old = names_.generation() != source_->generation();
  may_wait_ = is_old && (waiting_since_us_ == 0 || now_us - waiting_since_us_ < kPatienceUs);
  is_waiting_ = false;
  size_t left = kMostATurn;
  for (bool went_on = true; went_on && left > 0;) {
    went_on = false;
    for (uint32_t ring = 0; ring < source_->rings() && left > 0; ++ring) {
      const size_t count = drain(ring, left, sink);
      left -= count;
      went_on = went_on || count > 0;
    }
  }
  if (!is_waiting_)
    waiting_since_us_ = 0;
  else if (waiting_since_us_ == 0)
    waiting_since_us_ = now_us;
  return is_waiting_;
}

size_t RecordIntake::drain(uint32_t ring, size_t most, const Sink& sink) {
  const size_t copied = source_->copy(ring, std::span(chunk_).first(std::min(most, chunk_.size())));
  size_t count = 0;
  for (; count < copied; ++count) {
    const RecordName name = names_.find(chunk_[count]);
    if (!name.is_complete && may_wait_) {
      is_waiting_ = true;
      break;
    }
    ++tally_.read;
    if (!name.is_complete) ++tally_.unknown;
    if (name.service != nullptr) sink(name, chunk_[count]);
  }
  source_->done(ring, count);
  return count;
}

RecordCounts RecordIntake::counts() const {
  if (!source_) return {false, tally_.read, tally_.dropped};
  const bool attached = source_->is_attached();
  return {attached, tally_.read, tally_.dropped, attached ? std::string() : source_->error()};
}

}  // namespace shunt::insight
