#include "tests/fuzz/failure.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/packet/packet_reader.h"

namespace shunt::fuzz {

void fail(const std::string& what) {
  std::fprintf(stderr, "\nwrong: %s\n", what.c_str());
  std::abort();
}

void expect(bool holds, const std::string& what, const packet::Bytes& frame) {
  if (!holds) fail(what + "\n" + packet::hex(frame));
}

void abort_on_test_failures() {
  // Nobody catches it: std::terminate prints it and aborts.
  GTEST_FLAG_SET(throw_on_failure, true);
}

}  // namespace shunt::fuzz
