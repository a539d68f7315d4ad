#include "control/config_patch.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "control/plan.h"

namespace shunt {
namespace {

struct Insertion {
  size_t begin = 0;  // bytes of the old text that go
  size_t end = 0;
  std::string text;
};

// The byte where a line and column (code points, from 1) are.
size_t offset_of(std::string_view text, const toml::source_position& position) {
  size_t at = 0;
  for (uint32_t line = 1; line < position.line && at < text.size(); ++line) {
    const size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) return text.size();
    at = newline + 1;
  }
  for (uint32_t column = 1; column < position.column && at < text.size(); ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U)
      ++at;
  }
  return at;
}

const toml::table* named(const toml::node* list, const std::string& name) {
  const toml::array* tables = list == nullptr ? nullptr : list->as_array();
  if (tables == nullptr) return nullptr;
  for (const toml::node& node : *tables) {
    const toml::table* table = node.as_table();
    if (table != nullptr && (*table)["name"].value<std::string>() == name) return table;
  }
  return nullptr;
}

std::optional<Insertion> insertion_for(const toml::table& root, std::string_view text, const Edit& edit) {
  const toml::table* pool = named(root.get("pool"), edit.name.pool);
  const toml::table* backend = pool == nullptr ? nullptr : named(pool->get("backend"), edit.name.backend);
  if (backend == nullptr) return std::nullopt;
  const std::string digits = std::to_string(edit.weight);
  if (const toml::node* weight = backend->get("weight")) {
    return Insertion{offset_of(text, weight->source().begin), offset_of(text, weight->source().end), digits};
  }
  const toml::node* address = backend->get("address");
  if (address == nullptr) return std::nullopt;
  const size_t end = offset_of(text, address->source().end);
  if (backend->is_inline()) return Insertion{end, end, ", weight = " + digits};
  // On a line of its own below, as far in as the address.
  const size_t line_begin = text.rfind('\n', offset_of(text, address->source().begin)) + 1;
  const std::string_view line = text.substr(line_begin);
  const std::string indent(line.substr(0, line.find_first_not_of(" \t")));
  const size_t line_end = std::min(text.find('\n', end), text.size());
  return Insertion{line_end, line_end, "\n" + indent + "weight = " + digits};
}

Config with_weights(Config config, const std::vector<Edit>& weights) {
  for (const Edit& edit : weights) {
    const auto pool = std::ranges::find(config.pools, edit.name.pool, &PoolConfig::name);
    if (pool == config.pools.end()) continue;
    const auto backend = std::ranges::find(pool->backends, edit.name.backend, &BackendConfig::name);
    if (backend != pool->backends.end()) backend->weight = edit.weight;
  }
  return config;
}

}  // namespace

Result<std::string> patch_weights(const ConfigSource& source, const std::vector<Edit>& weights) {
  std::string text = source.text;
  std::vector<Insertion> insertions;
  try {
    const toml::table root = toml::parse(source.text);
    for (const Edit& edit : weights) {
      const auto insertion = insertion_for(root, text, edit);
      if (!insertion)
        return Error{source.file, "has no backend " + edit.name.text() + " to write a weight to"};
      insertions.push_back(*insertion);
    }
  } catch (const toml::parse_error& error) {
    return Error{source.file, std::string(error.description())};
  }
  std::ranges::sort(insertions, std::ranges::greater(), &Insertion::begin);
  for (const Insertion& each : insertions)
    text.replace(each.begin, each.end - each.begin, each.text);
  const LoadResult loaded = load_config_text(text, source.file);
  if (!loaded.source || !compare(with_weights(source.config, weights), *loaded.config).empty())
    return Error{source.file, "is written in a way that weights can't be put into; change it by hand"};
  return text;
}

}  // namespace shunt
