#include "insight/warehouse/postgres_database.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace shunt::insight {
namespace {

constexpr size_t kCopyChunk = 256 * 1024;

// ?1 as PostgreSQL writes it; texts of ours have no other question marks.
std::string with_dollars(std::string sql) {
  std::replace(sql.begin(), sql.end(), '?', '$');
  return sql;
}

std::string number_text(double number) {
  std::array<char, 32> text{};
  const auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

std::string hex(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + bytes.size() * 2);
  for (const char byte : bytes) {
    text += kDigits[static_cast<uint8_t>(byte) >> 4U];
    text += kDigits[static_cast<uint8_t>(byte) & 15U];
  }
  return text;
}

// A byte 0 can't be in a text of PostgreSQL.
std::string text_of(const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  if (const auto* blob = std::get_if<Blob>(&value)) return hex(blob->bytes);
  if (const auto* text = std::get_if<std::string>(&value)) return text->substr(0, text->find('\0'));
  return {};
}

// One field of COPY's text format.
void put_copy(std::string& line, const SqlValue& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    line += "\\N";
    return;
  }
  for (const char letter : text_of(value)) {
    if (letter == '\\')
      line += "\\\\";
    else if (letter == '\n')
      line += "\\n";
    else if (letter == '\r')
      line += "\\r";
    else if (letter == '\t')
      line += "\\t";
    else
      line += letter;
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

class Row : public SqlRow {
 public:
  explicit Row(const PGresult* result) : result_(result) {}
  size_t size() const override { return static_cast<size_t>(PQnfields(result_)); }
  bool is_null(size_t column) const override {
    return PQgetisnull(result_, 0, static_cast<int>(column)) != 0;
  }
  int64_t integer(size_t column) const override { return std::strtoll(raw(column), nullptr, 10); }
  double number(size_t column) const override { return std::strtod(raw(column), nullptr); }
  std::string text(size_t column) const override { return raw(column); }
  std::string blob(size_t column) const override {
    const std::string_view digits = raw(column);
    std::string bytes;
    for (size_t i = 2; i + 1 < digits.size(); i += 2) {
      uint8_t byte = 0;
      std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
      bytes += static_cast<char>(byte);
    }
    return bytes;
  }

 private:
  const char* raw(size_t column) const { return PQgetvalue(result_, 0, static_cast<int>(column)); }
  const PGresult* result_;
};

// Classes of SQLSTATE (PostgreSQL's appendix A).
DatabaseTrouble trouble_of(PGconn* connection, const PGresult* result) {
  if (PQstatus(connection) != CONNECTION_OK) return DatabaseTrouble::lost;
  const char* state = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  if (state == nullptr) return DatabaseTrouble::lost;
  const std::string_view code = state;
  if (code == "53100") return DatabaseTrouble::full;  // disk_full
  for (const char* lost : {"08", "53", "57", "58", "40", "XX", "25", "55"})
    if (code.starts_with(lost)) return DatabaseTrouble::lost;
  return DatabaseTrouble::refused;
}

}  // namespace

Result<std::unique_ptr<Database>> PostgresDatabase::open(const DatabaseAddress& address) {
  const std::string milliseconds = std::to_string(std::max<int64_t>(address.patience.count(), 1));
  const std::string seconds = std::to_string(std::max<int64_t>(address.patience.count() / 1000, 2));
  // What hangs is noticed by the statement's own end, or by TCP where the host is gone.
  const std::string options = "-c statement_timeout=" + std::string(address.read_only ? "30000" : "300000") +
                              " -c lock_timeout=" + milliseconds +
                              " -c timezone=UTC -c client_min_messages=warning" +
                              (address.read_only ? " -c default_transaction_read_only=on" : "");
  const std::array<const char*, 7> names = {
      "dbname",           "connect_timeout", "options", "application_name",
      "tcp_user_timeout", "client_encoding", nullptr};
  const std::array<const char*, 7> values = {
      address.url.c_str(), seconds.c_str(), options.c_str(), "shunt-insight", "30000", "UTF8", nullptr};
  PGconn* raw = PQconnectdbParams(names.data(), values.data(), 1);
  std::unique_ptr<PostgresDatabase> database(
      new PostgresDatabase(shown_url(address.url), std::unique_ptr<PGconn, Finish>(raw)));
  if (PQstatus(raw) != CONNECTION_OK) return database->error();
  if (PQserverVersion(raw) < 140000) return Error{database->where_, "PostgreSQL older than 14"};
  PQsetNoticeProcessor(raw, [](void*, const char*) {}, nullptr);
  return std::unique_ptr<Database>(std::move(database));
}

Error PostgresDatabase::error(const PGresult* result) {
  trouble_ = trouble_of(connection_.get(), result);
  std::string text = result != nullptr ? PQresultErrorMessage(result) : "";
  if (text.empty()) text = PQerrorMessage(connection_.get());
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return {where_, text};
}

Result<Ok> PostgresDatabase::run(const std::string& sql) {
  const Answer answer(PQexec(connection_.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error(answer.get());
  return Ok{};
}

// The server ends a statement that takes so long; none begins after the deadline.
void PostgresDatabase::set_deadline(Time deadline) {
  deadline_ = deadline;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  (void)run("SET statement_timeout = " +
            (deadline == Time::max() ? "DEFAULT" : std::to_string(std::max<int64_t>(left.count(), 1))));
}

Result<Ok> PostgresDatabase::query(const std::string& sql, std::span<const SqlValue> values,
                                   const OnRow& on_row, const OnNames& on_names) {
  if (is_given_up() || (deadline_ != Time::max() && std::chrono::steady_clock::now() >= deadline_))
    return Error{where_, "the query takes too long"};
  std::vector<std::string> texts;
  std::vector<const char*> places;
  texts.reserve(values.size());
  for (const SqlValue& value : values) {
    texts.push_back(text_of(value));
    places.push_back(std::holds_alternative<std::monostate>(value) ? nullptr : texts.back().c_str());
  }
  if (PQsendQueryParams(connection_.get(), with_dollars(sql).c_str(), static_cast<int>(values.size()),
                        nullptr, places.data(), nullptr, nullptr, 0) == 0)
    return error();
  // Row by row, so that an export needs no memory for all of them.
  PQsetSingleRowMode(connection_.get());
  std::optional<Error> problem;
  bool wants_more = true;
  bool is_first = true;
  while (const Answer answer{PQgetResult(connection_.get())}) {
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      if (!problem && wants_more) problem = error(answer.get());
      continue;
    }
    if (std::exchange(is_first, false) && on_names) {
      std::vector<std::string> names;
      for (int i = 0; i < PQnfields(answer.get()); ++i)
        names.emplace_back(PQfname(answer.get(), i));
      on_names(names);
    }
    if (status != PGRES_SINGLE_TUPLE || !wants_more) continue;
    wants_more = on_row(Row(answer.get())) && !is_given_up();
    if (!wants_more) {
      if (PGcancel* cancel = PQgetCancel(connection_.get())) {
        std::array<char, 256> text{};
        PQcancel(cancel, text.data(), static_cast<int>(text.size()));
        PQfreeCancel(cancel);
      }
    }
  }
  if (problem) return *problem;
  return Ok{};
}

Result<Ok> PostgresDatabase::stage(const TableShape& table) {
  if (staged_.contains(table.name)) return Ok{};
  const Result<Ok> made =
      run("CREATE TEMP TABLE IF NOT EXISTS stage_" + table.name + " ON COMMIT DELETE ROWS AS SELECT " +
          joined(table.columns) + " FROM " + table.name + " WITH NO DATA");
  if (made) staged_.insert(table.name);
  return made;
}

Result<Ok> PostgresDatabase::copy(const TableShape& table, const std::string& into,
                                  std::span<const SqlValue> values) {
  const Answer begun(
      PQexec(connection_.get(), ("COPY " + into + " (" + joined(table.columns) + ") FROM STDIN").c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return error(begun.get());
  std::string lines;
  bool is_sent = true;
  for (size_t i = 0; i < values.size(); ++i) {
    put_copy(lines, values[i]);
    lines += (i + 1) % table.columns.size() == 0 ? '\n' : '\t';
    if (lines.size() < kCopyChunk && i + 1 != values.size()) continue;
    is_sent = is_sent && PQputCopyData(connection_.get(), lines.data(), static_cast<int>(lines.size())) == 1;
    lines.clear();
  }
  is_sent = is_sent && PQputCopyEnd(connection_.get(), nullptr) == 1;
  if (!is_sent) return error();
  std::optional<Error> problem;
  while (const Answer answer{PQgetResult(connection_.get())}) {
    if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK && !problem) problem = error(answer.get());
  }
  if (problem) return *problem;
  return Ok{};
}

Result<Ok> PostgresDatabase::insert(const TableShape& table, std::span<const SqlValue> values) {
  if (table.key.empty()) return copy(table, table.name, values);
  const Result<Ok> staged = stage(table);
  if (!staged) return staged;
  const Result<Ok> copied = copy(table, "stage_" + table.name, values);
  if (!copied) return copied;
  std::string set;
  for (const std::string& column : table.columns) {
    if (std::find(table.key.begin(), table.key.end(), column) != table.key.end()) continue;
    set += (set.empty() ? "" : ", ") + column + " = excluded." + column;
  }
  // The same row may be there twice: the last one is right, and one statement can't touch it twice.
  const std::string keys = joined(table.key);
  return run("INSERT INTO " + table.name + " (" + joined(table.columns) + ") SELECT DISTINCT ON (" + keys +
             ") " + joined(table.columns) + " FROM stage_" + table.name + " ORDER BY " + keys +
             ", ctid DESC ON CONFLICT (" + keys + ") DO UPDATE SET " + set + "; TRUNCATE stage_" +
             table.name);
}

void PostgresDatabase::rollback() {
  // A temporary table that was made in the transaction goes with it.
  staged_.clear();
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) (void)run("ROLLBACK");
}

Result<uint64_t> PostgresDatabase::bytes() {
  const Result<std::optional<int64_t>> bytes = integer(
      "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace "
      "WHERE n.nspname = current_schema() AND c.relkind = 'r'");
  if (!bytes) return bytes.error();
  return static_cast<uint64_t>(bytes.value().value_or(0));
}

}  // namespace shunt::insight
