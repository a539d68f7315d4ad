// Migrations: the warehouse's schema as numbered steps, each applied once, in a transaction of its own.
//
// What was applied is remembered with a checksum of its text. A database that has a step that this program
// doesn't know, or knows otherwise, is refused: a newer or another program made it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "insight/warehouse/database.h"

namespace shunt::insight {

struct Migration {
  int number = 0;
  std::string name;
  // SQL for both: {int}, {real}, {blob}, {id}, {clustered}, {by:COLUMN} and {time:EXPRESSION} are what each
  // calls it.
  std::string sql;
};

const std::vector<Migration>& all_migrations();
// Its text in one dialect.
std::string sql_of(const Migration& migration, Dialect dialect);

// Whether any step was applied to it.
Result<bool> has_schema(Database& database);
// Brings the database up to date, or says why not. `now_s` is noted.
Result<Ok> migrate(Database& database, std::span<const Migration> migrations, int64_t now_s);

}  // namespace shunt::insight
