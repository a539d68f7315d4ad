#include "control/ctl_capture.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/ctl_client.h"
#include "control/ctl_format.h"

namespace shunt {
namespace {

constexpr std::chrono::seconds kGrace{30};  // behind the capture's own end

CtlExit fail(const CtlIo& io, CtlExit code, const std::string& what) {
  io.err << "shuntctl: " << what << '\n';
  return code;
}

void tell_end(const CaptureWish& wish, uint64_t bytes, bool json, const CtlIo& io) {
  if (wish.file.empty()) return;
  if (json) {
    io.out << nlohmann::ordered_json{{"file", wish.file}, {"bytes", bytes}}.dump(2) << '\n';
  } else {
    io.out << wish.file << ": " << si_bytes(bytes) << '\n';
  }
}

}  // namespace

CtlExit write_capture(const CtlTarget& target, const std::string& query, const CaptureWish& wish, bool json,
                      const CtlIo& io) {
  if (wish.file.empty() && io.terminal)
    return fail(io, kExitUsage, "a capture is for a file or a pipe: --write FILE, or | tshark -r -");
  std::ofstream file;
  if (!wish.file.empty()) {
    file.open(wish.file, std::ios::binary | std::ios::trunc);
    if (!file) return fail(io, kExitFailed, wish.file + ": " + std::strerror(errno));
  }
  std::ostream& to = wish.file.empty() ? io.out : file;
  uint64_t bytes = 0;
  const auto sink = [&](std::string_view part) {
    bytes += part.size();
    to << part;
    to.flush();
    return to.good();
  };
  const Result<HttpAnswer> answer = stream_from_shuntd(target, "POST", "/api/v1/capture" + query,
                                                       std::chrono::seconds(wish.seconds) + kGrace, sink);
  if (!answer) return fail(io, kExitUnreachable, answer.error().text());
  if (answer.value().status >= 300) {
    if (json) io.out << answer.value().body;
    return fail(io, kExitFailed, problem_text(answer.value().body, answer.value().status));
  }
  if (!to.good()) {
    // Whoever read the pipe has gone: that is how one stops.
    return wish.file.empty() ? kExitOk : fail(io, kExitFailed, wish.file + ": can't be written");
  }
  tell_end(wish, bytes, json, io);
  return kExitOk;
}

}  // namespace shunt
