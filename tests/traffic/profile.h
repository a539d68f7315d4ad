// Profile: the shape of a load, as options or a TOML file say it, and the curve that it means.
//
// Each setting is one row of the table in profile.cc: the option is --peak-at, the key of the file peak_at.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "tests/traffic/rate_curve.h"

namespace shunt {

enum class Shape : uint8_t { steady, ramp, spike, diurnal, flash_crowd, trace };
std::string_view name(Shape shape);

struct Profile {
  Shape shape = Shape::steady;
  std::string trace;              // the file's path
  double rate = 100;              // a second
  std::optional<double> peak;     // a second; 10 × rate
  std::optional<double> seconds;  // 10; a trace's own length
  std::optional<double> peak_at_s;
  std::optional<double> peak_for_s;
  std::optional<double> rise_s;
  std::optional<double> day_s;
  double rate_scale = 1;
  double time_scale = 1;
  bool poisson = true;
  uint64_t seed = 1;
};

struct ProfileSetting {
  std::string_view key;   // as in a file
  std::string_view type;  // for --help
  std::string_view meaning;
  Result<> (*read)(Profile& profile, std::string_view value);  // an error has no `where`

  std::string option() const;  // "--peak-at"
};
std::span<const ProfileSetting> profile_settings();

// Errors: settings that contradict each other, more than RateCurve::kMaxPieces, a trace that can't be read.
Result<RateCurve> curve_of(const Profile& profile);

// Sets what the TOML file says. A trace's path is taken from the file's folder. Errors say FILE:LINE:COLUMN.
Result<> read_profile_file(const std::string& path, Profile& profile);

// A CSV of seconds,rate: each rate holds until the next row's time, the last one as long as the one before
// it. A first line that is no number is a heading. Times and rates are scaled; errors say FILE:LINE.
Result<RateCurve> read_trace_file(const std::string& path, double time_scale, double rate_scale);

}  // namespace shunt
