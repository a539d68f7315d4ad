// The Numenta Anomaly Benchmark as it lies on disk: its series, their labelled windows, its scoring profiles.
//
// Source: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015, and the
// benchmark's own files (data/*/*.csv, labels/combined_windows.json, config/profiles.json).
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "insight/detect/time_series.h"

namespace shunt {

struct NabWindow {
  size_t first = 0;  // rows, both inside
  size_t last = 0;
};

struct NabFile {
  TimeSeries series;               // its name is the one that labels have: realTweets/Twitter_volume_AAPL.csv
  std::vector<NabWindow> windows;  // in order, apart from each other
};

struct NabProfile {
  std::string name;  // standard, reward_low_FP_rate, reward_low_FN_rate
  double true_positive = 1;
  double false_negative = 1;
  double false_positive = 0.11;
};

struct NabCorpus {
  std::vector<NabFile> files;  // by name
  std::vector<NabProfile> profiles;

  // The named one; a default one where the corpus hasn't it.
  NabProfile profile(const std::string& name) const;
  size_t windows() const;
  size_t rows() const;
};

// The benchmark in `directory`. The error names the file, and line or key.
Result<NabCorpus> read_nab_corpus(const std::string& directory);

}  // namespace shunt
