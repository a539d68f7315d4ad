// What a capture of packets is asked for, and the stream that it is. Part of status.h; the same rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/address.h"
#include "http/api_stream.h"

namespace shunt {

struct CaptureQuestion {
  std::string service;            // empty: of all, and what is for none
  std::string backend;            // "web-1" or "web/web-1"; empty: any
  std::optional<Prefix> client;   // nothing: any
  uint64_t reasons = 0;           // bit by DropReason: only what is dropped for one of these; 0: everything
  uint64_t packets = 10'000;      // it ends after so many,
  std::chrono::seconds time{60};  // or then
  uint32_t snap_bytes = 256;      // of a frame
};

// A pcapng file as it grows, in whole blocks.
using CaptureStream = ApiStream;

}  // namespace shunt
