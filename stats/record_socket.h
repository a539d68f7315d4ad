// What shuntd and a reader of flow records say to each other at the socket: one message, from shuntd, then
// silence.
//
// The greeting comes with two descriptors, records and tails (record_layout.h). Any other text is a refusal,
// for a person. The connection stays open for as long as the reader reads.
#pragma once

#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "common/result.h"

namespace shunt {

inline constexpr const char* kRecordSocketName = "records";  // in runtime_dir
inline constexpr std::string_view kRecordGreeting = "shunt flow records";
inline constexpr size_t kRecordDescriptors = 2;

inline Result<sockaddr_un> record_socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{
        path, "a unix socket's path has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace shunt
