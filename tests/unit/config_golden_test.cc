// Every bad configuration in config_golden/ gives exactly the diagnostics in its .expected file.
//
// UPDATE_GOLDEN=1 writes the .expected files anew: read them before committing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "control/config_load.h"

namespace shunt {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(SHUNT_SOURCE_ROOT) / "tests/unit/config_golden";

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string all_texts(const LoadResult& result) {
  std::string text;
  for (const Diagnostic& error : result.errors)
    text += error.text() + "\n";
  for (const Diagnostic& warning : result.warnings)
    text += warning.text() + "\n";
  return text;
}

class ConfigGolden : public testing::TestWithParam<fs::path> {};

TEST_P(ConfigGolden, GivesItsDiagnostics) {
  const LoadResult result = load_config(contents(GetParam()), "shunt.toml");
  EXPECT_EQ(result.config.has_value(), result.errors.empty());
  const fs::path expected = fs::path(GetParam()).replace_extension(".expected");
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << all_texts(result);
  EXPECT_EQ(all_texts(result), contents(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigGolden, testing::ValuesIn(golden_files()),
                         [](const auto& file) { return "file_" + file.param.stem().string(); });

TEST(ConfigGoldenFolder, HasEveryKindOfDiagnostic) {
  std::set<DiagnosticId> seen = {DiagnosticId::unreadable_file};  // config_test
  for (const fs::path& file : golden_files()) {
    const LoadResult result = load_config(contents(file), "shunt.toml");
    for (const Diagnostic& error : result.errors)
      seen.insert(error.id);
    for (const Diagnostic& warning : result.warnings)
      seen.insert(warning.id);
  }
  for (size_t i = 0; i < static_cast<size_t>(DiagnosticId::count); ++i) {
    const auto id = static_cast<DiagnosticId>(i);
    EXPECT_TRUE(seen.contains(id)) << diagnostic_name(id) << " is in no golden file";
  }
}

TEST(ConfigGoldenFolder, IsNotEmpty) {
  EXPECT_GE(golden_files().size(), 60U);
}

}  // namespace
}  // namespace shunt
