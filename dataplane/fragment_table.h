// FragmentTable: which way the fragments of a datagram go, and those that came before the first one, which
// alone says so.
//
// Nothing is put together here: fragments travel as fragments (RFC 5722's rule is kept all the same, so every
// part that came is remembered). Owner: one Worker, no locks. Bound: datagrams, bytes held and time are given
// at start (a datagram ends at most as late again, when others were decided before it). Full: datagrams that
// are complete go first, then the oldest of the others with what is held of it, which is counted. Cost: a
// keyed hash, a line or two of the datagram, a copy of what is held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/keyed_hash.h"
#include "dataplane/backend_ref.h"
#include "dataplane/flow_key.h"
#include "dataplane/fragment_part.h"
#include "stats/drop_reason.h"

namespace shunt {

struct FragmentLimits {
  uint32_t datagrams = 4096;
  uint64_t bytes = uint64_t{4} << 20U;  // of frames held, in blocks of kFragmentBlockBytes
  uint64_t time_ns = 1'000'000'000U;

  bool operator==(const FragmentLimits&) const = default;
};
inline constexpr size_t kFragmentBlockBytes = 256;

// What became of a datagram's first fragment, and so becomes of the others.
struct FragmentWay {
  enum class Kind : uint8_t { unknown, to_backend, to_client, to_host, hand_over, punt, drop };
  Kind kind = Kind::unknown;
  bool urgent = false;                       // punt
  uint8_t owner = 0;                         // hand_over: the worker
  DropReason reason = DropReason::fragment;  // drop
  uint16_t service = 0;                      // to_*
  BackendRef backend;
  FlowKey key;
};

enum class FragmentFit : uint8_t {
  fits,
  duplicate,  // it came before
  overlaps,   // it contradicts what came before: the datagram is dead
  no_room,    // it would be a gap too many
};

class FragmentTable {
  struct Datagram;

 public:
  // A datagram of the table. Good until the next call of find_or_add, expire or clear.
  using Handle = Datagram*;

  static size_t bytes_for(const FragmentLimits& limits);
  // `memory`: bytes_for(limits), aligned to a line. Without any the table takes nothing.
  FragmentTable(std::span<std::byte> memory, const FragmentLimits& limits, const HashKey& key);
  FragmentTable(const FragmentTable&) = delete;
  FragmentTable& operator=(const FragmentTable&) = delete;

  // nullptr: all are complete but for what is to be released.
  Handle find_or_add(const FragmentKey& key, uint64_t now_ns);
  // Notes that a part came. `overlaps`: what is held of the datagram is thrown away, and the same is said of
  // all its later parts.
  FragmentFit add(Handle datagram, const FragmentPart& part);
  const FragmentWay& way(Handle datagram) const;
  // What is held of it is to be released.
  void decide(Handle datagram, const FragmentWay& way);
  // Keeps a copy. False: no room, also not by throwing away older ones.
  bool hold(Handle datagram, uint8_t port, std::span<const uint8_t> frame);

  // What is to be released, one frame after the other.
  struct Held {
    uint8_t port;
    uint32_t bytes;
    FragmentWay way;
  };
  std::optional<Held> front() const;
  void copy_front(uint8_t* to) const;
  void pop();

  // Ends what is older than its time; a bounded number in one call.
  void expire(uint64_t now_ns);
  void clear();

  // Frames thrown away since it was asked last.
  struct Losses {
    uint64_t limit = 0;    // no room, or no time
    uint64_t overlap = 0;  // their datagram is dead
  };
  Losses take_losses();

  bool empty() const { return datagrams_ == 0; }
  uint32_t datagrams() const { return datagrams_; }
  uint64_t held_frames() const { return held_frames_; }
  uint32_t free_blocks() const { return free_blocks_; }
  uint32_t blocks() const { return block_count_; }

 private:
  static constexpr uint32_t kNone = 0xffffffffU;
  static constexpr unsigned kParts = 64;
  static constexpr unsigned kExpiredAtOnce = 256;

  // waiting: for the first fragment. ready: that came, and frames are to be released. going: the rest follows
  // it. done: complete or dead; kept so that what comes again is known.
  enum class State : uint8_t { free, waiting, ready, going, done };
  static constexpr size_t kStates = 5;

  struct Range {
    uint16_t begin;
    uint16_t end;
  };
  struct Datagram {
    FragmentKey key;
    FragmentWay way;
    uint64_t since_ns;
    uint32_t next_in_bucket;
    uint32_t previous;  // in the list of its state
    uint32_t next;
    uint32_t first_held;  // block
    uint32_t last_held;
    uint32_t held;     // frames
    uint32_t covered;  // bytes that came
    uint32_t bucket;
    uint16_t total;  // bytes; 0: the last fragment didn't come
    uint8_t parts;
    State state;
    bool is_dead;
    bool is_merged;  // some ranges were several fragments
    std::array<Range, kParts> ranges;
  };
  struct List {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };
  // A frame is a chain of blocks; the first one says what it is.
  struct Block {
    uint32_t next_block;
    uint32_t next_frame;
    uint32_t frame_bytes;
    uint32_t port;
    std::array<uint8_t, kFragmentBlockBytes - 16> bytes;
  };
  static_assert(sizeof(Block) == kFragmentBlockBytes);

  static uint32_t blocks_of(const FragmentLimits& limits);
  static uint32_t buckets_of(const FragmentLimits& limits);
  uint32_t index_of(const Datagram* datagram) const {
    return static_cast<uint32_t>(datagram - datagrams_memory_);
  }
  List& list(State state) { return lists_[static_cast<size_t>(state)]; }
  void move_to(Datagram& datagram, State state);
  void unlink(Datagram& datagram);
  void append(Datagram& datagram, State state);
  void end(Datagram& datagram);
  uint64_t throw_away_held(Datagram& datagram);
  void free_frame(uint32_t first_block);
  Datagram* take_free();
  bool make_room(uint32_t blocks, const Datagram& keep);
  void settle(Datagram& datagram);
  void kill(Datagram& datagram);

  static bool merge_two(Datagram& datagram);
  FragmentFit fit(const Datagram& datagram, const FragmentPart& part, unsigned& at) const;

  HashKey key_;
  uint64_t time_ns_;
  uint32_t capacity_ = 0;
  uint32_t bucket_mask_ = 0;
  uint32_t block_count_ = 0;
  Datagram* datagrams_memory_ = nullptr;
  uint32_t* buckets_ = nullptr;
  Block* blocks_ = nullptr;
  std::array<List, kStates> lists_;
  uint32_t first_free_block_ = kNone;
  uint32_t free_blocks_ = 0;
  uint32_t datagrams_ = 0;
  uint64_t held_frames_ = 0;
  Losses losses_;
};

}  // namespace shunt
