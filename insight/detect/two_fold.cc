// Every setting is tried once on every file; the halves then choose from the sums.
#include "insight/detect/two_fold.h"

#include <limits>

namespace shunt {

size_t fold_of(std::string_view name) {
  uint32_t hash = 2'166'136'261U;
  for (const char c : name)
    hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  return (hash ^ (hash >> 15)) & 1U;
}

std::vector<GateSettings> settings_tried() {
  std::vector<GateSettings> tried;
  for (const double threshold : {0.008, 0.010, 0.012, 0.0145, 0.0175, 0.021})
    for (const double other_weight : {0.10, 0.15, 0.20, 0.30})
      for (const uint32_t refractory : {85U, 100U, 115U, 130U})
        for (const double growth : {4.0, 8.0}) {
          GateSettings settings;
          settings.threshold = threshold;
          settings.other_weight = other_weight;
          settings.refractory = refractory;
          settings.growth = growth;
          tried.push_back(settings);
        }
  return tried;
}

NabExcesses nab_excesses(const NabCorpus& corpus, double forget) {
  NabExcesses all;
  for (const NabFile& file : corpus.files) {
    SeriesExperts experts;
    std::vector<Excesses>& excesses = all.emplace_back();
    excesses.reserve(file.series.size());
    for (size_t i = 0; i < file.series.size(); ++i) {
      excesses.push_back(experts.look(file.series.time_s[i], file.series.value[i]));
      experts.learn(forget);
    }
  }
  return all;
}

std::vector<double> alarm_scores(const std::vector<Excesses>& excesses, const GateSettings& settings) {
  AlarmGate gate(settings);
  std::vector<double> scores;
  scores.reserve(excesses.size());
  for (const Excesses& row : excesses) {
    const Decision decision = gate.decide(row);
    scores.push_back(decision.alarm ? decision.score : 0.0);
  }
  return scores;
}

TwoFold two_fold(const NabCorpus& corpus, const NabExcesses& excesses, const NabProfile& profile) {
  const NabScorer scorer(corpus);
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  std::array<double, 2> best = {kNone, kNone};  // of a half, by the settings best on it
  std::array<double, 2> other{};                // what those settings give the other half
  TwoFold result;
  for (const GateSettings& settings : settings_tried()) {
    std::array<double, 2> raw{};
    for (size_t k = 0; k < corpus.files.size(); ++k)
      raw[fold_of(corpus.files[k].series.name)] +=
          scorer.file_score(k, alarm_scores(excesses[k], settings), settings.threshold, profile).score;
    for (size_t half = 0; half < 2; ++half) {
      if (raw[half] <= best[half]) continue;
      best[half] = raw[half];
      other[half] = raw[1 - half];
      result.settings[1 - half] = settings;
    }
  }
  result.score = scorer.normalised(other[0] + other[1], profile);
  return result;
}

}  // namespace shunt
