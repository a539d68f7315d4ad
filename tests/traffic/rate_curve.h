// RateCurve: how many requests a second are to begin, over time: straight pieces one after the other, with
// jumps between them where wanted. Its integral is known exactly, and so is when it reaches a number.
//
// Bound: kMaxPieces. Cost: O(log pieces).
#pragma once

#include <cstddef>
#include <vector>

namespace shunt {

class RateCurve {
 public:
  static constexpr size_t kMaxPieces = 1'000'000;

  // Goes on for `seconds`, from one rate to the other; both are a second and not below 0.
  void add(double seconds, double rate_begin, double rate_end);
  // Takes away what is after that; nothing where it ends before.
  void cut_at(double second);

  double seconds() const { return end_s_; }
  // How many requests in all.
  double total() const { return total_; }
  double highest_rate() const { return highest_; }
  size_t pieces() const { return pieces_.size(); }

  // At a jump: the rate after it. 0 outside.
  double rate_at(double second) const;
  // How many by then.
  double count_by(double second) const;
  // When `count` (0 to total()) is reached: the least such time.
  double reached_at(double count) const;

 private:
  struct Piece {
    double begin_s;
    double seconds;
    double rate;
    double slope;
    double count_before;
  };
  static double count_within(const Piece& piece, double seconds);

  std::vector<Piece> pieces_;
  double end_s_ = 0;
  double total_ = 0;
  double highest_ = 0;
};

}  // namespace shunt
