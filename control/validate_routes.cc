// Rules of [routes].
#include <algorithm>
#include <cstdint>
#include <limits>

#include "control/config_validate.h"

namespace shunt {
namespace {

// All backends may be down where a backup pool's are up.
constexpr uint64_t kMostSteps = 10;

void validate_metric(Validation& all) {
  const RoutesConfig& routes = all.config.routes;
  const Origin& origin = all.origin.routes;
  const bool unreadable = origin.given("metric") && !origin.has("metric");
  if (unreadable || !origin.has("metric_step") || routes.metric_step == 0) return;
  if (routes.metric == 0) {
    return all.report.error(DiagnosticId::metric_step_without_metric, origin.of("metric_step"),
                            "`metric_step` needs a `metric` of 1 or more: 0 is the highest in IPv6, 1024");
  }
  const uint64_t highest = routes.metric + kMostSteps * routes.metric_step;
  if (highest <= std::numeric_limits<uint32_t>::max()) return;
  all.report.error(DiagnosticId::metric_too_high, origin.of("metric_step"),
                   "`metric` and ten times `metric_step` are " + std::to_string(highest) +
                       ", and a metric is at most 4294967295");
}

// It becomes a line of what a program writes to ExaBGP: one line, and something in it.
void validate_exabgp(Validation& all) {
  const std::string& text = all.config.routes.exabgp;
  const Origin& origin = all.origin.routes;
  if (!origin.has("exabgp")) return;
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && text.find_first_not_of(' ') != std::string::npos &&
      text.find("next-hop") != std::string::npos)
    return;
  all.report.error(DiagnosticId::bad_exabgp_text, origin.of("exabgp"),
                   "`exabgp` is one line of plain text with a next-hop, like \"next-hop self med 10\"");
}

}  // namespace

void validate_routes(Validation& all) {
  validate_metric(all);
  validate_exabgp(all);
}

}  // namespace shunt
