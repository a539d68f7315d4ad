// The known name nearest to a mistyped one.
//
// Distance: optimal string alignment (insert, delete, replace, swap of neighbours). Cost: product of the
// lengths per candidate; only run on names that are already wrong.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shunt {

// Nothing (empty) unless a candidate is within a third of the name's length (at least one edit), or the name
// is its beginning. Case doesn't count; the first of equals.
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

// "did you mean `pool`?" or empty.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace shunt
