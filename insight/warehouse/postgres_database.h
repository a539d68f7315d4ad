// PostgresDatabase: the warehouse in a PostgreSQL (14 or newer), through libpq.
//
// Rows go in by COPY: straight into a table without a key, else into a temporary one and from there, so that
// those that are there already are replaced. Cost: a round trip for each statement. What the server doesn't
// answer within `patience` (connecting, a statement) is an error, so a hung server holds nobody for longer.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <set>
#include <string>

#include "insight/warehouse/database.h"

namespace shunt::insight {

class PostgresDatabase : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseAddress& address);

  Dialect dialect() const override { return Dialect::postgres; }
  Result<Ok> run(const std::string& sql) override;
  Result<Ok> query(const std::string& sql, std::span<const SqlValue> values, const OnRow& on_row,
                   const OnNames& on_names) override;
  Result<Ok> insert(const TableShape& table, std::span<const SqlValue> values) override;
  Result<Ok> begin() override { return run("BEGIN"); }
  Result<Ok> commit() override { return run("COMMIT"); }
  void rollback() override;
  void set_deadline(Time deadline) override;
  Result<uint64_t> bytes() override;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;

  PostgresDatabase(std::string where, std::unique_ptr<PGconn, Finish> connection)
      : where_(std::move(where)), connection_(std::move(connection)) {}
  Result<Ok> copy(const TableShape& table, const std::string& into, std::span<const SqlValue> values);
  Result<Ok> stage(const TableShape& table);
  Error error(const PGresult* result = nullptr);

  std::string where_;
  Time deadline_ = Time::max();
  std::unique_ptr<PGconn, Finish> connection_;
  std::set<std::string> staged_;  // tables that have a temporary one in this connection
};

}  // namespace shunt::insight
