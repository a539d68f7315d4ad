// Writing edits into a configuration's text: only the digits of a weight change, or a `weight` is put behind
// an `address`; every comment and blank stays.
//
// Pure. The result is read again and compared with what it is to say, so a text that is written in a way
// this doesn't know (no such is known) is refused, not damaged.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "control/config_load.h"
#include "control/edits.h"

namespace shunt {

// `weights`: edits of kind weight, of backends that the text has.
Result<std::string> patch_weights(const ConfigSource& source, const std::vector<Edit>& weights);

}  // namespace shunt
