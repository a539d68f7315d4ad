// The continued fraction of the incomplete beta function, by Lentz's method.
#include "insight/detect/tail_probability.h"

#include <cmath>

namespace shunt {
namespace {

double not_zero(double x) {
  return std::fabs(x) < 1e-300 ? 1e-300 : x;
}

// Valid where x < (a + 1) / (a + b + 2), where it converges fast.
double beta_fraction(double a, double b, double x) {
  constexpr int kMostSteps = 20'000;
  double c = 1;
  double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
  double product = d;
  for (int m = 1; m <= kMostSteps; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    product *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    product *= d * c;
    if (std::fabs(d * c - 1) < 1e-14) break;
  }
  return product;
}

double below_mean(double a, double b, double x) {
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  return std::exp(log_front) * beta_fraction(a, b, x) / a;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  return x < (a + 1) / (a + b + 2) ? below_mean(a, b, x) : 1 - below_mean(b, a, 1 - x);
}

double binomial_tail(uint64_t successes, uint64_t trials, double probability) {
  if (successes == 0) return 1;
  if (successes > trials || probability <= 0) return 0;
  if (probability >= 1) return 1;
  constexpr double kMostTrials = 1e6;
  const double scale = std::fmin(1.0, kMostTrials / static_cast<double>(trials));
  const double n = std::floor(static_cast<double>(trials) * scale);
  const double k = std::fmin(n, std::fmax(1.0, std::floor(static_cast<double>(successes) * scale)));
  return incomplete_beta(k, n - k + 1, probability);
}

double student_tail(double t, double degrees) {
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

}  // namespace shunt
