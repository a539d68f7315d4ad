// RecordSegment: the shared memory that carries flow records out of shuntd, and the socket at which a reader
// gets it.
//
// The memory has no name: a file in runtime_dir that a reader may write could be cut short by anybody who may
// open it, and the worker that touches the missing page would be killed (SIGBUS); on a disk it would also
// wait for writeback. So it is two memfds, sealed before anybody else sees them:
//   records  F_SEAL_SHRINK, GROW, FUTURE_WRITE: nobody but this process can change a byte, punch a hole or
//   change its size tails    F_SEAL_SHRINK, GROW: a reader may write, and then only hurts its own reading
//   (record_ring.h)
// Both are handed over by the unix socket `records` in runtime_dir (mode 0660). The connection is the
// reader's seat: there is one, and the kernel ends it when the reader dies, however it dies; a stopped reader
// keeps it. A reader sees shuntd's end by the same connection, and what lies in the rings then stays readable
// for as long as it has them mapped.
//
// Owner: the control thread; each ring belongs to a worker. Bound: all memory is taken, written and, where
// the limits allow it, locked in create(), so that no push meets a page fault.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "stats/record_follower.h"
#include "stats/record_layout.h"
#include "stats/record_ring.h"
#include "stats/shared_mapping.h"

namespace shunt {

class RecordSegment {
 public:
  struct Counts {
    uint64_t pushed = 0;
    uint64_t dropped = 0;
    uint64_t waiting = 0;  // not read yet; `capacity` while the reader's tail makes no sense
  };

  // In place of what an earlier shuntd left in `directory` (which the caller holds locked). `capacity`:
  // records in each ring, a power of two up to kMaxRingCapacity.
  static Result<RecordSegment> create(const std::string& directory, uint32_t rings, uint64_t capacity);
  RecordSegment(RecordSegment&&) noexcept = default;
  RecordSegment& operator=(RecordSegment&&) = delete;
  ~RecordSegment();

  // For one worker each. Valid as long as the segment, wherever that is moved.
  RecordRing& ring(uint32_t number) { return rings_[number]; }
  const RecordLayout& layout() const { return layout_; }
  // False: the limits on locked memory don't allow it, so pages may be swapped out.
  bool locked() const { return locked_; }

  // Readable when a reader comes: then serve(), which never waits.
  int listen_fd() const { return listener_.get(); }
  void serve();
  bool has_reader() const;
  pid_t reader_pid() const;  // 0: nobody reads, or a process that can't be seen from this pid namespace

  // Shows the records that were pushed since the last call, beside any reader; of those that a quick reader
  // let be overwritten meanwhile, none.
  void follow(const std::function<void(const FlowRecord&)>& take);
  // While nobody reads, records beyond half of a ring are let go, oldest first: the next reader finds the
  // newest ones, and no ring stays full of old ones.
  void make_room();

  void set_generation(uint64_t generation);
  Counts counts(uint32_t ring) const;

 private:
  RecordSegment() = default;
  Result<> make_memory();
  void write_header();
  Result<> listen_at(const std::string& path);
  void answer(UniqueFd connection);

  RecordLayout layout_;
  UniqueFd records_fd_;
  UniqueFd tails_fd_;
  SharedMapping records_;
  SharedMapping tails_;
  bool locked_ = false;
  std::deque<RecordRing> rings_;
  std::vector<RecordRingFollower> followers_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  UniqueFd listener_;
  UniqueFd seat_;
  pid_t seated_ = 0;
};

}  // namespace shunt
