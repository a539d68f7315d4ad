// What shuntd's exit status says (sysexits.h where it has a number).
#pragma once

namespace shunt {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // start-up failed, or something broke
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;  // EX_CONFIG: the file, or what it asks of this machine

}  // namespace shunt
