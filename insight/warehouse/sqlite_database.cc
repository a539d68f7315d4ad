#include "insight/warehouse/sqlite_database.h"

#include <cerrno>
#include <utility>

namespace shunt::insight {
namespace {

constexpr size_t kMostStatements = 64;
constexpr int kStepsBetweenLooks = 10'000;  // at the clock, of SQLite's machine: some 0.1 ms

void bind(sqlite3_stmt* statement, int place, const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value))
    sqlite3_bind_int64(statement, place, *integer);
  else if (const auto* number = std::get_if<double>(&value))
    sqlite3_bind_double(statement, place, *number);
  else if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_bind_text64(statement, place, text->data(), text->size(), nullptr, SQLITE_UTF8);
  else if (const auto* blob = std::get_if<Blob>(&value))
    sqlite3_bind_blob64(statement, place, blob->bytes.data(), blob->bytes.size(), nullptr);
  else
    sqlite3_bind_null(statement, place);
}

class Row : public SqlRow {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  size_t size() const override { return static_cast<size_t>(sqlite3_column_count(statement_)); }
  bool is_null(size_t column) const override {
    return sqlite3_column_type(statement_, static_cast<int>(column)) == SQLITE_NULL;
  }
  int64_t integer(size_t column) const override {
    return sqlite3_column_int64(statement_, static_cast<int>(column));
  }
  double number(size_t column) const override {
    return sqlite3_column_double(statement_, static_cast<int>(column));
  }
  std::string text(size_t column) const override { return blob(column); }
  std::string blob(size_t column) const override {
    const int place = static_cast<int>(column);
    const void* bytes = sqlite3_column_type(statement_, place) == SQLITE_BLOB
                            ? sqlite3_column_blob(statement_, place)
                            : static_cast<const void*>(sqlite3_column_text(statement_, place));
    if (bytes == nullptr) return {};
    return {static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement_, place))};
  }

 private:
  sqlite3_stmt* statement_;
};

// Gives a statement back as it was, whatever happened to it.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  sqlite3_stmt* statement_;
};

DatabaseTrouble trouble_of(sqlite3* database) {
  const int code = sqlite3_errcode(database) & 0xff;
  if (code == SQLITE_FULL) return DatabaseTrouble::full;
  const int system = sqlite3_system_errno(database);
  if (code == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT)) return DatabaseTrouble::full;
  // A write of the log that came too short, as on a full tmpfs, has no errno.
  if (code == SQLITE_IOERR && sqlite3_extended_errcode(database) == SQLITE_IOERR_WRITE)
    return DatabaseTrouble::full;
  for (const int lost : {SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_BUSY,
                         SQLITE_LOCKED, SQLITE_READONLY, SQLITE_NOMEM})
    if (code == lost) return DatabaseTrouble::lost;
  return DatabaseTrouble::refused;
}

std::string insert_text(const TableShape& table) {
  std::string columns;
  std::string places;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    columns += (i == 0 ? "" : ", ") + table.columns[i];
    places += (i == 0 ? "?" : ", ?") + std::to_string(i + 1);
  }
  return std::string(table.key.empty() ? "INSERT" : "INSERT OR REPLACE") + " INTO " + table.name + " (" +
         columns + ") VALUES (" + places + ")";
}

}  // namespace

Result<std::unique_ptr<Database>> SqliteDatabase::open(const DatabaseAddress& address) {
  const std::string path = address.url.starts_with("sqlite:") ? address.url.substr(7) : address.url;
  sqlite3* raw = nullptr;
  const int flags = address.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path, std::unique_ptr<sqlite3, Close>(raw)));
  if (code != SQLITE_OK) return database->error();
  sqlite3_progress_handler(raw, kStepsBetweenLooks, is_late, database.get());
  sqlite3_busy_timeout(raw, static_cast<int>(address.patience.count()));
  // auto_vacuum has to be chosen before the first table is made.
  std::string settings =
      "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456;";
  if (!address.read_only)
    settings +=
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = ON;";
  if (address.max_pages != 0)
    settings += "PRAGMA max_page_count = " + std::to_string(address.max_pages) + ";";
  const Result<Ok> set = database->run(settings);
  if (!set) return set.error();
  return std::unique_ptr<Database>(std::move(database));
}

int SqliteDatabase::is_late(void* self) {
  const auto* database = static_cast<const SqliteDatabase*>(self);
  const Time deadline = database->deadline_;
  const bool is_past = deadline != Time::max() && std::chrono::steady_clock::now() >= deadline;
  return is_past || database->is_given_up() ? 1 : 0;
}

Error SqliteDatabase::error() {
  trouble_ = trouble_of(database_.get());
  if (sqlite3_errcode(database_.get()) == SQLITE_INTERRUPT) return {where_, "the query takes too long"};
  return {where_, sqlite3_errmsg(database_.get())};
}

Result<Ok> SqliteDatabase::run(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return error();
  return Ok{};
}

Result<sqlite3_stmt*> SqliteDatabase::prepare(const std::string& sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  if (statements_.size() >= kMostStatements) statements_.clear();
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
    return error();
  statements_.emplace(sql, raw);
  return raw;
}

Result<Ok> SqliteDatabase::query(const std::string& sql, std::span<const SqlValue> values,
                                 const OnRow& on_row, const OnNames& on_names) {
  if (is_late(this) != 0) return Error{where_, "the query takes too long"};
  const Result<sqlite3_stmt*> prepared = prepare(sql);
  if (!prepared) return prepared.error();
  sqlite3_stmt* statement = prepared.value();
  const Use use(statement);
  for (size_t i = 0; i < values.size(); ++i)
    bind(statement, static_cast<int>(i + 1), values[i]);
  if (on_names) {
    std::vector<std::string> names;
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      names.emplace_back(sqlite3_column_name(statement, i));
    on_names(names);
  }
  const Row row(statement);
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return Ok{};
    if (code != SQLITE_ROW) return error();
    if (!on_row(row)) return Ok{};
  }
}

Result<Ok> SqliteDatabase::insert(const TableShape& table, std::span<const SqlValue> values) {
  const Result<sqlite3_stmt*> prepared = prepare(insert_text(table));
  if (!prepared) return prepared.error();
  for (size_t from = 0; from < values.size(); from += table.columns.size()) {
    const Use use(prepared.value());
    for (size_t i = 0; i < table.columns.size(); ++i)
      bind(prepared.value(), static_cast<int>(i + 1), values[from + i]);
    if (sqlite3_step(prepared.value()) != SQLITE_DONE) return error();
  }
  return Ok{};
}

void SqliteDatabase::rollback() {
  // SQLite may have done it already (SQLITE_FULL).
  if (sqlite3_get_autocommit(database_.get()) == 0)
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

// Pages in use, not the free ones: those are written again before the file grows.
Result<uint64_t> SqliteDatabase::bytes() {
  const char* sql =
      "SELECT (p.page_count - f.freelist_count) * s.page_size "
      "FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s";
  const Result<std::optional<int64_t>> bytes = integer(sql);
  if (!bytes) return bytes.error();
  return static_cast<uint64_t>(bytes.value().value_or(0));
}

}  // namespace shunt::insight
