// The Numenta benchmark's scoring rules, said again from their publication. Pure functions.
//
// A file's first rows, min(floor(0.15 n), 750), aren't scored. A window counts once, by its best row at or
// above the threshold: sigma(y) / sigma(-1), y from -1 at its first row to just below 0 at its last;
// undetected it costs false_negative. Each other row at or above the threshold costs false_positive ×
// sigma(y), y the distance behind the last window in window widths (more than 3, or no window before: -1).
// sigma(y) = 2 / (1 + e^(5 y)) - 1. A detector's score is 100 (raw - null) / (perfect - null): null never
// fires, perfect fires at each window's first row. One threshold serves all files: the one that scores best
// over the corpus.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "insight/detect/nab_corpus.h"

namespace shunt {

inline constexpr int32_t kNoWindow = -1;

// One row's place in the rules, whatever a detector says of it.
struct NabRow {
  int32_t window = kNoWindow;  // of the file
  double weight = 0;           // in a window: 0 to 1; else -1 to 0, before the profile's weight
};

struct NabFileScore {
  double score = 0;
  size_t true_positives = 0;  // rows, as the published tables count
  size_t true_negatives = 0;
  size_t false_positives = 0;
  size_t false_negatives = 0;
  size_t windows_found = 0;
};

struct NabThreshold {
  double threshold = std::numeric_limits<double>::infinity();
  double score = 0;  // raw
};

size_t nab_probation(size_t rows);
std::vector<NabRow> nab_rows(const NabFile& file);

// A detector's scores of every file, in the corpus' order.
using NabScores = std::vector<std::vector<double>>;

class NabScorer {
 public:
  explicit NabScorer(const NabCorpus& corpus);

  // `scores` of file `index`, one per row.
  NabFileScore file_score(size_t index, const std::vector<double>& scores, double threshold,
                          const NabProfile& profile) const;

  // Which files count: all, or those of one fold.
  using Chosen = std::function<bool(size_t index)>;
  static bool all(size_t) { return true; }

  double raw_score(const NabScores& scores, double threshold, const NabProfile& profile,
                   const Chosen& chosen = all) const;
  // The best threshold over the chosen files; ties go to the highest. Cost: n log n in rows with a score
  // above 0.
  NabThreshold best_threshold(const NabScores& scores, const NabProfile& profile,
                              const Chosen& chosen = all) const;

  size_t windows(const Chosen& chosen = all) const;
  double normalised(double raw, const NabProfile& profile, const Chosen& chosen = all) const;

 private:
  const NabCorpus& corpus_;
  std::vector<std::vector<NabRow>> rows_;
};

}  // namespace shunt
