#include "insight/program/past.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "insight/findings/stored_findings.h"
#include "insight/warehouse/migrations.h"

namespace shunt::insight {
namespace {

// A file that nobody has written yet; a server is asked.
bool is_new_file(const std::string& url) {
  if (url.starts_with("postgres")) return false;
  const std::string path = url.starts_with("sqlite:") ? url.substr(7) : url;
  std::error_code ignored;
  return !std::filesystem::exists(path, ignored);
}

Result<StoredFindings> stored_findings(Database& database, int64_t now_s, Findings& findings) {
  auto stored = read_stored_findings(database);
  if (!stored) return stored.error();
  if (auto learned = learn_from_warehouse(database, now_s, findings); !learned) return learned.error();
  return stored;
}

// Nothing: there is no past yet.
Result<std::optional<StoredFindings>> read_past(DatabaseAddress address, const RetentionSettings& retention,
                                                int64_t now_s, Findings& findings,
                                                std::vector<ClosedCell>& unfinished) {
  if (is_new_file(address.url)) return std::optional<StoredFindings>();
  address.read_only = true;
  auto database = open_database(address);
  if (!database) return database.error();
  const Result<bool> has = has_schema(*database.value());
  if (!has) return has.error();
  if (!has.value()) return std::optional<StoredFindings>();
  auto reader = WarehouseReader::open(address, retention);
  if (!reader) return reader.error();
  auto cells = reader.value().unfinished();
  if (!cells) return cells.error();
  unfinished = cells.take();
  auto stored = stored_findings(*database.value(), now_s, findings);
  if (!stored) return stored.error();
  return std::optional(stored.take());
}

}  // namespace

Result<WhatWasThere> go_on(const DatabaseAddress& address, const RetentionSettings& retention, int64_t now_s,
                           Watch& watch, Findings& findings) {
  WhatWasThere was;
  std::vector<ClosedCell> unfinished;
  auto past = read_past(address, retention, now_s, findings, unfinished);
  if (!past) {
    findings.restore({}, {}, now_s * 1'000);
    return past.error();
  }
  if (!past.value()) return was;
  was.warehouse = true;
  was.cells = watch.restore(unfinished);
  StoredFindings from = *past.take();
  was.anomalies = static_cast<size_t>(
      std::ranges::count_if(from.anomalies, [](const FoundAnomaly& found) { return found.open; }));
  findings.restore(std::move(from.anomalies), std::move(from.incidents), from.last_id);
  return was;
}

}  // namespace shunt::insight
