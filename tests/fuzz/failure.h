// How a target says that something is wrong: it prints what, and aborts, which libFuzzer reports with the
// input.
#pragma once

#include <string>

#include "tests/packet/packet_builder.h"

namespace shunt::fuzz {

[[noreturn]] void fail(const std::string& what);

inline void expect(bool holds, const char* what) {
  if (!holds) fail(what);
}
// With the frame in question.
void expect(bool holds, const std::string& what, const packet::Bytes& frame);

// The in-process pipeline says what is wrong by GoogleTest's means: make that an abort too. Call it in
// LLVMFuzzerInitialize.
void abort_on_test_failures();

}  // namespace shunt::fuzz
