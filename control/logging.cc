#include "control/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace shunt {
namespace {

// What net_tap says at every start where the kernel lacks the multiq qdisc, or where no second process is
// attached. Neither matters here: rte_flow isn't used, and there is one process.
bool is_known_noise(std::string_view line) {
  constexpr std::string_view kHarmless[] = {"tap_nl_dump_ext_ack(): Specified qdisc kind is unknown",
                                            "qdisc_create_multiq()",
                                            "No free 1048576 kB hugepages",
                                            "failed to create multiq qdisc",
                                            "Disabling rte flow support",
                                            "tap_mp_req_on_rxtx(): Failed to send start req to secondary"};
  return std::ranges::any_of(kHarmless, [&](std::string_view part) { return line.find(part) != line.npos; });
}

}  // namespace

void start_logging(LogLevel level) {
  auto logger = spdlog::stderr_color_mt("shuntd");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  set_log_level(level);
}

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::set_level(spdlog::level::trace);
    case LogLevel::debug:
      return spdlog::set_level(spdlog::level::debug);
    case LogLevel::info:
      return spdlog::set_level(spdlog::level::info);
    case LogLevel::warning:
      return spdlog::set_level(spdlog::level::warn);
    case LogLevel::error:
      return spdlog::set_level(spdlog::level::err);
  }
}

void log_dpdk(uint32_t level, std::string_view line) {
  constexpr uint32_t kError = 4;
  constexpr uint32_t kWarning = 5;
  if (is_known_noise(line)) return spdlog::debug("DPDK: {}", line);
  if (level <= kError) return spdlog::error("DPDK: {}", line);
  if (level == kWarning) return spdlog::warn("DPDK: {}", line);
  spdlog::debug("DPDK: {}", line);
}

}  // namespace shunt
