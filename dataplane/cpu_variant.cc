#include "dataplane/cpu_variant.h"

#include "dataplane/shared_layout.h"

namespace shunt {
namespace {

// By what the compiler was told it may use, so that the name can't be wrong.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
constexpr const char* kLevel = "x86-64-v4";
#elif defined(__AVX2__) && defined(__BMI2__)
constexpr const char* kLevel = "x86-64-v3";
#else
constexpr const char* kLevel = "x86-64-v2";
#endif

#if !defined(__AES__)
#error "the flow hash needs -maes"
#endif

}  // namespace

CpuVariant cpu_variant() {
  return {kLevel, kSharedLayout};
}

}  // namespace shunt
