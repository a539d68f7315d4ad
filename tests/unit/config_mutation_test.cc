// Good configurations with one mistake each, by seed: every mistake is refused, where it stands and by name.
//
// SHUNT_SEED takes another seed; the one that was used is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "control/config_load.h"
#include "tests/unit/config_mutants.h"
#include "tests/unit/config_samples.h"

namespace shunt {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 20'261;
constexpr size_t kDraws = 3'000;
constexpr size_t kLeastMutants = 1'000;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The examples, the golden files without an error, and the samples of the other tests.
std::vector<ConfigText> good_configurations() {
  std::vector<fs::path> files;
  for (const char* folder : {"configs", "tests/unit/config_golden"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(SHUNT_SOURCE_ROOT) / folder)) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());  // the seed means the same everywhere
  std::vector<ConfigText> good;
  for (const std::string_view sample : {kMinimal, kFull})
    good.emplace_back(std::string(sample));
  for (const fs::path& file : files) {
    std::string text = contents(file);
    if (load_config(text, "shunt.toml").config) good.emplace_back(std::move(text));
  }
  return good;
}

// Lines from 1, columns in code points from 1: counted here, not by the parser.
SourcePosition position_of(std::string_view text, size_t offset) {
  SourcePosition position{1, 1};
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      position = {position.line + 1, 1};
    } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) {
      ++position.column;
    }
  }
  return position;
}

std::vector<MutantKind> all_kinds() {
  std::vector<MutantKind> kinds;
  for (const auto& list : {value_mutants(), syntax_mutants(), pair_mutants()})
    kinds.insert(kinds.end(), list.begin(), list.end());
  return kinds;
}

// Of the first good configuration from a random one on that has a place for it.
std::optional<Mutant> made_of(const std::vector<ConfigText>& good, const MutantKind& kind, Dice& dice) {
  const size_t first = dice.below(good.size());
  for (size_t i = 0; i < good.size(); ++i) {
    if (auto mutant = kind.make(good[(first + i) % good.size()], dice)) return mutant;
  }
  return std::nullopt;
}

uint64_t seed() {
  const char* given = std::getenv("SHUNT_SEED");
  return given == nullptr ? kSeed : std::strtoull(given, nullptr, 10);
}

void expect_refused(const Mutant& mutant) {
  const LoadResult result = load_config(mutant.text, "shunt.toml");
  const SourcePosition wanted = position_of(mutant.text, mutant.at);
  const auto found = std::ranges::find_if(result.errors, [&](const Diagnostic& error) {
    return error.id == mutant.id && error.position.line == wanted.line &&
           error.position.column == wanted.column &&
           (error.message + error.hint).find(mutant.names) != std::string::npos;
  });
  EXPECT_NE(found, result.errors.end())
      << "wanted " << diagnostic_name(mutant.id) << " at " << wanted.line << ":" << wanted.column
      << " that names " << mutant.names << "; there is\n"
      << texts(result.errors) << mutant.text;
  EXPECT_FALSE(result.config);
  // A host_interface with a mistake is none, which checks through the tunnel complain of.
  if (mutant.alone && mutant.text.find("via = \"tunnel\"") == std::string::npos) {
    EXPECT_EQ(result.errors.size(), 1U) << texts(result.errors) << mutant.text;
  }
}

TEST(ConfigMutation, EachMistakeIsRefusedWhereItStands) {
  const std::vector<ConfigText> good = good_configurations();
  ASSERT_GE(good.size(), 15U);
  const std::vector<MutantKind> kinds = all_kinds();
  Dice dice(seed());
  std::set<std::string> seen;
  std::map<std::string_view, size_t> made;
  for (size_t draw = 0; draw < kDraws; ++draw) {
    const MutantKind& kind = kinds[draw % kinds.size()];
    const auto mutant = made_of(good, kind, dice);
    if (!mutant || !seen.insert(mutant->text).second) continue;
    ++made[kind.name];
    SCOPED_TRACE("seed " + std::to_string(seed()) + ", draw " + std::to_string(draw) + ": " +
                 std::string(kind.name));
    expect_refused(*mutant);
    if (HasFailure()) return;
  }
  std::cout << "seed " << seed() << ": " << seen.size() << " configurations with one mistake each\n";
  for (const auto& [kind, count] : made)
    std::cout << "  " << count << " " << kind << '\n';
  EXPECT_GE(seen.size(), kLeastMutants);
  EXPECT_EQ(made.size(), kinds.size()) << "a kind of mistake fits none of the good configurations";
}

}  // namespace
}  // namespace shunt
