// JsonLines: a line of the log as one JSON object, for `[log] format = "json"`.
//
//   {"time":"2026-05-04T10:11:12.345Z","level":"info","area":"shuntd","message":"…"}
//
// time is RFC 3339 in UTC; level one of trace debug info warning error critical; area who says it: shuntd, or
// dpdk for DPDK's own lines. What isn't UTF-8 is replaced, line ends are escaped: a line is always a whole
// object.
#pragma once

#include <memory>

#include <spdlog/formatter.h>

namespace shunt {

class JsonLines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override;
  std::unique_ptr<spdlog::formatter> clone() const override;
};

}  // namespace shunt
