#include "control/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/log_json.h"
#include "common/spdlog_level.h"

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

constexpr const char* kDpdk = "dpdk";

// A line of DPDK's. In text its origin stands in the line, in JSON it is the area.
void say_dpdk(spdlog::level::level_enum level, std::string_view line) {
  if (const auto logger = spdlog::get(kDpdk)) logger->log(level, "DPDK: {}", line);
}

}  // namespace

void start_logging(const LogConfig& config) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("shuntd", sink);
  auto dpdk = std::make_shared<spdlog::logger>(kDpdk, std::move(sink));
  logger->flush_on(spdlog::level::trace);
  dpdk->flush_on(spdlog::level::trace);
  spdlog::register_logger(std::move(dpdk));
  spdlog::set_default_logger(std::move(logger));
  set_logging(config);
}

void set_logging(const LogConfig& config) {
  spdlog::set_level(spdlog_level(config.level));
  if (config.format == LogFormat::json) {
    spdlog::set_formatter(std::make_unique<JsonLines>());
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  }
}

void log_dpdk(uint32_t level, std::string_view line) {
  constexpr uint32_t kError = 4;
  constexpr uint32_t kWarning = 5;
  if (is_known_noise(line)) return say_dpdk(spdlog::level::debug, line);
  if (level <= kError) return say_dpdk(spdlog::level::err, line);
  if (level == kWarning) return say_dpdk(spdlog::level::warn, line);
  say_dpdk(spdlog::level::debug, line);
}

}  // namespace shunt
