// The option rows say all that a reader needs, and agree with the parser, with docs/configuration.md and with
// configs/shunt.schema.json.
//
// UPDATE_GOLDEN=1 writes the page and the schema anew.
#include "control/option_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "control/config_load.h"
#include "control/config_reference.h"
#include "control/config_schema.h"
#include "tests/unit/config_samples.h"

namespace shunt {
namespace {

// A document whose `section` holds `line`, and nothing else.
std::string document(std::string_view section, const std::string& line) {
  if (section.empty()) return line;
  std::string above;
  if (section.starts_with("pool.")) above = "[[pool]]\n";
  if (section.starts_with("service.")) above = "[[service]]\n";
  return above + std::string(section_heading(section)) + "\n" + line;
}

TEST(OptionRows, EachIsReadByTheParser) {
  for (const OptionRow& row : option_rows()) {
    if (row.type == OptionType::table || row.type == OptionType::tables) continue;
    const std::string text = document(row.section, std::string(row.key) + " = 1979-05-27\n");
    const LoadResult result = load_config(text, "shunt.toml");
    const auto wanted = row.need != Need::later ? DiagnosticId::wrong_type
                        : row.section.empty()   ? DiagnosticId::unsupported_section
                                                : DiagnosticId::unsupported_key;
    const auto found = std::find_if(result.errors.begin(), result.errors.end(), [&](const Diagnostic& error) {
      return error.id == wanted && error.message.find(row.key) != std::string::npos;
    });
    EXPECT_NE(found, result.errors.end()) << row.section << " " << row.key << " isn't read:\n"
                                          << texts(result.errors);
  }
}

TEST(OptionRows, EachSaysWhatItDoesAndWhatHoldsWithoutIt) {
  for (const OptionRow& row : option_rows()) {
    if (row.need == Need::later) continue;
    const bool section = row.type == OptionType::table || row.type == OptionType::tables;
    EXPECT_GE(row.text.size(), 10U) << row.section << " " << row.key << " has no text";
    EXPECT_TRUE(row.text.ends_with('.')) << row.section << " " << row.key << ": " << row.text;
    EXPECT_TRUE(section || row.need == Need::required || !row.default_text.empty())
        << row.section << " " << row.key << " has no default";
    EXPECT_EQ(row.type == OptionType::choice, !row.choices.empty()) << row.section << " " << row.key;
  }
}

TEST(OptionRows, DefaultsThatAreWrittenOutAreAccepted) {
  for (const OptionRow& row : option_rows()) {
    const bool literal =
        !row.default_text.empty() &&
        std::string_view("\"[0123456789").find(row.default_text[0]) != std::string_view::npos;
    if (!literal || row.key == "listen") continue;
    const std::string text =
        document(row.section, std::string(row.key) + " = " + std::string(row.default_text) + "\n");
    for (const Diagnostic& error : load_config(text, "shunt.toml").errors) {
      EXPECT_TRUE(error.id == DiagnosticId::missing_key || error.id == DiagnosticId::no_port ||
                  error.id == DiagnosticId::other_health_type ||
                  error.id == DiagnosticId::gue_variant_without_gue)
          << error.text();
    }
  }
}

// `made` is the file's text; written there first where UPDATE_GOLDEN is set.
void expect_file(const std::string& path, const std::string& made) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << made;
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == made) << path << " isn't what the option rows make";
}

TEST(ConfigReference, PageIsUpToDate) {
  expect_file(SHUNT_SOURCE_ROOT "/docs/configuration.md", config_reference());  // config_reference > FILE
}

TEST(ConfigSchema, FileIsUpToDate) {
  expect_file(SHUNT_SOURCE_ROOT "/configs/shunt.schema.json", config_schema());  // shuntctl schema > FILE
}

}  // namespace
}  // namespace shunt
