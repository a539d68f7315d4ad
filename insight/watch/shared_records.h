// SharedRecords: flow records of a shuntd on this host, by its socket and shared memory (docs/records.md).
//
// Attaching waits for shuntd's answer, up to a second, on a thread that lives as long; it is tried once a
// second. When shuntd ends, what is in the rings is read first. Owner: one thread.
#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>

#include "common/result.h"
#include "insight/watch/record_source.h"
#include "stats/record_reader.h"

namespace shunt::insight {

class SharedRecords : public RecordSource {
 public:
  explicit SharedRecords(std::string path) : path_(std::move(path)) {}

  void turn(int64_t now_us) override;
  bool is_attached() const override { return reader_.has_value(); }
  std::string error() const override { return error_; }
  uint32_t rings() const override { return reader_ ? reader_->rings() : 0; }
  size_t copy(uint32_t ring, std::span<FlowRecord> out) override;
  void done(uint32_t ring, size_t count) override;
  uint64_t dropped() const override;
  uint64_t generation() const override;
  uint64_t attachments() const override { return attachments_; }

 private:
  bool is_read_out();
  void take_attached();

  std::string path_;
  std::string error_ = "not asked yet";
  std::optional<RecordReader> reader_;
  std::future<Result<RecordReader>> attaching_;
  int64_t due_us_ = 0;
  uint64_t dropped_before_ = 0;  // of this reader's rings when it attached
  uint64_t attachments_ = 0;
};

}  // namespace shunt::insight
