// CaptureSession: a capture that runs: the workers' records as a pcapng stream, until so many packets, its
// time, or nobody reads.
//
// Owner: who reads it. Bound: the workers' rings, of which one take() empties at most kTakeBytes each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/capture_status.h"
#include "control/capture_taps.h"

namespace shunt {

// What numbers are called. The functions are asked while the capture is read, by take() alone.
struct CaptureNames {
  std::string application;         // "shuntd 0.1.0"
  std::vector<std::string> ports;  // by index
  std::function<std::string(uint16_t service)> service;
  std::function<std::string(uint16_t service, BackendRef backend)> backend;
};

struct CaptureBounds {
  uint64_t packets = 0;
  uint64_t until_ns = 0;  // of Now
  uint32_t snap_bytes = 256;
  int64_t epoch_offset_ns = 0;  // from Now to 1970's
};

class CaptureSession : public CaptureStream {
 public:
  static constexpr size_t kTakeBytes = 1U << 20U;

  using Clock = std::function<uint64_t()>;  // ns of Now
  using Ended = std::function<void(uint64_t packets, uint64_t missed)>;

  // `taps` are running. `ended` is called once, by take() or end().
  CaptureSession(std::shared_ptr<CaptureTaps> taps, CaptureNames names, const CaptureBounds& bounds,
                 Clock clock, Ended ended);
  ~CaptureSession() override { taps_->stop(); }

  std::optional<std::string> take() override;
  void end() override;

 private:
  struct Block {
    uint64_t ns = 0;
    size_t order = 0;  // of those at one instant
    std::string bytes;

    auto operator<=>(const Block&) const = default;
  };
  void drain(CaptureTap& tap, std::vector<Block>& blocks);
  bool write(const CaptureRecord& record, std::span<const uint8_t> frame, std::vector<Block>& blocks);
  std::string comment(const CaptureRecord& record) const;
  uint64_t wall_ns(uint64_t ns) const { return ns + static_cast<uint64_t>(bounds_.epoch_offset_ns); }

  std::shared_ptr<CaptureTaps> taps_;
  CaptureNames names_;
  CaptureBounds bounds_;
  Clock clock_;
  Ended ended_;
  std::string head_;      // not given out yet
  uint64_t packets_ = 0;  // that were written
  bool ending_ = false;   // the workers leave: what they still write is waited for
  bool over_ = false;
};

}  // namespace shunt
