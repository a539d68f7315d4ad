#include "control/edits_file.h"

#include <toml++/toml.h>

#include <array>
#include <ctime>
#include <stdexcept>

#include "control/config_load.h"

namespace shunt {
namespace {

using WallTime = std::chrono::system_clock::time_point;

constexpr std::string_view kHead =
    "# What was changed by API (shuntctl drain, weight, apply …). shuntd writes this file and lays it over "
    "its\n"
    "# configuration at start and reload; it isn't for editing: see `shuntctl edits`, `save` and `forget`.\n"
    "version = 1\n";
constexpr std::string_view kDigestLine = "# sha256 ";

std::string quoted(std::string_view text, bool lines) {
  std::string all;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      all += '\\';
      all += c;
    } else if (c == '\n' && lines) {
      all += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      all += escape.data();
    } else {
      all += c;
    }
  }
  // The newline after the opening quotes isn't part of the text (TOML 1.0).
  return lines ? "\"\"\"\n" + all + "\"\"\"" : '"' + all + '"';
}

std::string time_text(WallTime at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string line(const char* key, const std::string& value) {
  return std::string(key) + " = " + value + "\n";
}

std::string edit_text(const Edit& edit) {
  std::string text = "\n[[edit]]\n";
  text += line("pool", quoted(edit.name.pool, false));
  text += line("backend", quoted(edit.name.backend, false));
  text += line("address", quoted(edit.address.text(), false));
  if (edit.port != 0) text += line("port", std::to_string(edit.port));
  if (edit.discovered) text += line("discovered", "true");
  if (edit.kind == EditKind::weight) {
    text += line("weight", std::to_string(edit.weight));
    text += line("replaced", std::to_string(edit.replaced_weight));
  } else {
    text += line("admin", quoted(admin_text(edit.admin), false));
  }
  return text + line("who", quoted(edit.who, false)) + line("at", time_text(edit.at));
}

// What isn't as edits_text writes it throws; parse_edits catches.
template <typename T>
T must(std::optional<T> value, const char* what) {
  if (!value) throw std::runtime_error(std::string("has no good `") + what + "`");
  return *std::move(value);
}

std::string text_in(const toml::table& table, const char* key) {
  return must(table[key].value<std::string>(), key);
}

uint16_t small_in(const toml::table& table, const char* key) {
  const auto value = must(table[key].value<int64_t>(), key);
  if (value < 0 || value > 0xffff) throw std::runtime_error(std::string("has no good `") + key + "`");
  return static_cast<uint16_t>(value);
}

WallTime time_in(const toml::table& table, const char* key) {
  const auto at = must(table[key].value<toml::date_time>(), key);
  const std::chrono::year_month_day day{std::chrono::year(at.date.year), std::chrono::month(at.date.month),
                                        std::chrono::day(at.date.day)};
  return std::chrono::sys_days(day) + std::chrono::hours(at.time.hour) +
         std::chrono::minutes(at.time.minute) + std::chrono::seconds(at.time.second);
}

Edit read_edit(const toml::table& table) {
  Edit edit;
  edit.name = {text_in(table, "pool"), text_in(table, "backend")};
  edit.address = must(IpAddress::parse(text_in(table, "address")), "address");
  if (table.contains("port")) edit.port = small_in(table, "port");
  edit.discovered = table["discovered"].value_or(false);
  edit.kind = table.contains("admin") ? EditKind::admin : EditKind::weight;
  if (edit.kind == EditKind::admin) {
    edit.admin = must(parse_admin(text_in(table, "admin")), "admin");
  } else {
    edit.weight = small_in(table, "weight");
    edit.replaced_weight = small_in(table, "replaced");
  }
  edit.who = text_in(table, "who");
  edit.at = time_in(table, "at");
  return edit;
}

StoredEdits read(const toml::table& root) {
  StoredEdits stored;
  if (small_in(root, "version") != 1) throw std::runtime_error("is of a later version of shunt");
  if (const toml::table* applied = root["applied"].as_table()) {
    stored.applied = {text_in(*applied, "file"), text_in(*applied, "text"), text_in(*applied, "replaced"),
                      text_in(*applied, "who"), time_in(*applied, "at")};
  }
  const toml::array* edits = root["edit"].as_array();
  if (edits == nullptr) return stored;
  if (edits->size() > kMaxEdits) throw std::runtime_error("has too many edits");
  for (const toml::node& node : *edits) {
    const toml::table* table = node.as_table();
    if (table == nullptr) throw std::runtime_error("has an `edit` that is no table");
    Edit edit = read_edit(*table);
    stored.edits.insert_or_assign(key_of(edit), edit);
  }
  return stored;
}

}  // namespace

std::string edits_text(const StoredEdits& stored) {
  std::string text(kHead);
  if (stored.applied) {
    text += "\n[applied]\n" + line("file", quoted(stored.applied->file, false)) +
            line("replaced", quoted(stored.applied->replaced_digest, false)) +
            line("who", quoted(stored.applied->who, false)) + line("at", time_text(stored.applied->at)) +
            line("text", quoted(stored.applied->text, true));
  }
  for (const auto& [key, edit] : stored.edits)
    text += edit_text(edit);
  return text + std::string(kDigestLine) + text_digest(text) + "\n";
}

Result<StoredEdits> parse_edits(std::string_view text, const std::string& name) {
  const size_t last = text.rfind(kDigestLine);
  const bool whole = last != std::string_view::npos &&
                     text.substr(last) == std::string(kDigestLine) + text_digest(text.substr(0, last)) + "\n";
  if (!whole) return Error{name, "is torn or was changed by hand (its digest isn't that of its text)"};
  try {
    return read(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return Error{name, "isn't TOML: " + std::string(error.description())};
  } catch (const std::runtime_error& error) {
    return Error{name, error.what()};
  }
}

}  // namespace shunt
