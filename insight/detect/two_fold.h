// What the detector is worth on files that its settings weren't chosen by.
//
// The corpus' files are split in two by a hash of their names. Each half gets the settings, of a fixed list,
// and with them the threshold, that score best on the other half; forgetting and the experts themselves are
// the same for all.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "insight/detect/alarm_gate.h"
#include "insight/detect/nab_score.h"

namespace shunt {

// 0 or 1: FNV-1a of the name (draft-eastlake-fnv), folded.
size_t fold_of(std::string_view name);

// The settings that are tried, in a fixed order.
std::vector<GateSettings> settings_tried();

// What the experts said of every row of every file.
using NabExcesses = std::vector<std::vector<Excesses>>;
NabExcesses nab_excesses(const NabCorpus& corpus, double forget);

// The detector's output by the benchmark's protocol: the score of each alarm, else 0.
std::vector<double> alarm_scores(const std::vector<Excesses>& excesses, const GateSettings& settings);

struct TwoFold {
  double score = 0;                        // normalised, both halves together
  std::array<GateSettings, 2> settings{};  // that each half was given
};
TwoFold two_fold(const NabCorpus& corpus, const NabExcesses& excesses, const NabProfile& profile);

}  // namespace shunt
