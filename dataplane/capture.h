// Capture: copies of packets for whoever looks into the traffic, as they came in and as they left.
//
// While a capture runs, each worker has a CaptureTap: it keeps the beginning of every packet of a burst
// before the first stage, and behind rewrite, when it is known what became of each, copies those that the
// filter wants into a ring that the control thread empties. Nobody waits: what finds the ring full is
// counted. Without a tap it costs a worker one test a burst.
//
// What drops behind rewrite (a full device, ring or punt queue) is not seen here as dropped.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "dataplane/burst.h"
#include "dataplane/frame_ring.h"
#include "stats/counter.h"

namespace shunt {

inline constexpr uint32_t kLongestSnap = 2'048;
inline constexpr size_t kCaptureRingBytes = 4U << 20U;

// What is wanted; each part that is empty wants all.
struct CaptureFilter {
  struct Pair {
    uint16_t service = 0;
    BackendRef backend;
  };

  uint32_t snap_bytes = 256;  // of a frame: so much is copied
  uint16_t service = 0;
  bool by_backend = false;
  std::vector<Pair> backends;  // of by_backend: any of these
  bool by_client = false;
  Prefix client;         // of a packet without service: its source
  uint64_t reasons = 0;  // bit by DropReason: only what is dropped for one of these
};

enum class CaptureKind : uint8_t { before, after, dropped, answered, punted, cut };

// Stands before a frame's bytes in the ring.
struct CaptureRecord {
  uint64_t ns = 0;          // of Now
  uint64_t number = 0;      // of the packet, of this worker: what came of it has the same
  uint32_t wire_bytes = 0;  // of the frame, whole
  CaptureKind kind = CaptureKind::before;
  uint8_t port = 0;  // index: where it came in or leaves
  DropReason reason = DropReason::not_our_mac;
  bool is_reply = false;
  uint16_t service = 0;  // 0: none
  BackendRef backend;
  bool has_backend = false;
  bool has_flow = false;  // the next three are known
  uint16_t client_port = 0;
  IpAddress client;
};

class CaptureTap {
 public:
  explicit CaptureTap(CaptureFilter filter);
  CaptureTap(const CaptureTap&) = delete;
  CaptureTap& operator=(const CaptureTap&) = delete;

  // Worker: before the first stage, and behind rewrite.
  void before(Burst& burst, const Now& now);
  void after(const Burst& burst);

  // Control thread.
  FrameRing& ring() { return ring_; }
  uint64_t missed() const { return missed_.read(); }  // records that found no room

 private:
  struct Kept {
    uint32_t wire_bytes = 0;
    uint32_t bytes = 0;
  };
  bool wants(const Burst& burst, unsigned i, const CaptureRecord& record) const;
  CaptureRecord describe(const Burst& burst, unsigned i) const;
  void push(const CaptureRecord& record, const uint8_t* bytes, uint32_t count);
  uint8_t* kept(unsigned i) { return storage_.data() + i * size_t{filter_.snap_bytes}; }

  CaptureFilter filter_;
  FrameRing ring_{kCaptureRingBytes};
  Counter missed_;
  Now now_;
  uint64_t next_number_ = 1;
  unsigned count_ = 0;                      // of the burst
  std::array<Kept, kBurstSize> lengths_{};  // by packet
  std::vector<uint8_t> storage_;            // their beginnings, as they came in
  std::vector<uint8_t> record_;             // one on its way into the ring
};

}  // namespace shunt
