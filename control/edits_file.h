// state_dir/edits.toml: what was changed by API, as text that outlives the process.
//
// The last line is the digest of all before it, so that a torn or edited file is known as one and refused
// whole: half of an operator's edits would be worse than none. Written by write_durably.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "control/edits.h"

namespace shunt {

// A whole configuration that was applied, as text.
struct StoredApplied {
  std::string file;  // what its diagnostics call it
  std::string text;
  std::string replaced_digest;
  std::string who;
  std::chrono::system_clock::time_point at;
};

struct StoredEdits {
  Edits edits;
  std::optional<StoredApplied> applied;
};

inline constexpr size_t kMaxEditsFile = 128U << 20U;  // twice the largest configuration

std::string edits_text(const StoredEdits& stored);
// `name`: what errors call it.
Result<StoredEdits> parse_edits(std::string_view text, const std::string& name);

}  // namespace shunt
