// FrameIo: the edge between a worker and its devices, as the stages see it. dpdk_frame_io.h is the real one;
// tests and benches have their own, so that everything between the two edges runs without EAL.
#pragma once

#include <concepts>
#include <cstdint>

#include "dataplane/burst.h"

namespace shunt {

template <typename T>
concept FrameIo = requires(T io, uint8_t port, Packet* packets, const Frame& done, void** handles,
                           unsigned count, uint64_t& sum, Frame& frame, uint32_t bytes) {
  // At most `count` frames that came in by this port: data, bytes and handle of the first packets. The caller
  // owns them. Adds their bytes to `sum`.
  { io.receive(port, packets, count, sum) } -> std::same_as<unsigned>;
  // Writes back where the frame begins and ends now. To be called before its handle is sent.
  { io.seal(done) } -> std::same_as<void>;
  // Hands frames to the port's device. Of the first n, n returned, the device is the owner; the rest stay the
  // caller's.
  { io.send(port, handles, count) } -> std::same_as<unsigned>;
  { io.free(handles, count) } -> std::same_as<void>;
  // A frame of `bytes` to be filled in. False: no buffer.
  { io.allocate(frame, bytes) } -> std::same_as<bool>;
};

}  // namespace shunt
