#include "tests/tools/tally.h"

#include <numeric>
#include <utility>

namespace shunt {

std::string_view name(BreakKind kind) {
  static constexpr std::array<std::string_view, kBreakKinds> kNames = {
      "reset",   "early_close",    "backend_changed", "gap",         "duplicate", "corrupt",
      "silence", "connect_failed", "connect_timeout", "socket_error"};
  return kNames[static_cast<size_t>(kind)];
}

void BreakLog::add(Break what) {
  if (counts_[static_cast<size_t>(what.kind)]++ < kDescribed) described_.push_back(std::move(what));
}

uint64_t BreakLog::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

uint32_t Tally::backend(std::string_view id) {
  if (last_ != kNoBackend && backends_[last_].name == id) return last_;
  const auto [place, is_new] = numbers_.try_emplace(std::string(id), static_cast<uint32_t>(backends_.size()));
  if (is_new) backends_.push_back({std::string(id)});
  last_ = place->second;
  return last_;
}

bool Tally::add_break(Break what, uint32_t backend) {
  const bool known = backend != kNoBackend;
  if (known) what.backend = backends_[backend].name;
  const bool expected = known && lost_.contains(what.backend);
  if (known) ++(expected ? backends_[backend].with_backend : backends_[backend].broken);
  (expected ? with_backend : broken).add(std::move(what));
  return !expected;
}

}  // namespace shunt
