#include "insight/warehouse/retention.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace shunt::insight {
namespace {

constexpr size_t kOwnersAtOnce = 100;
constexpr int kMostSteps = 100;  // of making room, in one run
constexpr int kSlices = 10;      // a table gives way by a tenth of its time

class Keeper {
 public:
  Keeper(Database& database, const RetentionSettings& settings, int64_t now_s)
      : database_(database), settings_(settings), now_s_(now_s) {}

  Result<RetentionReport> run() {
    for (size_t i = 0; i < kTables; ++i) {
      const auto table = static_cast<Table>(i);
      const Result<Ok> done = remove_before(table, now_s_ - settings_.keep(table));
      if (!done) return done.error();
    }
    const Result<Ok> shrunk = make_room();
    if (!shrunk) return shrunk.error();
    if (database_.dialect() == Dialect::sqlite) {
      const Result<Ok> given_back = database_.run("PRAGMA incremental_vacuum(2000)");
      if (!given_back) return given_back.error();
    }
    const Result<uint64_t> bytes = database_.bytes();
    if (!bytes) return bytes.error();
    report_.bytes = bytes.value();
    return report_;
  }

 private:
  bool has_partitions(Table table) const {
    return database_.dialect() == Dialect::postgres && !facts_of(table).partition.empty();
  }

  Result<Ok> remove_before(Table table, int64_t second) {
    if (has_partitions(table)) return drop_before(table, second);
    const TableFacts& facts = facts_of(table);
    if (facts.owner.empty()) return delete_rows(table, "", second, {});
    const Result<std::vector<int64_t>> owners = owners_of(table);
    if (!owners) return owners.error();
    for (size_t from = 0; from < owners.value().size(); from += kOwnersAtOnce) {
      Result<Ok> done = database_.begin();
      for (size_t i = from; done && i < std::min(from + kOwnersAtOnce, owners.value().size()); ++i)
        done = delete_rows(table, std::string(facts.owner) + " = ?2 AND ", second, owners.value()[i]);
      if (done) done = database_.commit();
      if (!done) {
        database_.rollback();
        return done;
      }
    }
    return Ok{};
  }

  Result<Ok> delete_rows(Table table, const std::string& whose, int64_t second,
                         std::optional<int64_t> owner) {
    const TableFacts& facts = facts_of(table);
    std::vector<SqlValue> values = {second * facts.units_per_second};
    if (owner) values.emplace_back(*owner);
    return database_.query("DELETE FROM " + std::string(facts.name) + " WHERE " + whose +
                               std::string(facts.time_column) + " < ?1 RETURNING 1",
                           values, [this](const SqlRow&) {
                             ++report_.rows;
                             return true;
                           });
  }

  Result<std::vector<int64_t>> owners_of(Table table) {
    std::vector<int64_t> owners;
    const char* from = facts_of(table).owner == "backend_id" ? "dim_backend" : "dim_series";
    const Result<Ok> read =
        database_.query(std::string("SELECT id FROM ") + from, {}, [&](const SqlRow& row) {
          owners.push_back(row.integer(0));
          return true;
        });
    if (!read) return read.error();
    return owners;
  }

  Result<std::vector<Partition>> partitions_of(Table table) {
    std::vector<Partition> partitions;
    const std::array<SqlValue, 1> name = {std::string(facts_of(table).name)};
    const Result<Ok> read = database_.query(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(?1) ORDER BY 1",
        name, [&](const SqlRow& row) {
          const Partition partition = partition_named(table, row.text(0));
          if (partition.end_s != 0) partitions.push_back(partition);
          return true;
        });
    if (!read) return read.error();
    return partitions;
  }

  Result<Ok> drop_before(Table table, int64_t second) {
    const Result<std::vector<Partition>> partitions = partitions_of(table);
    if (!partitions) return partitions.error();
    for (const Partition& partition : partitions.value()) {
      if (partition.end_s > second) continue;
      const Result<Ok> dropped = database_.run("DROP TABLE " + partition.name);
      if (!dropped) return dropped;
      ++report_.partitions;
    }
    return Ok{};
  }

  // First and last second of what a table has; nothing: it is empty.
  Result<std::optional<std::pair<int64_t, int64_t>>> span_of(Table table) {
    using Span = std::optional<std::pair<int64_t, int64_t>>;
    const TableFacts& facts = facts_of(table);
    const std::string name(facts.name);
    const std::string time(facts.time_column);
    // By each series' own key: no table is read.
    const std::string from = facts.owner == "backend_id" ? "dim_backend" : "dim_series";
    const std::string whose = " WHERE t." + std::string(facts.owner) + " = o.id)";
    const std::string sql = facts.owner.empty()
                                ? "SELECT (SELECT min(" + time + ") FROM " + name + "), (SELECT max(" + time +
                                      ") FROM " + name + ")"
                                : "SELECT min(l), max(h) FROM (SELECT (SELECT min(t." + time + ") FROM " +
                                      name + " t" + whose + " AS l, (SELECT max(t." + time + ") FROM " +
                                      name + " t" + whose + " AS h FROM " + from + " o) s";
    Span span;
    const Result<Ok> read = database_.query(sql, {}, [&](const SqlRow& row) {
      if (!row.is_null(0))
        span = std::pair{row.integer(0) / facts.units_per_second, row.integer(1) / facts.units_per_second};
      return false;
    });
    if (!read) return read.error();
    return span;
  }

  // The oldest slice of a table; false: it has nothing to give.
  Result<bool> give_way(Table table) {
    if (has_partitions(table)) {
      const Result<std::vector<Partition>> partitions = partitions_of(table);
      if (!partitions) return partitions.error();
      if (partitions.value().empty()) return false;
      const Result<Ok> dropped = drop_before(table, partitions.value().front().end_s);
      if (!dropped) return dropped.error();
      return true;
    }
    const auto span = span_of(table);
    if (!span) return span.error();
    if (!span.value()) return false;
    const auto [first, last] = *span.value();
    const Result<Ok> removed = remove_before(table, first + std::max<int64_t>((last - first) / kSlices, 1));
    if (!removed) return removed.error();
    return true;
  }

  Result<Ok> make_room() {
    if (settings_.max_bytes == 0) return Ok{};
    size_t table = 0;
    for (int step = 0; step < kMostSteps && table < kTables; ++step) {
      const Result<uint64_t> bytes = database_.bytes();
      if (!bytes) return bytes.error();
      if (bytes.value() <= settings_.max_bytes) return Ok{};
      const Result<bool> given = give_way(static_cast<Table>(table));
      if (!given) return given.error();
      if (!given.value()) ++table;
    }
    return Ok{};
  }

  Database& database_;
  const RetentionSettings& settings_;
  int64_t now_s_;
  RetentionReport report_;
};

}  // namespace

Result<RetentionReport> retain(Database& database, const RetentionSettings& settings, int64_t now_s) {
  return Keeper(database, settings, now_s).run();
}

}  // namespace shunt::insight
