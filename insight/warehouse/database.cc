#include "insight/warehouse/database.h"

#include "insight/warehouse/postgres_database.h"
#include "insight/warehouse/sqlite_database.h"

namespace shunt::insight {

Result<std::optional<int64_t>> Database::integer(const std::string& sql, std::span<const SqlValue> values) {
  std::optional<int64_t> value;
  const Result<Ok> done = query(sql, values, [&value](const SqlRow& row) {
    if (!row.is_null(0)) value = row.integer(0);
    return false;
  });
  if (!done) return done.error();
  return value;
}

Result<std::unique_ptr<Database>> open_database(const DatabaseAddress& address) {
  if (address.url.starts_with("postgresql://") || address.url.starts_with("postgres://"))
    return PostgresDatabase::open(address);
  return SqliteDatabase::open(address);
}

std::string shown_url(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t at = url.rfind('@');
  if (scheme == std::string::npos || at == std::string::npos || at < scheme) return url;
  const size_t colon = url.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon) + ":***" + url.substr(at);
}

}  // namespace shunt::insight
