// What the packet tests showed, for docs/coverage.md: how many checks passed, by way of forwarding and
// feature.
//
// Where the environment names a file in SHUNT_COVERAGE, a program appends its lines to it when it ends:
//   feature TAB way TAB number of checks      or      feature TAB way TAB - TAB why that can't be
// tests/packet/coverage_table.py makes the page of them. It runs the programs itself and takes nothing from
// one that failed.
#pragma once

#include <string>

#include "tests/packet/ways.h"

namespace shunt::packet {

// A packet of this way was what it must be. Doesn't count in a test that has failed already.
void showed(const Way& way, const std::string& feature);

// There is no such thing in this way; `why` in a few words.
void cannot(const Way& way, const std::string& feature, const std::string& why);

}  // namespace shunt::packet
