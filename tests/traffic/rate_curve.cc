#include "tests/traffic/rate_curve.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shunt {

double RateCurve::count_within(const Piece& piece, double seconds) {
  return seconds * (piece.rate + piece.slope * seconds / 2);
}

void RateCurve::add(double seconds, double rate_begin, double rate_end) {
  if (!(seconds > 0) || pieces_.size() == kMaxPieces) return;
  pieces_.push_back({end_s_, seconds, rate_begin, (rate_end - rate_begin) / seconds, total_});
  end_s_ += seconds;
  total_ += seconds * (rate_begin + rate_end) / 2;
  highest_ = std::max({highest_, rate_begin, rate_end});
}

void RateCurve::cut_at(double second) {
  RateCurve kept;
  for (const Piece& piece : pieces_) {
    const double seconds = std::min(piece.seconds, second - piece.begin_s);
    if (seconds <= 0) break;
    kept.add(seconds, piece.rate, piece.rate + piece.slope * seconds);
  }
  *this = std::move(kept);
}

double RateCurve::rate_at(double second) const {
  if (second < 0 || second >= end_s_) return 0;
  const Piece& piece = *std::prev(std::ranges::upper_bound(pieces_, second, {}, &Piece::begin_s));
  return piece.rate + piece.slope * (second - piece.begin_s);
}

double RateCurve::count_by(double second) const {
  if (second <= 0 || pieces_.empty()) return 0;
  if (second >= end_s_) return total_;
  const Piece& piece = *std::prev(std::ranges::upper_bound(pieces_, second, {}, &Piece::begin_s));
  return piece.count_before + count_within(piece, second - piece.begin_s);
}

double RateCurve::reached_at(double count) const {
  if (count <= 0 || pieces_.empty()) return 0;
  // The last piece that begins below `count`: pieces without requests are passed over.
  const Piece& piece = *std::prev(std::ranges::lower_bound(pieces_, count, {}, &Piece::count_before));
  const double missing = count - piece.count_before;
  // The root of slope/2 x² + rate x = missing in the form that stands a slope of 0.
  const double root = std::sqrt(std::max(0.0, piece.rate * piece.rate + 2 * piece.slope * missing));
  const double divisor = piece.rate + root;
  const double within = divisor > 0 ? 2 * missing / divisor : piece.seconds;
  return piece.begin_s + std::min(within, piece.seconds);
}

}  // namespace shunt
