#include "control/passive_evidence.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shunt {
namespace {

constexpr double kChance = 1e-5;  // of evidence where there is nothing, each test
constexpr size_t kLeastPeers = 2;
constexpr uint64_t kExactTrials = 2'000;
constexpr double kLeastResetShare = 0.1;

double normal_tail(double n, double k, double p) {
  const double deviation = std::sqrt(n * p * (1 - p));
  if (deviation == 0) return k <= n * p ? 1 : 0;
  return 0.5 * std::erfc((k - 0.5 - n * p) / (deviation * std::sqrt(2.0)));
}

// That one of two kinds of events, `ours` and `theirs`, is as frequent as it is or more, by chance: when each
// would be ours with chance `p`.
double chance_of_more(uint64_t ours, uint64_t theirs, double p) {
  return binomial_tail(ours + theirs, ours, p);
}

double part(uint64_t ours, uint64_t theirs) {
  return ours + theirs == 0 ? 0.5 : static_cast<double>(ours) / static_cast<double>(ours + theirs);
}

double ratio(uint64_t count, uint64_t of) {
  return static_cast<double>(count) / static_cast<double>(std::max<uint64_t>(of, 1));
}

// Of `peers`, the one whose `rate` is the median.
template <typename Counts, typename Rate>
const Counts& median(std::vector<const Counts*> peers, Rate rate) {
  const auto middle = peers.begin() + static_cast<std::ptrdiff_t>(peers.size() / 2);
  std::nth_element(peers.begin(), middle, peers.end(),
                   [&](const Counts* a, const Counts* b) { return rate(*a) < rate(*b); });
  return **middle;
}

}  // namespace

double binomial_tail(uint64_t n, uint64_t k, double p) {
  if (k == 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  const auto trials = static_cast<double>(n);
  if (n > kExactTrials) return normal_tail(trials, static_cast<double>(k), p);
  double sum = 0;
  for (uint64_t i = k; i <= n; ++i) {
    const auto hits = static_cast<double>(i);
    sum += std::exp(std::lgamma(trials + 1) - std::lgamma(hits + 1) - std::lgamma(trials - hits + 1) +
                    hits * std::log(p) + (trials - hits) * std::log1p(-p));
  }
  return std::min(sum, 1.0);
}

void PassiveEvidence::take(Watched& watched, const PassiveSample& sample) const {
  const PassiveSample& last = watched.last;
  const bool is_new = last.backend.empty() || sample.completed < last.completed ||
                      sample.unfinished < last.unfinished || sample.reset < last.reset;
  Counts now;
  if (is_new) {
    watched.window = {};
    watched.sum = {};
  } else {
    now = {sample.share, sample.completed - last.completed, sample.unfinished - last.unfinished,
           sample.reset - last.reset};
  }
  Counts& oldest = watched.window[second_ % kSeconds];
  for (uint64_t Counts::* member : {&Counts::share, &Counts::completed, &Counts::unfinished, &Counts::reset})
    watched.sum.*member += now.*member - oldest.*member;
  oldest = now;
  watched.last = sample;
  watched.in_service = sample.share > 0;
}

std::vector<const PassiveEvidence::Counts*> PassiveEvidence::peers_of(const std::string& backend) const {
  std::vector<const Counts*> peers;
  for (const auto& [name, watched] : watched_) {
    if (name != backend && watched.in_service && watched.sum.share > 0) peers.push_back(&watched.sum);
  }
  return peers;
}

std::string PassiveEvidence::judge(const std::string& backend, const Watched& watched,
                                   const std::function<size_t(const std::string&)>& networks) const {
  const Counts& ours = watched.sum;
  const std::vector<const Counts*> peers = peers_of(backend);
  if (!watched.in_service || ours.share == 0 || peers.size() < kLeastPeers) return {};
  const Counts& done = median(peers, [](const Counts& each) { return ratio(each.completed, each.share); });
  const Counts& open = median(peers, [](const Counts& each) { return ratio(each.unfinished, each.share); });
  const bool completes_less =
      2 * ratio(ours.completed, ours.share) <= ratio(done.completed, done.share) &&
      chance_of_more(done.completed, ours.completed, part(done.share, ours.share)) < kChance;
  const bool leaves_more =
      ratio(ours.unfinished, ours.share) >= 2 * ratio(open.unfinished, open.share) &&
      chance_of_more(ours.unfinished, open.unfinished, part(ours.share, open.share)) < kChance;
  if (completes_less && leaves_more) {
    return "clients left " + std::to_string(ours.unfinished) +
           " handshakes unfinished in 10 s and completed " + std::to_string(ours.completed);
  }
  const Counts& reset = median(peers, [](const Counts& each) { return ratio(each.reset, each.completed); });
  const bool resets_more =
      ratio(ours.reset, ours.completed) >=
          std::max(kLeastResetShare, 2 * ratio(reset.reset, reset.completed)) &&
      chance_of_more(ours.reset, reset.reset, part(ours.completed, reset.completed)) < kChance;
  if (resets_more && networks(backend) >= kNetworks) {
    return "reset " + std::to_string(ours.reset) + " connections in 10 s, of " +
           std::to_string(ours.completed) + " opened";
  }
  return {};
}

size_t PassiveEvidence::lowered() const {
  return static_cast<size_t>(
      std::ranges::count_if(watched_, [](const auto& each) { return each.second.accept < kAll; }));
}

size_t PassiveEvidence::in_service() const {
  return static_cast<size_t>(
      std::ranges::count_if(watched_, [](const auto& each) { return each.second.in_service; }));
}

std::vector<PassiveEvidence::Change> PassiveEvidence::observe(
    const std::vector<PassiveSample>& samples, const std::function<size_t(const std::string&)>& networks) {
  ++second_;
  std::map<std::string, Watched> still;
  for (const PassiveSample& sample : samples) {
    Watched& watched = still[sample.backend];
    if (const auto before = watched_.find(sample.backend); before != watched_.end())
      watched = std::move(before->second);
    take(watched, sample);
  }
  watched_ = std::move(still);
  std::vector<Change> changes;
  for (auto& [name, watched] : watched_) {
    const std::string evidence = judge(name, watched, networks);
    if (!evidence.empty()) watched.evidence_at = second_;
    const bool settled = watched.changed_at == 0 || second_ - watched.changed_at >= kSettle;
    const bool may_lower = watched.accept < kAll || lowered() < in_service() / 3;
    if (!evidence.empty() && settled && may_lower && watched.accept > kLeast) {
      watched.accept = static_cast<uint16_t>(watched.accept / 2);
      watched.reason = evidence;
    } else if (watched.accept < kAll &&
               second_ - std::max(watched.evidence_at, watched.changed_at) >= kQuiet) {
      watched.accept = static_cast<uint16_t>(watched.accept * 2);
      if (watched.accept == kAll) watched.reason.clear();
    } else {
      continue;
    }
    watched.changed_at = second_;
    changes.push_back({name, watched.accept, watched.reason});
  }
  return changes;
}

std::string PassiveEvidence::reason(const std::string& backend) const {
  const auto found = watched_.find(backend);
  return found == watched_.end() ? std::string() : found->second.reason;
}

}  // namespace shunt
