// Which build of the worker library (libshunt-dataplane.so: all that runs per packet) the loader took for
// this CPU.
//
// It is built three times, for x86-64-v2, -v3 and -v4, all with AES; ld.so looks through glibc-hwcaps/ and
// takes the best that the CPU can run. GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F makes it take -v3;
// -AVX512F,-AVX2 -v2.
#pragma once

#include <cstdint>

namespace shunt {

struct CpuVariant {
  const char* level;  // "x86-64-v3": what the library was compiled for
  uint64_t layout;    // kSharedLayout as the library sees it
};

[[gnu::visibility("default")]] CpuVariant cpu_variant();

}  // namespace shunt
