// What shunt-insight does with flows: records and readings into roll-ups, countries of addresses, cells into
// the warehouse (SQLite, a transaction of 5,000 rows with fsync), and what pages ask it.
//
// `flows` is the number of one-minute cells in the warehouse for queries: of 80 series, each with two
// sketches of 100 samples. Proved before anything is timed: each level of the roll-up has what was put in,
// and every query gives what a plain sum of what was stored gives.
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "insight/kpi/client_counts.h"
#include "insight/kpi/roll_up.h"
#include "insight/warehouse/migrations.h"
#include "insight/warehouse/row_store.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::bench {
namespace {

using namespace shunt::insight;

constexpr int64_t kBegin = 1'767'225'600;  // an hour
constexpr int64_t kMicro = 1'000'000;
constexpr size_t kSeries = 80;
constexpr size_t kBatchRows = 5'000;
constexpr size_t kHeatmapColumns = 120;
using Whose = WarehouseReader::Whose;

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "shunt-ingest-XXXXXX").string()) {
    prove(mkdtemp(path_.data()) != nullptr, "a temporary folder");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

SeriesName series_number(size_t number) {
  if (number == 0) return {"lb1", "web", "", ""};
  return {"lb1", "web", "web", "web-" + std::to_string(number)};
}

std::vector<FlowRecord> make_records() {
  std::mt19937_64 random(5);
  std::lognormal_distribution<> latency(6.2, 0.5);
  std::vector<FlowRecord> records(4096);
  for (FlowRecord& record : records) {
    record.set_client(IpAddress::v4(be32(static_cast<uint32_t>(random() % 0xdfffffff))), 1);
    record.connect_us = static_cast<uint32_t>(latency(random));
    record.first_byte_us = static_cast<uint32_t>(latency(random) * 5);
    record.duration_ms = static_cast<uint32_t>(random() % 3000);
    record.flags |= kFlowSampled;
    record.backend = static_cast<uint16_t>(1 + random() % (kSeries - 1));
  }
  return records;
}

// 100,000 events a second of virtual time.
class RollUps {
 public:
  explicit RollUps(const CountryTable* countries)
      : roll_up_({}, kBegin * kMicro, [this](ClosedCell&& cell) { see(cell); }),
        clients_({}, countries, kBegin * kMicro, [](ClientMinute&& minute) { keep(minute.begin_s); }) {}

  uint64_t run(uint64_t events, bool with_clients) {
    for (uint64_t i = 0; i < events; ++i) {
      FlowRecord& record = records_[taken_ % records_.size()];
      now_us_ += 10;
      if (taken_++ % 10'000 == 0) advance();
      record.ended_us = static_cast<uint64_t>(now_us_);
      // A record is its backend's and its service's.
      prove(roll_up_.take(handles_[record.backend], record) && roll_up_.take(handles_[0], record),
            "a live series");
      if (with_clients) clients_.take(service_, record, 64);
    }
    return events;
  }
  void prove_sums() {
    run(200'000, true);
    roll_up_.advance(now_us_ + int64_t{2} * 3600 * kMicro);
    for (const uint64_t closed : closed_)
      prove(closed == 2 * taken_, "each level has every event");
  }

 private:
  void advance() {
    roll_up_.advance(now_us_);
    clients_.advance(now_us_);
    for (size_t i = 0; i < kSeries; ++i)
      handles_[i] = roll_up_.series(series_number(i));
  }
  void see(const ClosedCell& closed) {
    closed_[static_cast<size_t>(closed.resolution)] += closed.cell.timing(KpiTiming::duration).count();
  }

  std::vector<FlowRecord> records_ = make_records();
  SeriesName service_ = series_number(0);
  std::array<RollUp::Handle, kSeries> handles_{};
  std::array<uint64_t, kResolutions> closed_{};
  int64_t now_us_ = kBegin * kMicro;
  uint64_t taken_ = 0;
  RollUp roll_up_;
  ClientCounts clients_;
};

std::vector<KpiCell> make_cells() {
  std::mt19937_64 random(6);
  std::vector<KpiCell> cells(64);
  for (KpiCell& cell : cells) {
    std::lognormal_distribution<> latency(6.0 + static_cast<double>(random() % 10) / 10, 0.35);
    for (int i = 0; i < 100; ++i) {
      cell.timing(KpiTiming::connect_synack).add(static_cast<uint32_t>(latency(random)));
      cell.timing(KpiTiming::first_byte).add(static_cast<uint32_t>(latency(random) * 5));
    }
    for (uint64_t& count : cell.counts.values())
      count = random() % 1000;
    cell.seconds = 60;
  }
  return cells;
}

// Of each that may begin an hour, the sum of that hour's minutes (Warehouse::cell_at).
std::vector<KpiCell> hours_of(const std::vector<KpiCell>& cells) {
  std::vector<KpiCell> hours(cells.size());
  for (size_t first = 0; first < cells.size(); ++first) {
    for (size_t minute = 0; minute < 60; ++minute)
      hours[first].merge(cells[(first + minute * 13) % cells.size()]);
  }
  return hours;
}

std::unique_ptr<Database> make_database(const std::string& path) {
  Result<std::unique_ptr<Database>> database = open_database({.url = path});
  prove(database.ok(), "a database");
  prove(migrate(*database.value(), all_migrations(), kBegin).ok(), "its schema");
  return database.take();
}

class Warehouse {
 public:
  explicit Warehouse(const std::string& path) : database_(make_database(path)) {
    for (size_t i = 0; i < kSeries; ++i)
      names_.push_back(std::make_shared<const SeriesName>(series_number(i)));
  }
  const KpiCell& cell_at(size_t series, int64_t step) const {
    return cells_[(series * 7 + static_cast<size_t>(step) * 13) % cells_.size()];
  }
  // The sum of the hour's minutes.
  const KpiCell& hour_at(size_t series, int64_t hour) const {
    return hours_[(series * 7 + static_cast<size_t>(hour) * 60 * 13) % hours_.size()];
  }
  // Cells of all series at each interval from `next_` on.
  uint64_t store(Resolution resolution, size_t rows) {
    std::vector<WarehouseRow> batch;
    for (size_t i = 0; i < rows; ++i) {
      const auto step = static_cast<int64_t>(next_ / kSeries);
      const size_t series = next_ % kSeries;
      batch.emplace_back(
          ClosedCell{resolution, kBegin + step * seconds_of(resolution), names_[series],
                     resolution == Resolution::hour ? hour_at(series, step) : cell_at(series, step)});
      ++next_;
    }
    store_all(batch, "a batch");
    return rows;
  }
  void fill(Resolution resolution, uint64_t rows) {
    next_ = 0;
    while (next_ < rows)
      store(resolution, std::min<uint64_t>(kBatchRows, rows - next_));
  }
  void fill_clients(int64_t minutes) {
    std::vector<WarehouseRow> batch;
    for (int64_t minute = 0; minute < minutes; ++minute) {
      ClientMinute row{kBegin + minute * 60, names_[0], {}, {}, {}};
      for (char letter = 'A'; letter <= 'Z'; ++letter)
        row.countries[{letter, letter}] = {static_cast<uint64_t>(letter), 1};
      for (int64_t prefix = 0; prefix < 10; ++prefix) {
        const std::string net = "192." + std::to_string(minute % 200) + "." + std::to_string(prefix);
        row.clients.add(net.data(), net.size());
        row.top.push_back({net + ".0/24", static_cast<uint64_t>(100 - prefix), 1});
      }
      batch.emplace_back(std::move(row));
    }
    store_all(batch, "clients");
  }
  // Flows of the hour before `end_s`, evenly.
  void fill_flows(uint64_t count, int64_t end_s) {
    const auto step_us = static_cast<uint64_t>(3600 * kMicro) / count;
    std::vector<FlowRecord> records = make_records();
    std::vector<WarehouseRow> batch;
    for (uint64_t i = 0; i < count; ++i) {
      FlowRow& row = std::get<FlowRow>(batch.emplace_back(FlowRow{}));
      row.record = records[i % records.size()];
      row.series = names_[row.record.backend];
      row.record.ended_us = static_cast<uint64_t>((end_s - 3600) * kMicro) + i * step_us;
      row.record.attempt = static_cast<uint8_t>(1 + i % 10 / 8);
      if (batch.size() == kBatchRows || i + 1 == count) {
        store_all(batch, "flows");
        batch.clear();
      }
    }
  }
  void measured() { (void)database_->run("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)"); }
  uint64_t bytes() { return database_->bytes().value(); }

 private:
  void store_all(const std::vector<WarehouseRow>& batch, const char* what) {
    prove(database_->begin().ok() && store_.store(*database_, batch).ok() && database_->commit().ok(), what);
  }

  std::unique_ptr<Database> database_;
  RowStore store_;
  std::vector<KpiCell> cells_ = make_cells();
  std::vector<KpiCell> hours_ = hours_of(cells_);
  std::vector<std::shared_ptr<const SeriesName>> names_;
  uint64_t next_ = 0;
};

// A row with what a person wants to read: how many a second, or how long one takes.
void add_row(Report& report, Row row, const Candidate& candidate, unsigned batches, bool is_rate) {
  if (!report.wants(row)) return;
  row.ours = measure(std::span(&candidate, 1), batches, 1)[0];
  const double seconds = row.ours.ticks_median / (tsc_ghz() * 1e9);
  row.extra.emplace_back(is_rate ? "per_second" : "milliseconds", is_rate ? 1 / seconds : seconds * 1e3);
  report.add(row);
}

Row row_named(const char* name, std::optional<uint64_t> flows = {}) {
  Row row;
  row.test_case = name;
  row.flows = flows;
  return row;
}

void bench_roll_up(Report& report, const Options& options) {
  const Result<CountryTable> countries = CountryTable::load();
  const CountryTable* table = countries.ok() ? &countries.value() : nullptr;
  RollUps(table).prove_sums();
  RollUps plain(table);
  RollUps with_clients(table);
  add_row(report, row_named("roll_up"), {"shunt", {}, [&] { return plain.run(2'000, false); }},
          options.batches(), true);
  add_row(report, row_named("roll_up_clients"), {"shunt", {}, [&] { return with_clients.run(2'000, true); }},
          options.batches(), true);
  if (table == nullptr) return;
  std::mt19937 random(7);
  std::vector<uint32_t> addresses(4096);
  const auto draw = [&] {
    for (uint32_t& address : addresses)
      address = static_cast<uint32_t>(random());
  };
  const auto look = [&] {
    for (const uint32_t address : addresses)
      keep(table->of_ipv4(address));
    return uint64_t{addresses.size()};
  };
  add_row(report, row_named("country"), {"shunt", draw, look}, options.batches(), true);
}

void bench_store(Report& report, const Options& options, const Folder& folder) {
  Warehouse warehouse(folder.file("durable.db"));
  const size_t rows = options.quick ? 200 : kBatchRows;
  add_row(report, row_named("durable"),
          {"shunt", {}, [&] { return warehouse.store(Resolution::second, rows); }}, options.batches(), true);
}

void bench_queries(Report& report, const Options& options, const Folder& folder, uint64_t rows) {
  const std::string path = folder.file(("queries" + std::to_string(rows)).c_str());
  if (!report.wants(row_named("query", rows)) && options.filter.find("query") == std::string::npos) return;
  Warehouse warehouse(path);
  warehouse.fill(Resolution::minute, rows);
  const int64_t minutes = static_cast<int64_t>(rows / kSeries);
  warehouse.fill(Resolution::hour, (rows / kSeries / 60 + 1) * kSeries);
  warehouse.measured();
  std::fprintf(stderr, "%lu cells of a minute: %.0f bytes each\n", static_cast<unsigned long>(rows),
               static_cast<double>(warehouse.bytes()) / static_cast<double>(rows));
  warehouse.fill_clients(std::min<int64_t>(minutes, 1440));
  const int64_t end = kBegin + minutes * 60;
  warehouse.fill_flows(options.quick ? 2'000 : 2 * WarehouseReader::kMostFlowRows, end);
  warehouse.measured();
  Result<WarehouseReader> opened = WarehouseReader::open({.url = path});
  prove(opened.ok(), "a reader");
  WarehouseReader& reader = opened.value();
  const SeriesQuestion backend{"web", "", "web", "web-7"};
  // From the minutes' own table: seconds of then are gone.
  const TimeRange half_day{end - std::min<int64_t>(minutes, 720) * 60, end};
  const int64_t now = end + 8 * 86'400;
  KpiCell sum;
  for (int64_t step = (half_day.from_s - kBegin) / 60; step < minutes; ++step)
    sum.merge(warehouse.cell_at(7, step));
  const Result<KpiCell> total = reader.total(backend, half_day, now);
  prove(total.ok() && total.value().counts == sum.counts && total.value().timings == sum.timings,
        "a series' sum");
  const unsigned batches = options.quick ? 5 : 31;
  const auto ask = [&](const char* name, std::function<bool()> question) {
    prove(question(), name);
    add_row(report, row_named(name, rows),
            {"shunt",
             {},
             [&] {
               prove(question(), name);
               return uint64_t{1};
             }},
            batches, false);
  };
  ask("query series 12h", [&] { return reader.time_series(backend, half_day, now).ok(); });
  ask("query series all", [&] { return reader.time_series(backend, {kBegin, end}, now).ok(); });
  ask("query quantiles", [&] { return reader.total(backend, half_day, now).ok(); });
  ask("query top backends",
      [&] { return reader.top_backends("web", {end - 3600, end}, now, std::nullopt, 10).ok(); });
  const TimeRange hour{end - 3600, end};
  ask("query totals 1h", [&] { return reader.service_totals("", hour, now).ok(); });
  ask("query retries 1h", [&] { return reader.counts(Whose::backends, "", hour, now).ok(); });
  ask("query heat map 12h", [&] {
    return reader.backend_series("web", half_day, now, kHeatmapColumns, kSeries, Sketches::none).ok();
  });
  ask("query attempts 1h", [&] { return reader.attempts("", hour).value().size() == 2; });
  const TimeRange day{kBegin, kBegin + 86'400};
  ask("query countries", [&] { return reader.countries("web", day, 40).value().size() == 26; });
  ask("query prefixes", [&] { return reader.clients("web", day, 20).value().prefixes.size() == 20; });
}

int run(int argc, char** argv) {
  const Options options =
      read_options(argc, argv, "Flows into roll-ups, cells into the warehouse, questions to it.");
  Report report("ingest", options);
  const Folder folder;
  bench_roll_up(report, options);
  bench_store(report, options, folder);
  for (const uint64_t rows : options.sizes({8'000, 1'000'000, 10'000'000}, {8'000}))
    bench_queries(report, options, folder, rows);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
