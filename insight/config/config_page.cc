#include "insight/config/config_page.h"

#include "insight/config/setting_rows.h"

namespace shunt::insight {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration of shunt-insight

Printed from the rows in `insight/config/setting_rows.cc`; a test compares the two, and writes this page anew with `UPDATE_GOLDEN=1`.

One TOML file: `shunt-insight --config FILE`. [configs/insight.toml](../configs/insight.toml) is an example. Unknown keys, wrong types,
ranges and names that are there twice are errors with `file:line:column`, all of them in one run; a syntax error or a key that is there
twice ends the reading and is the only one.

- A duration or age has a unit (`"500ms"`, `"5s"`, `"24h"`, an age also `"90d"`), a size too (`"512MiB"`, `"8GiB"`).
- Paths are absolute; an empty one is none.
- `tls_certificate` and `tls_key` stand together; `ca_file` is of an `api` with `https://`; `token_file` of a node isn't of a unix socket.
)";

std::string_view type_text(SettingType type) {
  switch (type) {
    case SettingType::text:
    case SettingType::choice:
      return "text";
    case SettingType::path:
      return "path";
    case SettingType::server:
    case SettingType::database:
      return "address";
    case SettingType::addresses:
      return "addresses";
    case SettingType::boolean:
      return "boolean";
    case SettingType::port:
      return "port";
    case SettingType::share:
      return "share";
    case SettingType::duration:
      return "duration";
    case SettingType::age:
      return "age";
    case SettingType::size:
      return "size";
  }
  return "";
}

std::string row_text(const SettingRow& row) {
  std::string text(row.text);
  if (!row.choices.empty()) {
    text += " One of";
    for (const std::string_view choice : row.choices)
      text += (choice == row.choices.front() ? " `" : ", `") + std::string(choice) + "`";
    text += ".";
  }
  const std::string standard =
      row.default_text.empty() ? "required" : "`" + std::string(row.default_text) + "`";
  return "| `" + std::string(row.key) + "` | " + std::string(type_text(row.type)) + " | " + standard + " | " +
         text + " |\n";
}

}  // namespace

std::string config_page() {
  std::string page(kIntroduction);
  for (const SectionRow& section : setting_sections()) {
    const std::string name(section.name);
    page += "\n## " + (section.is_list ? "[[" + name + "]]" : "[" + name + "]") + "\n";
    page += std::string(section.text) + "\n\n| key | type | default | |\n|---|---|---|---|\n";
    for (const SettingRow& row : setting_rows()) {
      if (row.section == section.name) page += row_text(row);
    }
  }
  return page;
}

}  // namespace shunt::insight
