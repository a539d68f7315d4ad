#include "tests/traffic/latency_law.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tests/tools/duration.h"

namespace shunt {
namespace {

constexpr double kLongestNs = 3600.0 * 1e9;
constexpr double kMaxSigma = 4;

bool read_sigma(std::string_view text, double& sigma) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sigma);
  return error == std::errc{} && end == text.data() + text.size() && sigma >= 0 && sigma <= kMaxSigma;
}

}  // namespace

Result<LatencyLaw> LatencyLaw::parse(std::string_view text) {
  const Error wrong{"latency",
                    "\"" + std::string(text) + "\" is none of 10ms, exponential:10ms, lognormal:10ms,0.5"};
  LatencyLaw law;
  law.text_ = text;
  const size_t colon = text.find(':');
  const std::string_view kind = colon == std::string_view::npos ? "fixed" : text.substr(0, colon);
  std::string_view scale = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (kind == "lognormal") {
    law.kind_ = Kind::lognormal;
    const size_t comma = scale.find(',');
    if (comma == std::string_view::npos || !read_sigma(scale.substr(comma + 1), law.sigma_)) return wrong;
    scale = scale.substr(0, comma);
  } else if (kind == "exponential") {
    law.kind_ = Kind::exponential;
  } else if (kind != "fixed") {
    return wrong;
  }
  const auto parsed = parse_duration_ns(scale);
  if (!parsed) return wrong;
  law.scale_ns_ = *parsed;
  return law;
}

uint64_t LatencyLaw::draw_ns(Random& random) const {
  if (scale_ns_ == 0) return 0;
  const auto scale = static_cast<double>(scale_ns_);
  double drawn = scale;
  if (kind_ == Kind::exponential) drawn = scale * random.exponential();
  if (kind_ == Kind::lognormal) drawn = scale * std::exp(sigma_ * random.normal());
  return static_cast<uint64_t>(std::min(drawn, kLongestNs));
}

}  // namespace shunt
