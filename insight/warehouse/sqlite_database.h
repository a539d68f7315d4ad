// SqliteDatabase: the warehouse in one file, with a write-ahead log, so that readers never wait for the
// writer.
//
// Statements are prepared once. synchronous = FULL: what was committed outlives a power cut, at one fsync a
// batch. Bound: 64 prepared statements, 64 MB of page cache.
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>

#include "insight/warehouse/database.h"

namespace shunt::insight {

class SqliteDatabase : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseAddress& address);

  Dialect dialect() const override { return Dialect::sqlite; }
  Result<Ok> run(const std::string& sql) override;
  Result<Ok> query(const std::string& sql, std::span<const SqlValue> values, const OnRow& on_row,
                   const OnNames& on_names) override;
  Result<Ok> insert(const TableShape& table, std::span<const SqlValue> values) override;
  Result<Ok> begin() override { return run("BEGIN IMMEDIATE"); }
  Result<Ok> commit() override { return run("COMMIT"); }
  void rollback() override;
  void set_deadline(Time deadline) override { deadline_ = deadline; }
  Result<uint64_t> bytes() override;

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  SqliteDatabase(std::string where, std::unique_ptr<sqlite3, Close> database)
      : where_(std::move(where)), database_(std::move(database)) {}
  Result<sqlite3_stmt*> prepare(const std::string& sql);
  static int is_late(void* self);  // SQLite asks it now and then
  Error error();

  std::string where_;
  Time deadline_ = Time::max();
  std::unique_ptr<sqlite3, Close> database_;
  std::map<std::string, Statement> statements_;  // goes before the database
};

}  // namespace shunt::insight
