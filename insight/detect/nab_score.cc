// The rules of nab_score.h.
#include "insight/detect/nab_score.h"

#include <algorithm>
#include <cmath>

namespace shunt {
namespace {

double sigma(double position) {
  return position > 3 ? -1.0 : 2.0 / (1.0 + std::exp(5.0 * position)) - 1.0;
}

double weight_inside(const NabWindow& window, size_t row) {
  const double width = static_cast<double>(window.last - window.first + 1);
  return sigma(-static_cast<double>(window.last - row + 1) / width) / sigma(-1);
}

double weight_behind(const NabWindow& window, size_t row) {
  return sigma(static_cast<double>(row - window.last) / static_cast<double>(window.last - window.first));
}

struct Alarm {
  double score = 0;
  NabRow row;  // its window numbered over all files
};

}  // namespace

size_t nab_probation(size_t rows) {
  return std::min(static_cast<size_t>(std::floor(0.15 * static_cast<double>(rows))), size_t{750});
}

std::vector<NabRow> nab_rows(const NabFile& file) {
  std::vector<NabRow> rows(file.series.size());
  size_t next = 0;  // the first window that isn't past
  for (size_t i = 0; i < rows.size(); ++i) {
    if (next < file.windows.size() && i > file.windows[next].last) ++next;
    if (next < file.windows.size() && i >= file.windows[next].first)
      rows[i] = {static_cast<int32_t>(next), weight_inside(file.windows[next], i)};
    else
      rows[i] = {kNoWindow, next == 0 ? -1.0 : weight_behind(file.windows[next - 1], i)};
  }
  return rows;
}

NabScorer::NabScorer(const NabCorpus& corpus) : corpus_(corpus) {
  rows_.reserve(corpus.files.size());
  for (const NabFile& file : corpus.files)
    rows_.push_back(nab_rows(file));
}

NabFileScore NabScorer::file_score(size_t index, const std::vector<double>& scores, double threshold,
                                   const NabProfile& profile) const {
  const std::vector<NabRow>& rows = rows_[index];
  std::vector<double> best(corpus_.files[index].windows.size(), -profile.false_negative);
  std::vector<bool> found(best.size());
  NabFileScore result;
  for (size_t i = nab_probation(rows.size()); i < rows.size(); ++i) {
    const bool fires = scores[i] >= threshold;
    const NabRow& row = rows[i];
    if (row.window == kNoWindow) {
      ++(fires ? result.false_positives : result.true_negatives);
      if (fires) result.score += profile.false_positive * row.weight;
      continue;
    }
    ++(fires ? result.true_positives : result.false_negatives);
    if (!fires) continue;
    const auto window = static_cast<size_t>(row.window);
    best[window] = std::max(best[window], profile.true_positive * row.weight);
    found[window] = true;
  }
  for (const double part : best)
    result.score += part;
  result.windows_found = static_cast<size_t>(std::count(found.begin(), found.end(), true));
  return result;
}

double NabScorer::raw_score(const NabScores& scores, double threshold, const NabProfile& profile,
                            const Chosen& chosen) const {
  double sum = 0;
  for (size_t k = 0; k < rows_.size(); ++k)
    if (chosen(k)) sum += file_score(k, scores[k], threshold, profile).score;
  return sum;
}

NabThreshold NabScorer::best_threshold(const NabScores& scores, const NabProfile& profile,
                                       const Chosen& chosen) const {
  std::vector<Alarm> alarms;
  size_t windows_before = 0;
  for (size_t k = 0; k < rows_.size(); ++k) {
    if (!chosen(k)) continue;
    for (size_t i = nab_probation(rows_[k].size()); i < rows_[k].size(); ++i) {
      if (!(scores[k][i] > 0)) continue;
      NabRow row = rows_[k][i];
      if (row.window != kNoWindow) row.window += static_cast<int32_t>(windows_before);
      alarms.push_back({scores[k][i], row});
    }
    windows_before += corpus_.files[k].windows.size();
  }
  std::sort(alarms.begin(), alarms.end(), [](const Alarm& a, const Alarm& b) { return a.score > b.score; });

  std::vector<double> best(windows_before, -profile.false_negative);
  double sum = -profile.false_negative * static_cast<double>(windows_before);
  NabThreshold result{std::numeric_limits<double>::infinity(), sum};
  for (size_t i = 0; i < alarms.size();) {
    const double threshold = alarms[i].score;
    for (; i < alarms.size() && alarms[i].score == threshold; ++i) {
      const NabRow& row = alarms[i].row;
      if (row.window == kNoWindow) {
        sum += profile.false_positive * row.weight;
        continue;
      }
      double& part = best[static_cast<size_t>(row.window)];
      const double better = std::max(part, profile.true_positive * row.weight);
      sum += better - part;
      part = better;
    }
    if (sum > result.score) result = {threshold, sum};
  }
  return result;
}

size_t NabScorer::windows(const Chosen& chosen) const {
  size_t sum = 0;
  for (size_t k = 0; k < rows_.size(); ++k)
    if (chosen(k)) sum += corpus_.files[k].windows.size();
  return sum;
}

double NabScorer::normalised(double raw, const NabProfile& profile, const Chosen& chosen) const {
  const double count = static_cast<double>(windows(chosen));
  const double null = -profile.false_negative * count;
  const double perfect = profile.true_positive * count;
  return 100.0 * (raw - null) / (perfect - null);
}

}  // namespace shunt
