// RecordReader: a process's hold on the flow records of one shuntd.
//
// Owner: one thread of the reading process. Cost: attaching takes one exchange with shuntd's control thread;
// reading is memory and nothing else. shuntd's end is seen by connected(); what is in the rings then can
// still be read, after which attaching again finds the next shuntd.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "stats/record_layout.h"
#include "stats/record_ring.h"
#include "stats/shared_mapping.h"

namespace shunt {

class RecordReader {
 public:
  // `path`: of the socket, <runtime_dir>/records. Refused: nobody listens or answers in time, somebody else
  // reads, another layout.
  static Result<RecordReader> attach(const std::string& path,
                                     std::chrono::milliseconds patience = std::chrono::seconds(5));
  // On memory that came in another way. `where` stands in errors.
  static Result<RecordReader> map(const std::string& where, UniqueFd records, UniqueFd tails,
                                  UniqueFd connection);

  uint32_t rings() const { return static_cast<uint32_t>(rings_.size()); }
  RecordRingReader& ring(uint32_t number) { return rings_[number]; }
  // From here on its fields don't change, but for the generation.
  const RecordHeader& header() const { return *reinterpret_cast<const RecordHeader*>(records_.data()); }

  bool connected() const;
  // Readable when shuntd has ended, for poll().
  int connection() const { return connection_.get(); }

 private:
  RecordReader() = default;

  UniqueFd connection_;
  SharedMapping records_;
  SharedMapping tails_;
  std::vector<RecordRingReader> rings_;
};

}  // namespace shunt
