// Files that aren't TOML any more: the first byte that can't be is known.
#include <string>
#include <vector>

#include "tests/unit/config_mutants.h"

namespace shunt {
namespace {

// Of a line of its own; `texts`: whose value is a text in quotes.
const KeyPlace* some_line(const ConfigText& good, Dice& dice, bool texts) {
  std::vector<const KeyPlace*> places;
  for (const Block& block : good.blocks()) {
    for (const KeyPlace& key : block.keys) {
      if (!block.in_line && (!texts || good.text()[key.value_at] == '"')) places.push_back(&key);
    }
  }
  return places.empty() ? nullptr : dice.pick(places);
}

std::optional<Mutant> no_equals(const ConfigText& good, Dice& dice) {
  const KeyPlace* key = some_line(good, dice, false);
  if (key == nullptr) return std::nullopt;
  return mutant(good, key->equals_at, 1, " ", DiagnosticId::syntax_error, key->value_at, "expected '='");
}

std::optional<Mutant> no_value(const ConfigText& good, Dice& dice) {
  const KeyPlace* key = some_line(good, dice, false);
  if (key == nullptr || key->line_end == good.text().size()) return std::nullopt;
  return mutant(good, key->value_at, key->line_end - key->value_at, "", DiagnosticId::syntax_error,
                key->value_at, "expected value");
}

std::optional<Mutant> open_text(const ConfigText& good, Dice& dice) {
  const KeyPlace* key = some_line(good, dice, true);
  if (key == nullptr || key->line_end == good.text().size()) return std::nullopt;
  const size_t quote = key->value_at + key->value_size - 1;
  return mutant(good, quote, key->line_end - quote, "", DiagnosticId::syntax_error, quote,
                "no closing quote");
}

std::optional<Mutant> control_byte(const ConfigText& good, Dice& dice) {
  const KeyPlace* key = some_line(good, dice, true);
  if (key == nullptr) return std::nullopt;
  const size_t at = key->value_at + 1 + dice.below(key->value_size - 1);
  const char byte = static_cast<char>(1 + dice.below(8));
  return mutant(good, at, 0, std::string(1, byte), DiagnosticId::syntax_error, at, "control characters");
}

std::optional<Mutant> stray_byte(const ConfigText& good, Dice& dice) {
  const KeyPlace* key = some_line(good, dice, false);
  if (key == nullptr) return std::nullopt;
  const std::string byte(1, dice.pick(std::string("@!$%&")));
  const size_t at = key->key_at + 1 + dice.below(key->key.size());
  return mutant(good, at, 0, byte, DiagnosticId::syntax_error, at, "saw '" + byte);
}

std::optional<Mutant> section_twice(const ConfigText& good, Dice& dice) {
  std::vector<const Block*> once;
  for (const Block& block : good.blocks()) {
    if (!block.in_line && good.text().substr(block.header_at, 2) != "[[") once.push_back(&block);
  }
  if (once.empty()) return std::nullopt;
  const std::string& name = dice.pick(once)->section;
  return mutant(good, good.text().size(), 0, "\n[" + name + "]\n", DiagnosticId::duplicate_key,
                good.text().size() + 1, name);
}

constexpr MutantKind kKinds[] = {
    {"no equals sign", no_equals},       {"no value", no_value},          {"open text", open_text},
    {"control character", control_byte}, {"stray character", stray_byte}, {"section twice", section_twice},
};

}  // namespace

std::span<const MutantKind> syntax_mutants() {
  return kKinds;
}

}  // namespace shunt
