// Files that are whole or not there: written beside, synced to the disk, renamed over the old one.
//
// Cost: two fsyncs, which may take long on a slow disk; workers don't wait for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace shunt {

// Makes the folder too (0700) where it isn't there. The owner and mode of a file that is replaced stay; a new
// one gets 0600. A symbolic link stays one: what it points to is replaced.
Result<> write_durably(const std::string& path, std::string_view text);

// Nothing where there is no such file; at most `limit` bytes.
Result<std::optional<std::string>> read_if_there(const std::string& path, size_t limit);

}  // namespace shunt
