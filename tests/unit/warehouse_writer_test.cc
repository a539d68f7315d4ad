// The writer's thread where things go wrong: a full queue, a full database, a full disk, a database that goes
// away, rows that are refused, and kill -9 in the middle of a batch.
#include "insight/warehouse/warehouse_writer.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <new>
#include <random>
#include <thread>

#include "tests/unit/warehouse_samples.h"

namespace shunt::insight {
namespace {

WriterSettings settings_for(const std::string& url) {
  WriterSettings settings;
  settings.address.url = url;
  settings.batch_time = std::chrono::milliseconds(10);
  settings.first_pause = std::chrono::milliseconds(5);
  settings.longest_pause = std::chrono::milliseconds(50);
  return settings;
}

template <typename Holds>
bool eventually(Holds holds) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

uint64_t all_drops(const WriterStatus& status) {
  uint64_t all = 0;
  for (const uint64_t drops : status.dropped)
    all += drops;
  return all;
}

WarehouseRow row_numbered(int64_t number) {
  return row_at(Resolution::second, kHour + number, "a", static_cast<uint64_t>(number));
}

TEST(WarehouseWriter, WritesWhatItIsGiven) {
  const Folder folder;
  std::atomic<int64_t> now = kHour;
  WarehouseWriter writer(settings_for(folder.file()), [&] { return now.load(); });
  for (int64_t i = 0; i < 12'000; ++i)
    ASSERT_TRUE(writer.put(row_numbered(i)));
  for (WarehouseRow& row : other_rows(kHour))
    ASSERT_TRUE(writer.put(std::move(row)));
  ASSERT_TRUE(writer.flush(kPatience));
  const WriterStatus status = writer.status();
  EXPECT_EQ(status.written, 12'009U);
  EXPECT_EQ(all_drops(status), 0U);
  EXPECT_TRUE(status.is_open);
  const std::unique_ptr<Database> database = opened({.url = folder.file(), .read_only = true});
  EXPECT_EQ(count_of(*database, "kpi_1s"), 12'000);
  EXPECT_EQ(count_of(*database, "country_1m"), 2);
  for (const char* table : {"client_1m", "flow_event", "host_1m", "anomaly", "alert_event"})
    EXPECT_EQ(count_of(*database, table), 1) << table;
  EXPECT_EQ(count_of(*database, "incident"), 2);
  EXPECT_EQ(database->integer("SELECT port FROM dim_backend WHERE name = 'a'").value(), 8080);
}

TEST(WarehouseWriter, AnEndWritesWhatWaits) {
  const Folder folder;
  {
    WriterSettings settings = settings_for(folder.file());
    settings.batch_time = std::chrono::hours(1);
    WarehouseWriter writer(settings, [] { return kHour; });
    for (int64_t i = 0; i < 300; ++i)
      ASSERT_TRUE(writer.put(row_numbered(i)));
  }
  EXPECT_EQ(count_of(*opened({.url = folder.file(), .read_only = true}), "kpi_1s"), 300);
}

TEST(WarehouseWriter, DropsAndCountsWhatItsQueueHasNoRoomFor) {
  const Folder folder;
  WriterSettings settings = settings_for(folder.file());
  settings.queue_rows = 100;
  settings.batch_time = std::chrono::hours(1);
  WarehouseWriter writer(settings, [] { return kHour; });
  int64_t taken = 0;
  for (int64_t i = 0; i < 150; ++i)
    taken += writer.put(row_numbered(i)) ? 1 : 0;
  EXPECT_EQ(taken, 100);
  EXPECT_EQ(writer.status().dropped_for(RowDrop::queue_full), 50U);
  ASSERT_TRUE(writer.flush(kPatience));
  EXPECT_TRUE(writer.put(row_numbered(200)));
}

TEST(WarehouseWriter, RefusesTimesThatAreNone) {
  const Folder folder;
  WarehouseWriter writer(settings_for(folder.file()), [] { return kHour; });
  EXPECT_FALSE(writer.put(row_at(Resolution::second, -1, "a")));
  EXPECT_FALSE(writer.put(row_at(Resolution::second, INT64_MAX, "a")));
  FlowRow flow{series_named("a"), {}, {}};
  flow.record.ended_us = UINT64_MAX;
  EXPECT_FALSE(writer.put(flow));
  EXPECT_EQ(writer.status().dropped_for(RowDrop::refused), 3U);
}

TEST(WarehouseWriter, FindsTheRowThatIsRefused) {
  const Folder folder;
  {
    const std::unique_ptr<Database> database = opened({.url = folder.file()});
    expect_ok(migrate(*database, all_migrations(), kHour));
    expect_ok(
        database->run("CREATE TRIGGER no BEFORE INSERT ON kpi_1s WHEN new.ts % 100 = 42 "
                      "BEGIN SELECT RAISE(ABORT, 'not this one'); END"));
  }
  WriterSettings settings = settings_for(folder.file());
  settings.batch_time = std::chrono::hours(1);
  WarehouseWriter writer(settings, [] { return kHour; });
  for (int64_t i = 0; i < 1'000; ++i)
    ASSERT_TRUE(writer.put(row_numbered(i)));
  ASSERT_TRUE(writer.flush(kPatience));
  EXPECT_EQ(writer.status().dropped_for(RowDrop::refused), 10U);
  EXPECT_EQ(writer.status().written, 990U);
  EXPECT_EQ(count_of(*opened({.url = folder.file(), .read_only = true}), "kpi_1s"), 990);
}

TEST(WarehouseWriter, GoesOnByItselfWhereThereIsRoomAgain) {
  const Folder folder;
  std::atomic<int64_t> now = kHour;
  WriterSettings settings = settings_for(folder.file());
  settings.address.max_pages = 300;
  settings.queue_rows = 2'000;
  settings.batch_rows = 500;
  WarehouseWriter writer(settings, [&] { return now.load(); });
  int64_t next = 0;
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 200; ++i)
      writer.put(row_numbered(next++));
    return writer.status().dropped_for(RowDrop::database_full) > 10;
  }));
  EXPECT_EQ(writer.status().trouble, DatabaseTrouble::full);
  EXPECT_NE(writer.status().trouble_text.find("full"), std::string::npos) << writer.status().trouble_text;
  const uint64_t before = writer.status().written;
  // Two days later those seconds are old, and make room.
  now += 2 * 86'400;
  EXPECT_TRUE(writer.flush(kPatience));
  const WriterStatus status = writer.status();
  EXPECT_GT(status.written, before);
  EXPECT_EQ(status.trouble, DatabaseTrouble::none);
  EXPECT_EQ(status.written + all_drops(status), static_cast<uint64_t>(next));
}

// Whether this process may mount, in a namespace of its own.
bool mount_small_disk(const std::string& path) {
  return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", path.c_str(), "tmpfs", 0, "size=2m") == 0;
}

TEST(WarehouseWriter, GoesOnByItselfWhenTheDiskHasRoomAgain) {
  const Folder folder;
  if (geteuid() != 0 || !mount_small_disk(folder.path())) GTEST_SKIP() << "may not mount";
  WriterSettings settings = settings_for(folder.file());
  settings.queue_rows = 2'000;
  settings.batch_rows = 500;
  WarehouseWriter writer(settings, [] { return kHour; });
  int64_t next = 0;
  // Half of it is somebody else's.
  std::ofstream(folder.file("other")) << std::string(1'200'000, 'x');
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 200; ++i)
      writer.put(row_numbered(next++));
    return writer.status().dropped_for(RowDrop::database_full) > 10;
  })) << writer.status().trouble_text;
  EXPECT_EQ(writer.status().trouble, DatabaseTrouble::full) << writer.status().trouble_text;
  std::filesystem::remove(folder.file("other"));
  EXPECT_TRUE(writer.flush(kPatience)) << writer.status().trouble_text;
  const WriterStatus status = writer.status();
  EXPECT_EQ(status.written + all_drops(status), static_cast<uint64_t>(next));
  const std::unique_ptr<Database> database = opened({.url = folder.file(), .read_only = true});
  EXPECT_EQ(count_of(*database, "kpi_1s"), static_cast<int64_t>(status.written));
  umount2(folder.path().c_str(), MNT_DETACH);
}

TEST(WarehouseWriter, WaitsForADatabaseThatIsNotThereYet) {
  const Folder folder;
  WriterSettings settings = settings_for(folder.path() + "/later/warehouse.db");
  settings.queue_rows = 50;
  WarehouseWriter writer(settings, [] { return kHour; });
  ASSERT_TRUE(eventually([&] { return writer.status().failures >= 2; }));
  for (int64_t i = 0; i < 60; ++i)
    writer.put(row_numbered(i));
  EXPECT_EQ(writer.status().dropped_for(RowDrop::database_lost), 10U);
  EXPECT_FALSE(writer.status().is_open);
  std::filesystem::create_directory(folder.path() + "/later");
  ASSERT_TRUE(writer.flush(kPatience));
  EXPECT_EQ(writer.status().written, 50U);
}

TEST(WarehouseWriter, DropsWhatCannotBeWrittenAtTheEnd) {
  const Folder folder;
  // The end comes, whatever the database does.
  WarehouseWriter writer(settings_for(folder.path() + "/never/warehouse.db"), [] { return kHour; });
  ASSERT_TRUE(writer.put(row_numbered(1)));
}

TEST(WarehouseWriter, LooksAfterRetentionByItsClock) {
  const Folder folder;
  std::atomic<int64_t> now = kHour + 100;
  WarehouseWriter writer(settings_for(folder.file()), [&] { return now.load(); });
  for (int64_t i = 0; i < 100; ++i)
    writer.put(row_numbered(i));
  ASSERT_TRUE(writer.flush(kPatience));
  now = kHour + 86'400 + 61;
  ASSERT_TRUE(eventually([&] { return writer.status().retention.rows == 61; }))
      << writer.status().retention.rows;
  EXPECT_EQ(count_of(*opened({.url = folder.file(), .read_only = true}), "kpi_1s"), 39);
}

// Batches of `kWhole` rows that belong together: all of a second, or none.
constexpr int64_t kWhole = 200;

// In memory that the writer and its killer share: batches that were committed.
using Committed = std::atomic<uint64_t>;

[[noreturn]] void write_until_killed(const std::string& path, int64_t from, Committed& committed) {
  const Result<std::unique_ptr<Database>> database = open_database({.url = path});
  if (!database || !migrate(*database.value(), all_migrations(), kHour)) _exit(1);
  RowStore store;
  for (int64_t second = from;; ++second) {
    std::vector<WarehouseRow> rows;
    for (int64_t i = 0; i < kWhole; ++i)
      rows.emplace_back(
          row_at(Resolution::second, kHour + second, std::to_string(i), static_cast<uint64_t>(i)));
    if (!database.value()->begin() || !store.store(*database.value(), rows) || !database.value()->commit())
      _exit(2);
    committed.fetch_add(1);
  }
}

TEST(WarehouseWriter, BatchesAreWholeWhateverKillsTheirWriter) {
  const Folder folder;
  void* memory = mmap(nullptr, sizeof(Committed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Committed& committed = *new (memory) Committed(0);
  std::mt19937 random(31);
  for (int64_t round = 0; round < 20; ++round) {
    const uint64_t wanted = committed.load() + 1 + random() % 4;
    const pid_t writer = fork();
    if (writer == 0) write_until_killed(folder.file(), round * 1'000'000, committed);
    EXPECT_TRUE(eventually([&] { return committed.load() >= wanted; }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4'000));
    kill(writer, SIGKILL);
    int status = 0;
    waitpid(writer, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
  }
  const std::unique_ptr<Database> database = opened({.url = folder.file()});
  std::string check;
  expect_ok(database->query("PRAGMA integrity_check", {},
                            [&](const SqlRow& row) { return check = row.text(0), true; }, {}));
  EXPECT_EQ(check, "ok");
  int64_t seconds = 0;
  expect_ok(database->query("SELECT ts, count(*) FROM kpi_1s GROUP BY ts", {},
                            [&](const SqlRow& row) {
                              ++seconds;
                              EXPECT_EQ(row.integer(1), kWhole) << row.integer(0);
                              return true;
                            },
                            {}));
  // What was said to be committed is there; the last batch of a round may be too.
  EXPECT_GE(seconds, static_cast<int64_t>(committed.load()));
  EXPECT_LE(seconds, static_cast<int64_t>(committed.load()) + 20);
  munmap(memory, sizeof(Committed));
}

}  // namespace
}  // namespace shunt::insight
