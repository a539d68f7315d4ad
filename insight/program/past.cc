#include "insight/program/past.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "insight/findings/stored_findings.h"

namespace shunt::insight {
namespace {

// A file that nobody has written yet; a server is asked.
bool is_new_file(const std::string& url) {
  if (url.starts_with("postgres")) return false;
  const std::string path = url.starts_with("sqlite:") ? url.substr(7) : url;
  std::error_code ignored;
  return !std::filesystem::exists(path, ignored);
}

Result<StoredFindings> stored_findings(DatabaseAddress address, int64_t now_s, Findings& findings) {
  address.read_only = true;
  auto database = open_database(address);
  if (!database) return database.error();
  auto stored = read_stored_findings(*database.value());
  if (!stored) return stored.error();
  if (auto learned = learn_from_warehouse(*database.value(), now_s, findings); !learned)
    return learned.error();
  return stored;
}

}  // namespace

Result<WhatWasThere> go_on(const DatabaseAddress& address, const RetentionSettings& retention, int64_t now_s,
                           Watch& watch, Findings& findings) {
  WhatWasThere was;
  if (is_new_file(address.url)) return was;
  auto reader = WarehouseReader::open(address, retention);
  auto unfinished = reader ? reader.value().unfinished() : Result<std::vector<ClosedCell>>(reader.error());
  auto stored = unfinished ? stored_findings(address, now_s, findings) : unfinished.error();
  if (!stored) {
    findings.restore({}, {}, now_s * 1'000);
    return stored.error();
  }
  was.warehouse = true;
  was.cells = watch.restore(unfinished.value());
  StoredFindings from = stored.take();
  was.anomalies = static_cast<size_t>(
      std::ranges::count_if(from.anomalies, [](const FoundAnomaly& found) { return found.open; }));
  findings.restore(std::move(from.anomalies), std::move(from.incidents), from.last_id);
  return was;
}

}  // namespace shunt::insight
