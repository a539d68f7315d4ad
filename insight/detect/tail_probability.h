// Probabilities of tails, exact as far as doubles go. Pure functions.
#pragma once

#include <cstdint>

namespace shunt {

// I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x in [0, 1]; by its continued
// fraction (DLMF 8.17.22). Cost: O(sqrt(a + b)) steps.
double incomplete_beta(double a, double b, double x);

// P(X >= successes) of a binomial: that many or more of `trials`, each with `probability`. More than a
// million trials are scaled down to a million, which makes the result larger, never smaller, where it matters
// (above the mean).
double binomial_tail(uint64_t successes, uint64_t trials, double probability);

// P(|T| >= |t|) of Student's distribution.
double student_tail(double t, double degrees);

}  // namespace shunt
