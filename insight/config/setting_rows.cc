// The table.
#include "insight/config/setting_rows.h"

#include <algorithm>
#include <array>

namespace shunt::insight {
namespace {

using Type = SettingType;

constexpr std::array<std::string_view, 3> kRoles = {"none", "reader", "operator"};
constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> kFormats = {"text", "json"};

constexpr double kDay = 86'400;
constexpr double kLongestAge = 3'660 * kDay;
constexpr double kMebibyte = 1'048'576;
constexpr double kPebibyte = kMebibyte * kMebibyte * 1'024;

constexpr std::array kSections = {
    SectionRow{"api", false, "The HTTP server of the page, its API and metrics."},
    SectionRow{"warehouse", false, "Where numbers are kept."},
    SectionRow{"warehouse.keep", false, "How long they are kept, by how fine they are."},
    SectionRow{"node", true, "A shuntd that is watched. At least one, at most 64."},
    SectionRow{"hosts", false, "What backends say of themselves: node_exporter on each of them."},
    SectionRow{"slo", false, "What is promised to users."},
    SectionRow{"detect", false, "The search for what is unusual."},
    SectionRow{"countries", false, "Which country a client is in."},
    SectionRow{"log", false, "What is logged."},
};

constexpr std::array kRows = {
    SettingRow{"api", "listen", Type::addresses, "[\"127.0.0.1:8080\"]",
               "Addresses that are listened at, at most 16: `ADDRESS:PORT`, `[IPV6]:PORT` or `unix:/PATH`."},
    SettingRow{"api", "token_file", Type::path, "\"\"",
               "Tokens and their roles, in the format of shuntd's; `shuntctl token` makes them."},
    SettingRow{"api", "anonymous", Type::choice, "\"reader\"",
               "The role of who asks from this host without a token, where there is no `token_file`.", 0, 0,
               kRoles},
    SettingRow{"api", "tls_certificate", Type::path, "\"\"",
               "Certificate chain (PEM); with `tls_key` every TCP address speaks TLS."},
    SettingRow{"api", "tls_key", Type::path, "\"\"", "Its private key (PEM)."},
    SettingRow{"api", "audit_file", Type::path, "\"\"",
               "Every change that is asked for, refused ones too, as a line of JSON."},
    SettingRow{"api", "page_dir", Type::path, "\"\"",
               "Folder of the page's files; empty: where it was installed or built."},

    SettingRow{"warehouse", "url", Type::database, "\"sqlite:/var/lib/shunt/insight.db\"",
               "`sqlite:/PATH`, or `postgresql://…` as libpq takes it."},
    SettingRow{"warehouse", "max_bytes", Type::size, "\"8GiB\"",
               "What it may use on disk; beyond that the oldest of the finest goes.", 16 * kMebibyte,
               kPebibyte},
    SettingRow{"warehouse.keep", "second", Type::age, "\"24h\"", "Numbers of single seconds.", 60,
               kLongestAge},
    SettingRow{"warehouse.keep", "ten_seconds", Type::age, "\"7d\"", "Numbers of ten seconds.", 60,
               kLongestAge},
    SettingRow{"warehouse.keep", "minute", Type::age, "\"90d\"",
               "Numbers of a minute; countries, clients and hosts too.", 3'600, kLongestAge},
    SettingRow{"warehouse.keep", "hour", Type::age, "\"400d\"",
               "Numbers of an hour; anomalies, incidents and alerts too.", 3'600, kLongestAge},
    SettingRow{"warehouse.keep", "flows", Type::age, "\"72h\"", "Single flows.", 60, kLongestAge},

    SettingRow{"node", "name", Type::text, "",
               "What it is called here: 1 to 63 letters, digits and `. _ - :`, unique among nodes."},
    SettingRow{"node", "api", Type::server, "",
               "Its API: `unix:/PATH`, `HOST:PORT` or `https://HOST:PORT`. A unix socket makes shunt-insight "
               "admin there, a token gives its role."},
    SettingRow{"node", "records", Type::path, "\"\"",
               "The socket of its flow records, where it runs on this host; without it no times, countries "
               "and single flows are known."},
    SettingRow{"node", "token_file", Type::path, "\"\"", "File with the token that is shown to its API."},
    SettingRow{"node", "ca_file", Type::path, "\"\"",
               "Who signed its certificate (PEM); empty: the system's authorities."},

    SettingRow{"hosts", "enabled", Type::boolean, "true", "Whether backends are asked."},
    SettingRow{"hosts", "port", Type::port, "9100", "The port of node_exporter."},
    SettingRow{"hosts", "interval", Type::duration, "\"5s\"", "How often each is asked.", 1'000, 60'000},
    SettingRow{"hosts", "cpu", Type::share, "0.8", "From this share of CPU time on it is busy.", 0, 1},
    SettingRow{"hosts", "memory", Type::share, "0.9", "From this share of memory on it is full.", 0, 1},
    SettingRow{"hosts", "disk", Type::share, "0.85", "From this share of its disk on it is full.", 0, 1},

    SettingRow{"slo", "availability", Type::share, "0.999",
               "The share of flows that is to end well; what is left is the error budget.", 0, 0.999999},
    SettingRow{"detect", "enabled", Type::boolean, "true", "Whether anomalies are looked for."},
    SettingRow{"countries", "dir", Type::path, "\"/usr/share/tor\"",
               "Folder of `geoip` and `geoip6` (package tor-geoipdb); empty: countries aren't looked up."},
    SettingRow{"log", "level", Type::choice, "\"info\"", "The least important that is logged.", 0, 0,
               kLevels},
    SettingRow{"log", "format", Type::choice, "\"text\"", "Lines for people, or JSON.", 0, 0, kFormats},
};

}  // namespace

std::span<const SectionRow> setting_sections() {
  return kSections;
}

std::span<const SettingRow> setting_rows() {
  return kRows;
}

const SettingRow* find_setting(std::string_view section, std::string_view key) {
  const auto* found = std::find_if(kRows.begin(), kRows.end(), [&](const SettingRow& row) {
    return row.section == section && row.key == key;
  });
  return found == kRows.end() ? nullptr : found;
}

}  // namespace shunt::insight
