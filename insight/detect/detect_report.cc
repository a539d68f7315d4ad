// Runs the detector over files and prints.
#include "insight/detect/detect_report.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "insight/detect/nab_score.h"
#include "insight/detect/series_detector.h"
#include "insight/detect/two_fold.h"

namespace shunt {
namespace {

std::string two_digits(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

struct Run {
  NabScores scores;  // of each row: its alarm's score, else 0
  double us_per_point = 0;
};

Run run_detector(const NabCorpus& corpus) {
  Run run;
  const auto start = std::chrono::steady_clock::now();
  for (const NabFile& file : corpus.files) {
    SeriesDetector detector;
    std::vector<double>& scores = run.scores.emplace_back();
    scores.reserve(file.series.size());
    for (size_t i = 0; i < file.series.size(); ++i) {
      const Verdict verdict = detector.observe(file.series.time_s[i], file.series.value[i]);
      scores.push_back(verdict.alarm ? verdict.score : 0.0);
    }
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  run.us_per_point = spent.count() / static_cast<double>(corpus.rows());
  return run;
}

void print_found(const NabCorpus& corpus, const NabScorer& scorer, const NabScores& scores, double threshold,
                 std::ostream& out) {
  size_t found = 0;
  size_t false_alarms = 0;
  const NabProfile profile = corpus.profile("standard");
  for (size_t k = 0; k < scores.size(); ++k) {
    const NabFileScore file = scorer.file_score(k, scores[k], threshold, profile);
    found += file.windows_found;
    false_alarms += file.false_positives;
  }
  out << "windows found: " << found << " of " << corpus.windows() << "\n"
      << "false alarms: " << false_alarms << " in " << corpus.rows() << " points\n";
}

}  // namespace

Result<> report_nab(const std::string& directory, std::ostream& out) {
  const Result<NabCorpus> read = read_nab_corpus(directory);
  if (!read) return read.error();
  const NabCorpus& corpus = read.value();
  const NabScorer scorer(corpus);
  const Run run = run_detector(corpus);
  for (const char* name : {"standard", "reward_low_FP_rate", "reward_low_FN_rate"}) {
    const NabProfile profile = corpus.profile(name);
    const NabThreshold best = scorer.best_threshold(run.scores, profile);
    out << name << ": " << two_digits(scorer.normalised(best.score, profile)) << "\n";
    if (profile.name == "standard") {
      print_found(corpus, scorer, run.scores, best.threshold, out);
      out << "threshold: " << short_number(best.threshold) << "\n";
    }
  }
  const NabProfile standard = corpus.profile("standard");
  const double own = scorer.raw_score(run.scores, GateSettings{}.threshold, standard);
  out << "standard at the detector's own threshold " << short_number(GateSettings{}.threshold) << ": "
      << two_digits(scorer.normalised(own, standard)) << "\n";
  const TwoFold held_out = two_fold(corpus, nab_excesses(corpus, DetectorSettings{}.forget), standard);
  out << "two-fold: " << two_digits(held_out.score) << "\n";
  for (size_t half = 0; half < 2; ++half) {
    const GateSettings& used = held_out.settings[half];
    out << "  half " << half << ": threshold " << short_number(used.threshold) << ", other_weight "
        << short_number(used.other_weight) << ", refractory " << used.refractory << ", growth "
        << short_number(used.growth) << "\n";
  }
  out << "us per point: " << two_digits(run.us_per_point) << "\n"
      << "bytes per series: " << sizeof(SeriesDetector) << "\n";
  return Ok{};
}

Result<> report_csv(const std::string& path, std::ostream& out) {
  const Result<TimeSeries> series = read_time_series(path);
  if (!series) return series.error();
  SeriesDetector detector;
  const std::string threshold = short_number(GateSettings{}.threshold);
  out << "timestamp,value,score,threshold,alarm,expert,reason\n";
  for (size_t i = 0; i < series.value().size(); ++i) {
    const double value = series.value().value[i];
    const Verdict verdict = detector.observe(series.value().time_s[i], value);
    out << timestamp_text(series.value().time_s[i]) << ',' << short_number(value) << ','
        << short_number(verdict.score) << ',' << threshold << ',' << (verdict.alarm ? 1 : 0) << ',';
    if (verdict.score > 0)
      out << expert_name(verdict.expert) << ",\"" << verdict_words(verdict) << '"';
    else
      out << ',';
    out << '\n';
  }
  return Ok{};
}

}  // namespace shunt
