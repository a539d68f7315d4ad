#include "control/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace shunt {

void start_logging(LogLevel level) {
  auto logger = spdlog::stderr_color_mt("shuntd");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->flush_on(spdlog::level::trace);
  switch (level) {
    case LogLevel::trace:
      logger->set_level(spdlog::level::trace);
      break;
    case LogLevel::debug:
      logger->set_level(spdlog::level::debug);
      break;
    case LogLevel::info:
      logger->set_level(spdlog::level::info);
      break;
    case LogLevel::warning:
      logger->set_level(spdlog::level::warn);
      break;
    case LogLevel::error:
      logger->set_level(spdlog::level::err);
      break;
  }
  spdlog::set_default_logger(std::move(logger));
}

void log_dpdk(uint32_t level, std::string_view line) {
  constexpr uint32_t kError = 4;
  constexpr uint32_t kWarning = 5;
  if (level <= kError) return spdlog::error("DPDK: {}", line);
  if (level == kWarning) return spdlog::warn("DPDK: {}", line);
  spdlog::debug("DPDK: {}", line);
}

}  // namespace shunt
