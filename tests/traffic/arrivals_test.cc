// Curves, profiles and arrivals: what the shapes add up to, and that what is drawn has the distribution it
// should. Seeds are fixed, so nothing here depends on luck.
#include "tests/traffic/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <vector>

#include "tests/traffic/profile.h"

namespace shunt {
namespace {

RateCurve curve_with(std::initializer_list<std::pair<std::string_view, std::string_view>> settings) {
  Profile profile;
  for (const auto& [key, value] : settings) {
    const auto row = std::ranges::find(profile_settings(), key, &ProfileSetting::key);
    if (row == profile_settings().end()) {
      ADD_FAILURE() << key;
      continue;
    }
    const auto done = row->read(profile, value);
    EXPECT_TRUE(done.ok()) << key << ": " << (done ? "" : done.error().what);
  }
  auto curve = curve_of(profile);
  EXPECT_TRUE(curve.ok()) << (curve ? "" : curve.error().text());
  return curve ? curve.take() : RateCurve{};
}

std::vector<uint64_t> all(const RateCurve& curve, bool poisson, uint64_t seed) {
  Arrivals arrivals(curve, poisson, seed);
  std::vector<uint64_t> times;
  while (const auto at_ns = arrivals.next())
    times.push_back(*at_ns);
  return times;
}

size_t count_between(const std::vector<uint64_t>& times, double begin_s, double end_s) {
  return static_cast<size_t>(std::ranges::count_if(times, [&](uint64_t at_ns) {
    return static_cast<double>(at_ns) >= begin_s * 1e9 && static_cast<double>(at_ns) < end_s * 1e9;
  }));
}

class File {
 public:
  File(const std::string& name, const std::string& text)
      : path_(testing::TempDir() + "shunt-traffic-" + name) {
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(RateCurve, IntegralAndItsInverse) {
  RateCurve curve;
  curve.add(2, 10, 10);  // 20
  curve.add(4, 10, 50);  // 120
  curve.add(1, 0, 0);
  curve.add(2, 30, 0);  // 30
  EXPECT_DOUBLE_EQ(curve.total(), 170);
  EXPECT_DOUBLE_EQ(curve.seconds(), 9);
  EXPECT_DOUBLE_EQ(curve.highest_rate(), 50);
  EXPECT_DOUBLE_EQ(curve.rate_at(4), 30);
  EXPECT_DOUBLE_EQ(curve.rate_at(6.5), 0);
  EXPECT_DOUBLE_EQ(curve.rate_at(9), 0);
  EXPECT_DOUBLE_EQ(curve.count_by(4), 20 + 2 * 20);
  for (double count = 0.5; count < 170; count += 0.5)
    EXPECT_NEAR(curve.count_by(curve.reached_at(count)), count, 1e-9);
  EXPECT_DOUBLE_EQ(curve.reached_at(140), 6);  // the least time: not the end of the silence
  EXPECT_DOUBLE_EQ(curve.reached_at(170), 9);
}

TEST(RateCurve, IsCut) {
  RateCurve curve;
  curve.add(2, 10, 10);
  curve.add(4, 10, 50);
  curve.cut_at(4);
  EXPECT_DOUBLE_EQ(curve.seconds(), 4);
  EXPECT_DOUBLE_EQ(curve.total(), 20 + 2 * 20);
  curve.cut_at(100);
  EXPECT_DOUBLE_EQ(curve.total(), 60);
}

TEST(RateCurve, NothingAtAll) {
  const RateCurve curve;
  EXPECT_EQ(curve.rate_at(0), 0);
  EXPECT_EQ(curve.count_by(1), 0);
  EXPECT_TRUE(all(curve, true, 1).empty());
}

TEST(Profiles, AddUp) {
  EXPECT_NEAR(curve_with({{"rate", "50"}, {"duration", "20s"}}).total(), 1000, 1e-6);
  EXPECT_NEAR(curve_with({{"profile", "ramp"}, {"rate", "100"}, {"peak", "300"}, {"duration", "1m"}}).total(),
              200 * 60, 1e-6);
  EXPECT_NEAR(curve_with({{"profile", "ramp"}, {"rate", "100"}, {"peak", "0"}, {"duration", "1m"}}).total(),
              50 * 60, 1e-6);
  EXPECT_NEAR(curve_with({{"profile", "spike"},
                          {"rate", "10"},
                          {"peak", "100"},
                          {"duration", "30s"},
                          {"peak_at", "5s"},
                          {"peak_for", "2s"}})
                  .total(),
              28 * 10 + 2 * 100, 1e-6);
  EXPECT_NEAR(
      curve_with({{"profile", "diurnal"}, {"rate", "10"}, {"peak", "30"}, {"duration", "2h"}, {"day", "1h"}})
          .total(),
      20 * 7200, 20 * 7200 * 1e-4);
  // Base for 100 s, half the rise, and 90 × the time constant of what decays.
  EXPECT_NEAR(curve_with({{"profile", "flash-crowd"},
                          {"rate", "10"},
                          {"peak", "100"},
                          {"duration", "100s"},
                          {"peak_at", "10s"},
                          {"rise", "2s"},
                          {"peak_for", "5s"}})
                  .total(),
              1000 + 90 + 90 * 5, 2);
}

TEST(Profiles, ShapesAreWhereTheyShould) {
  const auto spike = curve_with({{"profile", "spike"}, {"rate", "10"}, {"duration", "30s"}});
  EXPECT_EQ(spike.rate_at(9.9), 10);
  EXPECT_EQ(spike.rate_at(10.1), 100);
  EXPECT_EQ(spike.rate_at(12.9), 100);
  EXPECT_EQ(spike.rate_at(13.1), 10);
  const auto day = curve_with({{"profile", "diurnal"}, {"rate", "10"}, {"peak", "30"}, {"duration", "24h"}});
  EXPECT_NEAR(day.rate_at(0), 10, 1e-9);
  EXPECT_NEAR(day.rate_at(12 * 3600.0), 30, 1e-9);
  EXPECT_NEAR(day.rate_at(6 * 3600.0), 20, 1e-9);
  const auto crowd = curve_with({{"profile", "flash-crowd"},
                                 {"rate", "10"},
                                 {"peak", "110"},
                                 {"duration", "100s"},
                                 {"peak_at", "10s"},
                                 {"rise", "2s"},
                                 {"peak_for", "5s"}});
  EXPECT_EQ(crowd.rate_at(9), 10);
  EXPECT_NEAR(crowd.rate_at(11), 60, 1e-6);
  EXPECT_NEAR(crowd.rate_at(17), 10 + 100 / std::exp(1), 0.1);
  EXPECT_EQ(crowd.rate_at(99), 10);
}

TEST(Profiles, AnyPeakFitsInto) {
  for (const char* shape : {"spike", "flash-crowd"}) {
    const auto curve = curve_with(
        {{"profile", shape}, {"duration", "10s"}, {"peak_at", "9s"}, {"peak_for", "20s"}, {"rate", "1"}});
    EXPECT_NEAR(curve.seconds(), 10, 1e-9) << shape;
  }
}

TEST(Profiles, WhatContradictsItself) {
  Profile profile;
  profile.shape = Shape::spike;
  profile.peak = 1;
  EXPECT_EQ(curve_of(profile).error().where, "peak");
  profile.peak = 1000;
  profile.peak_at_s = 10;
  EXPECT_EQ(curve_of(profile).error().where, "peak_at");
  profile = {};
  profile.shape = Shape::diurnal;
  profile.seconds = 86400;
  profile.day_s = 1;
  EXPECT_EQ(curve_of(profile).error().where, "day");
}

TEST(Profiles, EverySettingRefusesNonsense) {
  for (const ProfileSetting& setting : profile_settings()) {
    Profile profile;
    for (const char* value : {"", "nonsense", "-1", "1e99", "99999999999999999999999"})
      EXPECT_FALSE(setting.read(profile, value).ok()) << setting.key << " = " << value;
  }
}

TEST(Arrivals, SameSeedSameTimes) {
  const auto curve = curve_with({{"profile", "flash-crowd"}, {"rate", "100"}, {"duration", "20s"}});
  const auto times = all(curve, true, 7);
  EXPECT_EQ(times, all(curve, true, 7));
  EXPECT_NE(times, all(curve, true, 8));
  EXPECT_TRUE(std::ranges::is_sorted(times));
  EXPECT_LT(times.back(), 20'000'000'000U);
}

TEST(Arrivals, EvenOnesAreEven) {
  const auto times = all(curve_with({{"rate", "100"}, {"duration", "2s"}}), false, 1);
  ASSERT_EQ(times.size(), 200U);
  for (size_t i = 0; i < times.size(); ++i)
    EXPECT_NEAR(static_cast<double>(times[i]), (static_cast<double>(i) + 0.5) * 1e7, 10) << i;
}

TEST(Arrivals, PoissonGapsHaveMeanAndVariance) {
  const auto times = all(curve_with({{"rate", "1000"}, {"duration", "200s"}}), true, 1);
  const double count = static_cast<double>(times.size());
  EXPECT_NEAR(count, 200'000, 4 * std::sqrt(200'000));
  double sum = 0;
  double squares = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double gap = static_cast<double>(times[i] - times[i - 1]) / 1e6;  // of mean 1
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / (count - 1);
  EXPECT_NEAR(mean, 1, 0.01);
  EXPECT_NEAR(squares / (count - 1) - mean * mean, 1, 0.02);
}

TEST(Arrivals, PoissonCountsAreAsVariableAsTheirMean) {
  const auto times = all(curve_with({{"rate", "50"}, {"duration", "2000s"}}), true, 3);
  std::vector<double> counts(2000);
  for (const uint64_t at_ns : times)
    ++counts[at_ns / 1'000'000'000];
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / 2000;
  double variance = 0;
  for (const double count : counts)
    variance += (count - mean) * (count - mean) / 1999;
  EXPECT_NEAR(mean, 50, 0.7);
  EXPECT_NEAR(variance / mean, 1, 4 * std::sqrt(2.0 / 1999));  // the index of dispersion's deviation
}

TEST(Arrivals, FollowTheCurve) {
  const auto curve = curve_with({{"profile", "spike"},
                                 {"rate", "1000"},
                                 {"peak", "10000"},
                                 {"duration", "30s"},
                                 {"peak_at", "10s"},
                                 {"peak_for", "5s"}});
  for (const bool poisson : {false, true}) {
    const auto times = all(curve, poisson, 5);
    for (const auto& [begin_s, end_s] : {std::pair{0.0, 10.0}, {10.0, 15.0}, {15.0, 30.0}}) {
      const double wanted = curve.count_by(end_s) - curve.count_by(begin_s);
      EXPECT_NEAR(static_cast<double>(count_between(times, begin_s, end_s)), wanted,
                  poisson ? 4 * std::sqrt(wanted) : 1);
    }
  }
}

TEST(TraceFile, RatesHoldUntilTheNext) {
  const File file("trace.csv", "seconds,rate\n100,10\n110, 30\n\n# a remark\n130,0\r\n");
  const auto curve =
      curve_with({{"profile", "trace:" + file.path()}, {"time_scale", "0.5"}, {"rate_scale", "2"}});
  EXPECT_DOUBLE_EQ(curve.seconds(), 25);
  EXPECT_DOUBLE_EQ(curve.rate_at(4.9), 20);
  EXPECT_DOUBLE_EQ(curve.rate_at(5.1), 60);
  EXPECT_DOUBLE_EQ(curve.rate_at(15.1), 0);
  EXPECT_DOUBLE_EQ(curve.total(), 5 * 20 + 10 * 60);
  EXPECT_DOUBLE_EQ(curve_with({{"profile", "trace:" + file.path()}, {"peak", "90"}}).total(),
                   10 * 30 + 20 * 90);
  EXPECT_DOUBLE_EQ(curve_with({{"profile", "trace:" + file.path()}, {"duration", "11s"}}).total(), 100 + 30);
}

TEST(TraceFile, ErrorsNameTheLine) {
  const auto error_of = [](const std::string& text) {
    const File file("bad.csv", text);
    const auto curve = read_trace_file(file.path(), 1, 1);
    return curve ? "none" : curve.error().text().substr(file.path().size());
  };
  EXPECT_EQ(error_of("0,1\n1,2\n1,3\n"), ":3: the time isn't after the one before");
  EXPECT_EQ(error_of("0,1\nx,2\n"), ":2: isn't \"seconds,rate\"");
  EXPECT_EQ(error_of("0,1\n1\n"), ":2: isn't \"seconds,rate\"");
  EXPECT_EQ(error_of("0,1\n1,-2\n"), ":2: the rate has to be from 0 to 1e9");
  EXPECT_EQ(error_of("0,1\n1,nan\n"), ":2: the rate has to be from 0 to 1e9");
  EXPECT_EQ(error_of("0,1\nnan,1\n"), ":2: the time is out of range");
  EXPECT_EQ(error_of("0,1\n"), ": needs two rows of \"seconds,rate\" at least");
  EXPECT_EQ(error_of("0,1\n1,2000000\n"), ": 2000000 requests a second, scaled: 1000000 at most");
  EXPECT_EQ(error_of("0,1\n86401,1\n"), ": 172802 s long, scaled: 24 h at most");
  EXPECT_EQ(read_trace_file("/nowhere/trace.csv", 1, 1).error().text(), "/nowhere/trace.csv: can't be read");
}

TEST(ProfileFile, SetsWhatItSays) {
  const File file(
      "p.toml",
      "profile = \"spike\"\nrate = 20\npeak = 300.5\npeak_at = \"3s\"\nseed = 9\narrivals = \"even\"\n");
  Profile profile;
  profile.rate = 1;
  ASSERT_TRUE(read_profile_file(file.path(), profile).ok());
  EXPECT_EQ(profile.shape, Shape::spike);
  EXPECT_EQ(profile.rate, 20);
  EXPECT_EQ(profile.peak, 300.5);
  EXPECT_EQ(profile.peak_at_s, 3);
  EXPECT_EQ(profile.seed, 9U);
  EXPECT_FALSE(profile.poisson);
}

TEST(ProfileFile, TraceIsBesideIt) {
  const File trace("beside.csv", "0,5\n10,5\n");
  const File file("t.toml", "profile = \"trace:shunt-traffic-beside.csv\"\n");
  Profile profile;
  ASSERT_TRUE(read_profile_file(file.path(), profile).ok());
  EXPECT_DOUBLE_EQ(curve_of(profile).value().total(), 100);
}

TEST(ProfileFile, ErrorsNameLineAndColumn) {
  const auto error_of = [](const std::string& text) {
    const File file("bad.toml", text);
    Profile profile;
    const auto done = read_profile_file(file.path(), profile);
    return done ? "none" : done.error().text().substr(file.path().size());
  };
  EXPECT_EQ(error_of("rate = 1\nrats = 2\n"), ":2:1: there is no setting \"rats\"");
  EXPECT_EQ(error_of("profile = \"stead\"\n"),
            ":1:11: profile: \"stead\" isn't steady, ramp, spike, diurnal, flash-crowd or trace:FILE");
  EXPECT_EQ(error_of("\nrate = true\n"), ":2:8: rate has to be text or a number");
  EXPECT_EQ(error_of("rate = \n").substr(0, 3), ":1:");
}

}  // namespace
}  // namespace shunt
