#include "insight/warehouse/row_store.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "stats/outcome.h"

namespace shunt::insight {
namespace {

constexpr int64_t kLastSecond = 253'402'300'799;  // the end of the year 9999
constexpr size_t kMostIds = 100'000;

SqlValue number_or_null(const std::optional<double>& number) {
  return number ? SqlValue(*number) : SqlValue();
}
SqlValue integer_or_null(const std::optional<int64_t>& integer) {
  return integer ? SqlValue(*integer) : SqlValue();
}
// 0 stands for: none seen.
SqlValue seen(uint32_t value) {
  return value != 0 ? SqlValue(int64_t{value}) : SqlValue();
}
int64_t integer(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX));
}
SqlValue bytes_or_null(std::string bytes) {
  return bytes.empty() ? SqlValue() : SqlValue(Blob{std::move(bytes)});
}

void append_quantiles(std::vector<SqlValue>& values, const QuantileSketch& sketch) {
  for (const double q : {0.5, 0.95, 0.99})
    values.push_back(sketch.empty() ? SqlValue() : SqlValue(sketch.quantile(q)));
}

Table table_of(Resolution resolution) {
  return kKpiTables[static_cast<size_t>(resolution)];
}

// By what a row is filed; of a description nothing.
struct SecondOf {
  int64_t operator()(const FlowRow& row) const {
    return static_cast<int64_t>(std::min<uint64_t>(row.record.ended_us, INT64_MAX) / 1'000'000);
  }
  int64_t operator()(const ClosedCell& row) const { return row.begin_s; }
  int64_t operator()(const ClientMinute& row) const { return row.begin_s; }
  int64_t operator()(const HostRow& row) const { return row.begin_s; }
  int64_t operator()(const AnomalyRow& row) const { return row.opened_s; }
  int64_t operator()(const IncidentRow& row) const { return row.opened_s; }
  int64_t operator()(const AlertRow& row) const { return row.at_s; }
  int64_t operator()(const DescriptionRow&) const { return 0; }
};

}  // namespace

bool has_time(const WarehouseRow& row) {
  const int64_t second = std::visit(SecondOf{}, row);
  return second >= 0 && second <= kLastSecond;
}

void append_cell(std::vector<SqlValue>& values, const KpiCell& cell) {
  for (const uint64_t count : cell.counts.values())
    values.emplace_back(integer(count));
  values.emplace_back(integer(cell.counts.failures()));
  values.emplace_back(integer(cell.active_max));
  values.emplace_back(int64_t{cell.seconds});
  values.push_back(number_or_null(cell.weight));
  append_quantiles(values, cell.connect());
  append_quantiles(values, cell.response());
  for (const QuantileSketch& sketch : cell.timings)
    values.push_back(bytes_or_null(sketch.encode()));
}

std::optional<KpiCell> cell_of(const SqlRow& row, size_t first) {
  KpiCell cell;
  for (size_t i = 0; i < kKpiCounts; ++i)
    cell.counts.values()[i] = static_cast<uint64_t>(row.integer(first + i));
  const size_t rest = first + kKpiCounts + 1;  // failures are made of the others
  cell.active_max = static_cast<uint64_t>(row.integer(rest));
  cell.seconds = static_cast<uint32_t>(row.integer(rest + 1));
  if (!row.is_null(rest + 2)) cell.weight = row.number(rest + 2);
  for (size_t i = 0; i < kKpiTimings; ++i) {
    if (row.is_null(rest + 9 + i)) continue;
    std::optional<QuantileSketch> sketch = QuantileSketch::decode(row.blob(rest + 9 + i));
    if (!sketch) return std::nullopt;
    cell.timings[i] = *std::move(sketch);
  }
  return cell;
}

void RowStore::forget() {
  ids_.clear();
  partitions_.clear();
}

Result<int64_t> RowStore::id_of(Database& database, const std::string& key, const std::string& insert,
                                const std::string& select, std::span<const SqlValue> values) {
  const auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  if (ids_.size() >= kMostIds) ids_.clear();
  const Result<Ok> made = database.execute(insert + " ON CONFLICT DO NOTHING", values);
  if (!made) return made.error();
  const Result<std::optional<int64_t>> id = database.integer(select, values);
  if (!id) return id.error();
  if (!id.value()) return Error{key, "has no id"};
  ids_.emplace(key, *id.value());
  return *id.value();
}

Result<int64_t> RowStore::backend_id(Database& database, const std::string& pool, const std::string& name) {
  if (pool.empty() && name.empty()) return int64_t{0};
  const std::array<SqlValue, 2> values = {pool, name};
  return id_of(database, "b\x1f" + pool + '\x1f' + name,
               "INSERT INTO dim_backend (pool, name) VALUES (?1, ?2)",
               "SELECT id FROM dim_backend WHERE pool = ?1 AND name = ?2", values);
}

Result<int64_t> RowStore::series_id(Database& database, const SeriesName& name) {
  const std::string key = "s\x1f" + name.key();
  const auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  const std::array<SqlValue, 1> node_name = {name.node};
  const std::array<SqlValue, 1> service_name = {name.service};
  const Result<int64_t> node = id_of(database, "n\x1f" + name.node, "INSERT INTO dim_node (name) VALUES (?1)",
                                     "SELECT id FROM dim_node WHERE name = ?1", node_name);
  if (!node) return node;
  const Result<int64_t> service =
      id_of(database, "v\x1f" + name.service, "INSERT INTO dim_service (name) VALUES (?1)",
            "SELECT id FROM dim_service WHERE name = ?1", service_name);
  if (!service) return service;
  const Result<int64_t> backend = backend_id(database, name.pool, name.backend);
  if (!backend) return backend;
  const std::array<SqlValue, 3> ids = {service.value(), backend.value(), node.value()};
  return id_of(database, key, "INSERT INTO dim_series (service_id, backend_id, node_id) VALUES (?1, ?2, ?3)",
               "SELECT id FROM dim_series WHERE service_id = ?1 AND backend_id = ?2 AND node_id = ?3", ids);
}

RowStore::Values& RowStore::into(Table table, int64_t second) {
  if (!facts_of(table).partition.empty()) {
    Partition partition = partition_at(table, second);
    if (!partitions_.contains(partition.name)) wanted_.try_emplace(partition.name, table, partition);
  }
  return values_[table];
}

Result<Ok> RowStore::make_partitions(Database& database) {
  if (database.dialect() == Dialect::postgres) {
    for (const auto& [name, what] : wanted_) {
      const TableFacts& facts = facts_of(what.first);
      const Result<Ok> made =
          database.run("CREATE TABLE IF NOT EXISTS " + name + " PARTITION OF " + std::string(facts.name) +
                       " FOR VALUES FROM (" + std::to_string(what.second.begin_s * facts.units_per_second) +
                       ") TO (" + std::to_string(what.second.end_s * facts.units_per_second) + ")");
      if (!made) return made;
      partitions_.insert(name);
    }
  }
  wanted_.clear();
  return Ok{};
}

Result<Ok> RowStore::store(Database& database, std::span<const WarehouseRow> rows) {
  values_.clear();
  wanted_.clear();
  for (const WarehouseRow& row : rows) {
    const Result<Ok> done = std::visit([&](const auto& what) { return put(database, what); }, row);
    if (!done) return done;
  }
  const Result<Ok> made = make_partitions(database);
  if (!made) return made;
  for (const auto& [table, values] : values_) {
    const Result<Ok> done = database.insert(shape_of(table), values);
    if (!done) return done;
  }
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const ClosedCell& row) {
  const Result<int64_t> series = series_id(database, *row.series);
  if (!series) return series.error();
  Values& values = into(table_of(row.resolution), row.begin_s);
  values.emplace_back(series.value());
  values.emplace_back(row.begin_s);
  append_cell(values, row.cell);
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const ClientMinute& row) {
  const Result<int64_t> series = series_id(database, *row.service);
  if (!series) return series.error();
  nlohmann::json top = nlohmann::json::array();
  for (const HeavyHitter& hitter : row.top)
    top.push_back({{"prefix", hitter.name}, {"flows", hitter.count}, {"error", hitter.error}});
  Values& clients = into(Table::client_1m, row.begin_s);
  clients.insert(clients.end(), {series.value(), row.begin_s, row.clients.estimate(), top.dump(),
                                 bytes_or_null(row.clients.encode())});
  for (const auto& [code, flows] : row.countries) {
    Values& countries = into(Table::country_1m, row.begin_s);
    countries.insert(countries.end(), {series.value(), row.begin_s, std::string(code.text()),
                                       integer(flows.flows), integer(flows.failures)});
  }
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const FlowRow& row) {
  const Result<int64_t> series = series_id(database, *row.series);
  if (!series) return series.error();
  const FlowRecord& record = row.record;
  const std::optional<IpAddress> client = record.client_address();
  const bool has_outcome = record.outcome < kOutcomes;
  const char* method = (record.flags & kFlowConnectAck) != 0 ? "ack" : "synack";
  Values& values = into(Table::flow_event, static_cast<int64_t>(record.ended_us / 1'000'000));
  values.insert(
      values.end(),
      {integer(record.ended_us), series.value(), client ? SqlValue(client_prefix(*client)) : SqlValue(),
       std::string(row.country.text()), std::string((record.flags & kFlowUdp) != 0 ? "udp" : "tcp"),
       has_outcome ? std::string(kOutcomeNames[record.outcome]) : std::to_string(record.outcome),
       int64_t{(record.flags & kFlowSampled) != 0}, int64_t{record.syn_retransmits}, seen(record.attempt),
       seen(record.connect_us), record.connect_us != 0 ? SqlValue(std::string(method)) : SqlValue(),
       seen(record.first_byte_us), int64_t{record.duration_ms}, int64_t{record.packets},
       integer(record.bytes.get()), int64_t{record.reply_packets}, integer(record.reply_bytes.get())});
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const HostRow& row) {
  const Result<int64_t> backend = backend_id(database, row.pool, row.backend);
  if (!backend) return backend.error();
  Values& values = into(Table::host_1m, row.begin_s);
  values.insert(values.end(),
                {backend.value(), row.begin_s, number_or_null(row.cpu), number_or_null(row.memory),
                 number_or_null(row.disk), number_or_null(row.received), number_or_null(row.sent)});
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const AnomalyRow& row) {
  const Result<int64_t> series = series_id(database, *row.series);
  if (!series) return series.error();
  Values& values = into(Table::anomaly, row.opened_s);
  values.insert(values.end(),
                {row.id, row.opened_s, integer_or_null(row.closed_s), series.value(), row.kpi, row.score,
                 row.severity, row.detector, number_or_null(row.expected_low),
                 number_or_null(row.expected_high), row.observed, row.reason, integer_or_null(row.incident)});
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const IncidentRow& row) {
  SqlValue root;
  if (row.root != nullptr) {
    const Result<int64_t> series = series_id(database, *row.root);
    if (!series) return series.error();
    root = series.value();
  }
  Values& values = into(Table::incident, row.opened_s);
  values.insert(values.end(), {row.id, row.opened_s, integer_or_null(row.closed_s), row.severity, root,
                               row.cause, row.text});
  return Ok{};
}

Result<Ok> RowStore::put(Database&, const AlertRow& row) {
  Values& values = into(Table::alert_event, row.at_s);
  values.insert(values.end(), {row.at_s, row.name, row.subject, row.state, row.severity, row.text});
  return Ok{};
}

Result<Ok> RowStore::put(Database& database, const DescriptionRow& row) {
  const Result<int64_t> series = series_id(database, row.series);
  if (!series) return series.error();
  if (row.series.is_service()) {
    const std::array<SqlValue, 4> values = {row.address, row.port, row.protocol, row.series.service};
    return database.execute("UPDATE dim_service SET address = ?1, port = ?2, protocol = ?3 WHERE name = ?4",
                            values);
  }
  const std::array<SqlValue, 4> values = {row.address, row.port, row.series.pool, row.series.backend};
  return database.execute("UPDATE dim_backend SET address = ?1, port = ?2 WHERE pool = ?3 AND name = ?4",
                          values);
}

}  // namespace shunt::insight
