#include "tests/traffic/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <utility>

#include "tests/tools/duration.h"

namespace shunt {
namespace {

constexpr double kMaxRate = 1e6;
constexpr double kDefaultSeconds = 10;
constexpr unsigned kPiecesPerDay = 288;
constexpr unsigned kPiecesOfDecay = 128;
constexpr double kDecayEnd = 8;  // in time constants: 0.03 % of the peak is left

constexpr std::array<std::pair<std::string_view, Shape>, 5> kShapes = {{{"steady", Shape::steady},
                                                                        {"ramp", Shape::ramp},
                                                                        {"spike", Shape::spike},
                                                                        {"diurnal", Shape::diurnal},
                                                                        {"flash-crowd", Shape::flash_crowd}}};

Error wrong(std::string_view value, std::string_view wanted) {
  return {"", fmt::format("\"{}\" isn't {}", value, wanted)};
}

bool read_real(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

Result<> read_shape(Profile& profile, std::string_view value) {
  constexpr std::string_view kTrace = "trace:";
  if (value.starts_with(kTrace) && value.size() > kTrace.size()) {
    profile.shape = Shape::trace;
    profile.trace = value.substr(kTrace.size());
    return Ok{};
  }
  for (const auto& [known, shape] : kShapes) {
    if (known != value) continue;
    profile.shape = shape;
    return Ok{};
  }
  return wrong(value, "steady, ramp, spike, diurnal, flash-crowd or trace:FILE");
}

template <auto Member>
Result<> read_rate(Profile& profile, std::string_view value) {
  double rate = 0;
  if (!read_real(value, rate) || !(rate >= 0 && rate <= kMaxRate))
    return wrong(value, "a rate from 0 to 1000000 a second");
  profile.*Member = rate;
  return Ok{};
}

template <double Profile::* Member>
Result<> read_scale(Profile& profile, std::string_view value) {
  double scale = 0;
  if (!read_real(value, scale) || !(scale >= 1e-6 && scale <= 1e6))
    return wrong(value, "a factor from 1e-6 to 1e6");
  profile.*Member = scale;
  return Ok{};
}

template <std::optional<double> Profile::* Member>
Result<> read_time(Profile& profile, std::string_view value) {
  const auto parsed = parse_duration_ns(value);
  if (!parsed || *parsed == 0) return wrong(value, "a duration such as 500ms, 30s or 10m, at most 24h");
  profile.*Member = to_seconds(*parsed);
  return Ok{};
}

Result<> read_arrivals(Profile& profile, std::string_view value) {
  if (value != "poisson" && value != "even") return wrong(value, "poisson or even");
  profile.poisson = value == "poisson";
  return Ok{};
}

Result<> read_seed(Profile& profile, std::string_view value) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), profile.seed);
  if (error != std::errc{} || end != value.data() + value.size()) return wrong(value, "a whole number");
  return Ok{};
}

constexpr std::array<ProfileSetting, 12> kSettings = {{
    {"profile", "NAME", "steady, ramp, spike, diurnal, flash-crowd or trace:FILE (a CSV of seconds,rate)",
     read_shape},
    {"rate", "RATE", "requests a second: at all times, or where a ramp begins, or away from the peak (100)",
     read_rate<&Profile::rate>},
    {"peak", "RATE", "where a ramp ends, at the peak otherwise; of a trace: scales it to that (10 × rate)",
     read_rate<&Profile::peak>},
    {"duration", "TIME", "of all of it (10s; a trace: its own)", read_time<&Profile::seconds>},
    {"peak_at", "TIME", "spike, flash-crowd: when it begins (a third of the duration)",
     read_time<&Profile::peak_at_s>},
    {"peak_for", "TIME",
     "spike: how long; flash-crowd: until only a share of 1/e of it is left (a tenth of the duration)",
     read_time<&Profile::peak_for_s>},
    {"rise", "TIME", "flash-crowd: from the first to the most (a fiftieth of the duration)",
     read_time<&Profile::rise_s>},
    {"day", "TIME", "diurnal: from one night to the next (the duration)", read_time<&Profile::day_s>},
    {"rate_scale", "FACTOR", "trace: rates times that (1)", read_scale<&Profile::rate_scale>},
    {"time_scale", "FACTOR", "trace: times times that; 0.01 plays 100 times as fast (1)",
     read_scale<&Profile::time_scale>},
    {"arrivals", "KIND", "poisson (independent clients) or even (poisson)", read_arrivals},
    {"seed", "NUMBER", "the same seed gives the same times (1)", read_seed},
}};

void add_spike(RateCurve& curve, const Profile& profile, double seconds, double peak) {
  const double begin = std::min(profile.peak_at_s.value_or(seconds / 3), seconds);
  const double length = std::min(profile.peak_for_s.value_or(seconds / 10), seconds - begin);
  curve.add(begin, profile.rate, profile.rate);
  curve.add(length, peak, peak);
  curve.add(seconds - begin - length, profile.rate, profile.rate);
}

void add_days(RateCurve& curve, const Profile& profile, double seconds, double peak) {
  const double day = profile.day_s.value_or(seconds);
  const auto rate_at = [&](double second) {
    return profile.rate + (peak - profile.rate) * (1 - std::cos(2 * std::numbers::pi * second / day)) / 2;
  };
  const auto count = static_cast<size_t>(std::ceil(seconds / day * kPiecesPerDay - 1e-9));
  const double length = day / kPiecesPerDay;
  for (size_t i = 0; i < count; ++i) {
    const double begin = static_cast<double>(i) * length;
    const double end = std::min(begin + length, seconds);
    curve.add(end - begin, rate_at(begin), rate_at(end));
  }
}

void add_crowd(RateCurve& curve, const Profile& profile, double seconds, double peak) {
  const double begin = std::min(profile.peak_at_s.value_or(seconds / 3), seconds);
  const double rise = std::min(profile.rise_s.value_or(seconds / 50), seconds - begin);
  const double constant = profile.peak_for_s.value_or(seconds / 10);
  curve.add(begin, profile.rate, profile.rate);
  curve.add(rise, profile.rate, peak);
  const double left = seconds - begin - rise;
  const double decay = std::min(left, kDecayEnd * constant);
  const auto rate_at = [&](double second) {
    return profile.rate + (peak - profile.rate) * std::exp(-second / constant);
  };
  const double length = decay / kPiecesOfDecay;
  for (unsigned i = 0; i < kPiecesOfDecay; ++i)
    curve.add(length, rate_at(i * length), rate_at((i + 1) * length));
  curve.add(left - decay, profile.rate, profile.rate);
}

// Its own rates, or scaled to the peak that is wanted.
Result<RateCurve> trace_curve(const Profile& profile) {
  auto curve = read_trace_file(profile.trace, profile.time_scale, profile.rate_scale);
  if (!curve || !profile.peak) return curve;
  if (curve.value().highest_rate() <= 0)
    return Error{profile.trace, "all its rates are 0: it has no peak to scale"};
  return read_trace_file(profile.trace, profile.time_scale,
                         profile.rate_scale * *profile.peak / curve.value().highest_rate());
}

}  // namespace

std::string_view name(Shape shape) {
  for (const auto& [known, value] : kShapes) {
    if (value == shape) return known;
  }
  return "trace";
}

std::string ProfileSetting::option() const {
  std::string option = "--" + std::string(key);
  std::ranges::replace(option, '_', '-');
  return option;
}

std::span<const ProfileSetting> profile_settings() {
  return kSettings;
}

Result<RateCurve> curve_of(const Profile& profile) {
  if (profile.shape == Shape::trace) {
    auto curve = trace_curve(profile);
    if (curve && profile.seconds) curve.value().cut_at(*profile.seconds);
    return curve;
  }
  const double seconds = profile.seconds.value_or(kDefaultSeconds);
  const double peak = profile.peak.value_or(10 * profile.rate);
  if (profile.shape != Shape::steady && profile.shape != Shape::ramp && peak < profile.rate)
    return Error{"peak", fmt::format("{} a second is below the rate, {}", peak, profile.rate)};
  if (profile.peak_at_s && *profile.peak_at_s >= seconds)
    return Error{"peak_at", fmt::format("{} s isn't before the end, {} s", *profile.peak_at_s, seconds)};
  if (profile.day_s && seconds / *profile.day_s > 1000)
    return Error{"day", "more than 1000 days in the duration"};
  RateCurve curve;
  switch (profile.shape) {
    case Shape::ramp:
      curve.add(seconds, profile.rate, peak);
      break;
    case Shape::spike:
      add_spike(curve, profile, seconds, peak);
      break;
    case Shape::diurnal:
      add_days(curve, profile, seconds, peak);
      break;
    case Shape::flash_crowd:
      add_crowd(curve, profile, seconds, peak);
      break;
    default:
      curve.add(seconds, profile.rate, profile.rate);
  }
  return curve;
}

}  // namespace shunt
