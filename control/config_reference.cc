// Markdown: one table per section, the keys that are still to come below it.
#include "control/config_reference.h"

#include <chrono>
#include <cmath>
#include <vector>

#include "common/duration.h"
#include "control/option_rows.h"

namespace shunt {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration reference

Printed from the option rows in `control/option_rows.cc` by `config_reference`; a test compares the two.

One TOML file. `shuntctl check FILE` checks it without root and without a daemon. Unknown keys, wrong types, ranges and
dangling names are errors with `file:line:column`, all of them in one run; a syntax error or a repeated key ends the parse
and is the only one. `shuntctl schema` prints the JSON Schema of the file, from the same rows: with a first line
`#:schema PATH` an editor that has taplo completes keys and marks mistakes as they are written.

- A duration has a unit: `"500ms"`, `"1s"`, `"15m"`, `"2h"`. A number alone is an error.
- Names are 1 to 63 letters, digits and `. _ - :`, unique among their kind (backends: in their pool).
- A prefix has no bits set behind its length, except in `addresses`, which are an interface's.
- Keys named under *Not in this version* are known and refused as such.

Rules between keys:

- `addresses` need `host_interface`; without `host_interface` and `gateway_mac` a port reaches only backends with a `mac`.
- No two ports share a device or a host_interface, and no host_interface is a port's tap.
- A pool has no two backends with one address and port; `slots` is at least their number. A backend is no VIP and no address
  of the node.
- `mac` of a backend is for l2 services and `port` for nat services: others ignore them (a warning). Only nat changes
  the destination port: elsewhere a backend's `port` is that of its health checks.
- A health check's port is `health.port`, else the backend's, else that of the services that use the pool, which must then
  have exactly one.
- Which keys a health check takes goes by its `type`; `verify`, `sni` and `ca_file` of a grpc check need `tls`, a udp check needs
  `send`, the answer to HEAD has no `body`, and an icmp check no port. `timeout` is at most `interval` and `down_interval`.
- Two services differ in address, protocol or port. All services of one VIP have the same `unserved` and `announce`.
- A VIP that is (or a prefix that holds) an address of the node needs `unserved = "punt"`; then the kernel answers for it
  and `announce` is none.
- An ipip, gue or gre service needs an `encap_source` (for IPv6 backends an `encap_source6`) on some port.
- `gue_variant` is for gue services only.
- `metric_step` needs a `metric` of 1 or more, and ten steps above it still are a metric. `exabgp` names a next-hop.
- nat: one address, no prefix; no two nat services share a backend's address, port and protocol (one without port claims
  all); backends of an any-port service have no `port`.

Warnings, which don't stop anything: no `cluster_key_file`, a pool no service uses, a pool without `health`, an API listener
beyond loopback, a port without next hops, `announce_min` above the number of backends, a backend's `mac` or `port` that no
service uses, `dscp` without an outer header, `mss_clamp` with UDP.
)";

std::string_view type_text(OptionType type) {
  switch (type) {
    case OptionType::text:
      return "text";
    case OptionType::integer:
      return "integer";
    case OptionType::real:
      return "number";
    case OptionType::boolean:
      return "true or false";
    case OptionType::duration:
      return "duration";
    case OptionType::choice:
      return "choice";
    case OptionType::address:
      return "address";
    case OptionType::prefix:
      return "address or prefix";
    case OptionType::mac:
      return "MAC address";
    case OptionType::texts:
      return "list of texts";
    case OptionType::integers:
      return "list of integers";
    case OptionType::integer_or_true:
      return "integer or true";
    case OptionType::prefixes:
      return "list of addresses with prefix length";
    case OptionType::table:
      return "table";
    case OptionType::tables:
      return "list of tables";
  }
  return "?";
}

std::string number(double value) {
  if (value == std::floor(value)) return std::to_string(static_cast<int64_t>(value));
  std::string text = std::to_string(value);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

std::string limit(const OptionRow& row, double value) {
  if (row.type != OptionType::duration) return number(value);
  return duration_text(std::chrono::milliseconds(static_cast<int64_t>(value)));
}

std::string values_of(const OptionRow& row) {
  if (row.type == OptionType::choice) {
    std::string list;
    for (const Choice& choice : row.choices) {
      if (choice.supported) list += (list.empty() ? "`" : " \\| `") + std::string(choice.name) + "`";
    }
    return list;
  }
  std::string text(type_text(row.type));
  if (row.type == OptionType::tables) return text + ", at most " + number(row.max);
  if (row.max > row.min) text += ", " + limit(row, row.min) + " to " + limit(row, row.max);
  return text;
}

std::string default_of(const OptionRow& row) {
  if (row.need == Need::required) return "**required**";
  if (row.default_text.empty()) return "";
  const char first = row.default_text[0];
  const bool literal = first == '"' || first == '[' || (first >= '0' && first <= '9');
  return literal ? "`" + std::string(row.default_text) + "`" : std::string(row.default_text);
}

std::string not_yet(std::string_view section) {
  std::string list;
  for (const OptionRow& row : option_rows()) {
    if (row.section != section) continue;
    if (row.need == Need::later) {
      const std::string name = section.empty() ? "[" + std::string(row.key) + "]" : std::string(row.key);
      list += (list.empty() ? "`" : ", `") + name + "`";
    }
    for (const Choice& choice : row.choices) {
      if (!choice.supported)
        list +=
            (list.empty() ? "`" : ", `") + std::string(row.key) + " = \"" + std::string(choice.name) + "\"`";
    }
  }
  return list.empty() ? "" : "\nNot in this version: " + list + ".\n";
}

std::string section_text(std::string_view section) {
  std::string page =
      section.empty() ? "\n## Sections\n" : "\n## `" + std::string(section_heading(section)) + "`\n";
  page += "\n| key | value | default | |\n|---|---|---|---|\n";
  for (const OptionRow& row : option_rows()) {
    if (row.section != section || row.need == Need::later) continue;
    page += "| `" + std::string(row.key) + "` | " + values_of(row) + " | " + default_of(row) + " | " +
            std::string(row.text) + " |\n";
  }
  return page + not_yet(section);
}

}  // namespace

std::string config_reference() {
  std::string page(kIntroduction);
  std::string_view last = "-";
  for (const OptionRow& row : option_rows()) {
    if (row.section != last) page += section_text(row.section);
    last = row.section;
  }
  return page;
}

}  // namespace shunt
