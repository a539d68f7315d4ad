// Mutants: good configurations with one mistake each, made at a place that is known beforehand.
//
// Pure functions of a text and of the dice. A maker gives nothing where the text has no place for its
// mistake.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "control/diagnostic.h"
#include "tests/unit/config_text.h"

namespace shunt {

struct Mutant {
  std::string text;
  DiagnosticId id = DiagnosticId::count;  // what the parser has to say of it,
  size_t at = 0;                          // about this byte of the text,
  std::string names;                      // naming this in its message or hint
  bool alone = true;                      // and nothing else
};

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  size_t below(size_t bound) { return static_cast<size_t>(random_() % bound); }  // bound > 0
  template <typename List>
  const auto& pick(const List& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 random_;
};

struct MutantKind {
  std::string_view name;
  std::optional<Mutant> (*make)(const ConfigText& good, Dice& dice);
};

// Values and keys: checked against the option rows.
std::span<const MutantKind> value_mutants();
// What isn't TOML.
std::span<const MutantKind> syntax_mutants();
// Values that are good by themselves, and not together.
std::span<const MutantKind> pair_mutants();

// `size` bytes at `at` replaced; the diagnostic is about the byte `focus` of the new text.
inline Mutant mutant(const ConfigText& good, size_t at, size_t size, std::string_view with, DiagnosticId id,
                     size_t focus, std::string names) {
  Mutant made{good.text(), id, focus, std::move(names), true};
  made.text.replace(at, size, with);
  return made;
}

// A value replaced, about the value.
inline Mutant with_value(const ConfigText& good, const KeyPlace& place, std::string_view value,
                         DiagnosticId id, std::string names) {
  return mutant(good, place.value_at, place.value_size, value, id, place.value_at, std::move(names));
}

// `key = value` put in front of a block's first key.
inline std::string as_line(const Block& block, std::string_view key, std::string_view value) {
  const std::string line = std::string(key) + " = " + std::string(value);
  if (!block.in_line) return line + "\n";
  return block.keys.empty() ? line + " " : line + ", ";
}

}  // namespace shunt
