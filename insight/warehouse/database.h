// Database: one connection to SQLite or PostgreSQL, as far as the warehouse needs to know it.
//
// Owner: one thread. SQL is the same for both but for the little that Dialect names; parameters are ?1, ?2 …
// Errors are values with a reason that says whether waiting helps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"

namespace shunt::insight {

struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
// monostate: NULL.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string, Blob>;

enum class Dialect : uint8_t { sqlite, postgres };

// Why something didn't work.
enum class DatabaseTrouble : uint8_t {
  none,
  full,     // the disk, or what the database may use of it
  lost,     // the connection, the file
  refused,  // what was asked: trying again gives the same
};

// One row of a result; valid during the call it is given to.
class SqlRow {
 public:
  virtual ~SqlRow() = default;
  virtual size_t size() const = 0;
  virtual bool is_null(size_t column) const = 0;
  virtual int64_t integer(size_t column) const = 0;  // 0 where it is NULL
  virtual double number(size_t column) const = 0;
  virtual std::string text(size_t column) const = 0;
  virtual std::string blob(size_t column) const = 0;
};

// How rows are put in. `key`: columns that name a row; one that is there already is replaced. Without a key
// rows are added.
struct TableShape {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::string> key;
};

class Database {
 public:
  using OnRow = std::function<bool(const SqlRow&)>;  // false: enough
  using OnNames = std::function<void(const std::vector<std::string>&)>;

  virtual ~Database() = default;
  virtual Dialect dialect() const = 0;

  // Any number of statements without parameters.
  virtual Result<Ok> run(const std::string& sql) = 0;
  // One statement. `on_names`, where given, gets the names of the columns first.
  virtual Result<Ok> query(const std::string& sql, std::span<const SqlValue> values, const OnRow& on_row,
                           const OnNames& on_names = {}) = 0;
  // As many rows as fit the columns, in one go.
  virtual Result<Ok> insert(const TableShape& table, std::span<const SqlValue> values) = 0;

  virtual Result<Ok> begin() = 0;
  virtual Result<Ok> commit() = 0;
  virtual void rollback() = 0;

  using Time = std::chrono::steady_clock::time_point;
  // What a query hasn't told by then is an error. Time::max(): none, as at the beginning.
  virtual void set_deadline(Time deadline) = 0;
  // Any thread may set this flag, which has to live as long: then a query ends in an error (of PostgreSQL at
  // its next row). nullptr: none.
  void set_given_up(const std::atomic<bool>* flag) { given_up_ = flag; }

  // Bytes that it uses on disk.
  virtual Result<uint64_t> bytes() = 0;

  // Of the last error.
  DatabaseTrouble trouble() const { return trouble_; }

  Result<Ok> execute(const std::string& sql, std::span<const SqlValue> values = {}) {
    return query(sql, values, [](const SqlRow&) { return true; });
  }
  // The first column of the first row; nothing: no row, or NULL.
  Result<std::optional<int64_t>> integer(const std::string& sql, std::span<const SqlValue> values = {});

 protected:
  bool is_given_up() const { return given_up_ != nullptr && *given_up_; }

  DatabaseTrouble trouble_ = DatabaseTrouble::none;

 private:
  const std::atomic<bool>* given_up_ = nullptr;
};

struct DatabaseAddress {
  // "sqlite:/PATH" or a path; "postgresql://…" or "postgres://…", as libpq takes it.
  std::string url;
  bool read_only = false;
  std::chrono::milliseconds patience = std::chrono::seconds(5);  // for a lock, for a connection
  uint64_t max_pages = 0;  // SQLite: of 4 KiB, above which the database is full; 0: no limit
};

Result<std::unique_ptr<Database>> open_database(const DatabaseAddress& address);
// A URL without its password, for people.
std::string shown_url(const std::string& url);

}  // namespace shunt::insight
