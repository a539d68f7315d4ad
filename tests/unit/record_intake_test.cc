// Flow records on their way in: names for numbers, waiting for them, bounds; real shared memory; and what is
// kept of the last seconds.
#include "insight/watch/record_intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "insight/watch/recent_cells.h"
#include "insight/watch/recent_countries.h"
#include "insight/watch/shared_records.h"
#include "stats/record_segment.h"
#include "tests/unit/fake_shuntd.h"

namespace shunt::insight {
namespace {

using testing::ElementsAre;

NodeAnswers answers_of(const FakeShuntd& shuntd) {
  RawAnswers raw;
  raw.at_us = kStartUs;
  raw.status = shuntd.answer("/api/v1/status");
  raw.services = shuntd.answer("/api/v1/services");
  raw.backends = shuntd.answer("/api/v1/backends");
  raw.outcomes = shuntd.answer("/api/v1/outcomes");
  return parse_answers(raw).take();
}

class RecordIntakeTest : public testing::Test {
 protected:
  // Who the records that came were of: "web/a", "web".
  bool turn(int64_t us = 0) {
    return intake_.turn(kStartUs + us, [this](const RecordName& name, const FlowRecord&) {
      const SeriesName& series = name.backend != nullptr ? *name.backend->name : *name.service->name;
      taken_.push_back(series.node + ":" + series.service +
                       (series.is_service() ? "" : "/" + series.backend));
    });
  }

  FakeShuntd shuntd_ = small_shuntd();
  FakeRings rings_;
  RecordIntake intake_{"n1", std::make_unique<FakeRecords>(rings_)};
  std::vector<std::string> taken_;
};

TEST_F(RecordIntakeTest, RecordsGetTheNamesOfTheirNumbers) {
  intake_.update_names(answers_of(shuntd_));
  rings_.put(fake_record(kStartUs, 0));
  rings_.put(fake_record(kStartUs, 1));
  rings_.put(fake_record(kStartUs, 9, FlowOutcome::no_backend));  // whatever stands there: it has none
  rings_.put(fake_record(kStartUs, 9, FlowOutcome::shed));
  EXPECT_FALSE(turn());
  EXPECT_THAT(taken_, ElementsAre("n1:web/a", "n1:web/b", "n1:web", "n1:web"));
  EXPECT_EQ(intake_.tally().read, 4U);
  EXPECT_EQ(intake_.tally().unknown, 0U);
}

TEST_F(RecordIntakeTest, ARecordFromANewerConfigurationWaitsForItsName) {
  intake_.update_names(answers_of(shuntd_));
  rings_.generation = 8;
  rings_.put(fake_record(kStartUs, 0));
  rings_.put(fake_record(kStartUs, 2));
  rings_.put(fake_record(kStartUs, 0));
  EXPECT_TRUE(turn());
  EXPECT_THAT(taken_, ElementsAre("n1:web/a"));
  EXPECT_EQ(rings_.rings[0].waiting.size(), 2U);
  shuntd_.generation = 8;
  FakeBackend c = shuntd_.services[0].backends[0];
  c.name = "c";
  c.number = 2;
  shuntd_.services[0].backends.push_back(c);
  intake_.update_names(answers_of(shuntd_));
  EXPECT_FALSE(turn(200'000));
  EXPECT_THAT(taken_, ElementsAre("n1:web/a", "n1:web/c", "n1:web/a"));
}

TEST_F(RecordIntakeTest, ButNotForEver) {
  intake_.update_names(answers_of(shuntd_));
  rings_.generation = 8;
  rings_.put(fake_record(kStartUs, 2));
  FlowRecord nobody = fake_record(kStartUs, 0);
  nobody.service = 77;
  rings_.put(nobody);
  EXPECT_TRUE(turn(1'000'000));
  EXPECT_TRUE(turn(1'000'000 + RecordIntake::kPatienceUs - 1));
  EXPECT_TRUE(taken_.empty());
  EXPECT_FALSE(turn(1'000'000 + RecordIntake::kPatienceUs));
  EXPECT_THAT(taken_, ElementsAre("n1:web"));  // what is known of it
  EXPECT_EQ(intake_.tally().unknown, 2U);
  EXPECT_EQ(intake_.tally().read, 2U);
}

TEST_F(RecordIntakeTest, AnUnknownOneOfThisConfigurationIsCountedAtOnce) {
  intake_.update_names(answers_of(shuntd_));
  rings_.put(fake_record(kStartUs, 2));
  EXPECT_FALSE(turn());
  EXPECT_EQ(intake_.tally().unknown, 1U);
}

TEST_F(RecordIntakeTest, ANameStaysUntilItsNumberIsGivenToAnother) {
  intake_.update_names(answers_of(shuntd_));
  shuntd_.services[0].backends.pop_back();  // b is gone, its last flows end
  shuntd_.generation = rings_.generation = 8;
  intake_.update_names(answers_of(shuntd_));
  rings_.put(fake_record(kStartUs, 1));
  static_cast<void>(turn());
  FakeBackend c = shuntd_.services[0].backends[0];
  c.name = "c";
  c.number = 1;
  shuntd_.services[0].backends.push_back(c);
  shuntd_.generation = rings_.generation = 9;
  intake_.update_names(answers_of(shuntd_));
  rings_.put(fake_record(kStartUs, 1));
  static_cast<void>(turn());
  EXPECT_THAT(taken_, ElementsAre("n1:web/b", "n1:web/c"));
}

TEST_F(RecordIntakeTest, AnotherShuntdHasOtherNumbers) {
  intake_.update_names(answers_of(shuntd_));
  rings_.dropped = 3;
  EXPECT_FALSE(turn());
  rings_.attachments = 2;
  rings_.dropped = 1;
  rings_.put(fake_record(kStartUs, 0));
  EXPECT_TRUE(turn());  // wants names
  EXPECT_TRUE(taken_.empty());
  EXPECT_EQ(intake_.tally().dropped, 4U);
  shuntd_.started_s += 100;
  shuntd_.services[0].name = "mail";
  intake_.update_names(answers_of(shuntd_));
  EXPECT_FALSE(turn(100'000));
  EXPECT_THAT(taken_, ElementsAre("n1:mail/a"));
  EXPECT_EQ(intake_.counts().dropped, 4U);
  EXPECT_TRUE(intake_.counts().attached);
  rings_.attached = false;
  EXPECT_FALSE(turn(200'000));
  EXPECT_FALSE(intake_.counts().attached);
  EXPECT_EQ(intake_.counts().error, "not there");
}

TEST_F(RecordIntakeTest, ATurnHasABoundThatAllRingsShare) {
  intake_.update_names(answers_of(shuntd_));
  rings_.rings.resize(2);
  for (size_t i = 0; i < RecordIntake::kMostATurn; ++i) {
    rings_.put(fake_record(kStartUs, 0), 0);
    rings_.put(fake_record(kStartUs, 1), 1);
  }
  static_cast<void>(turn());
  EXPECT_EQ(taken_.size(), RecordIntake::kMostATurn);
  EXPECT_EQ(rings_.rings[0].waiting.size(), RecordIntake::kMostATurn / 2);
  EXPECT_EQ(rings_.rings[1].waiting.size(), RecordIntake::kMostATurn / 2);
  static_cast<void>(turn());
  EXPECT_EQ(taken_.size(), 2 * RecordIntake::kMostATurn);
}

TEST(RecordIntake, WithoutASourceThereIsNothing) {
  RecordIntake intake("n1", nullptr);
  EXPECT_FALSE(intake.turn(kStartUs, [](const RecordName&, const FlowRecord&) { FAIL(); }));
  EXPECT_FALSE(intake.counts().attached);
}

// Turns until `done`, serving the segment meanwhile; false after ten seconds.
template <typename Done>
bool turn_until(SharedRecords& records, RecordSegment* segment, const Done& done) {
  for (int i = 0; i < 1'000; ++i) {
    if (segment != nullptr) segment->serve();
    records.turn(kStartUs + i * kSecondUs);
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(SharedRecords, AreReadToTheirEndAndFoundAgain) {
  std::string folder = "/tmp/shunt-records-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  SharedRecords records(folder + "/records");
  EXPECT_TRUE(
      turn_until(records, nullptr, [&] { return records.error().ends_with("has this runtime_dir"); }));
  std::vector<FlowRecord> out(8);
  for (uint64_t round = 1; round <= 2; ++round) {
    auto made = RecordSegment::create(folder, 2, 64);
    ASSERT_TRUE(made.ok()) << made.error().text();
    auto segment = std::make_unique<RecordSegment>(made.take());
    ASSERT_TRUE(turn_until(records, segment.get(), [&] { return records.is_attached(); }));
    EXPECT_EQ(records.attachments(), round);
    EXPECT_EQ(records.rings(), 2U);
    EXPECT_EQ(records.error(), "");
    ASSERT_TRUE(segment->ring(1).push(fake_record(kStartUs, 1)));
    segment.reset();
    for (int i = 0; i < 20; ++i)  // what waits is read first
      records.turn(kStartUs + i * kSecondUs);
    ASSERT_TRUE(records.is_attached());
    ASSERT_EQ(records.copy(1, out), 1U);
    EXPECT_EQ(out[0].backend, 1);
    records.done(1, 1);
    EXPECT_TRUE(turn_until(records, nullptr, [&] { return !records.is_attached(); }));
  }
  EXPECT_EQ(records.rings(), 0U);
  EXPECT_EQ(records.copy(0, out), 0U);
  std::filesystem::remove_all(folder);
}

ClosedCell second_of(int64_t begin_s, uint64_t opened, const char* backend = "a") {
  ClosedCell cell;
  cell.begin_s = begin_s;
  cell.series = std::make_shared<const SeriesName>(SeriesName{"n", "web", "web", backend});
  cell.cell.counts[KpiCount::opened] = opened;
  return cell;
}

TEST(RecentCells, HoldTenSecondsOfEach) {
  RecentCells recent;
  const std::string key = second_of(0, 0).series->key();
  const auto sum = [&](int64_t from_s) {
    KpiCell cell;
    recent.add_to(cell, key, from_s);
    return cell.counts[KpiCount::opened];
  };
  for (int64_t second = 0; second < 15; ++second)
    recent.take(second_of(second, uint64_t{1} << static_cast<unsigned>(second)));
  EXPECT_EQ(sum(0), (1U << 15U) - (1U << 5U));
  EXPECT_EQ(sum(14), 1U << 14U);
  ClosedCell minute = second_of(15, 1'000'000);
  minute.resolution = Resolution::minute;
  recent.take(minute);
  recent.take(second_of(14, 7, "b"));
  EXPECT_EQ(sum(14), 1U << 14U);
  recent.advance(24);  // 14 and later
  EXPECT_EQ(sum(0), 1U << 14U);
  recent.advance(25);
  EXPECT_EQ(sum(0), 0U);
}

TEST(RecentCountries, AreRatesOfTheLastMinute) {
  const CountryCode de('D', 'E');
  const CountryCode fr('F', 'R');
  RecentCountries recent(kStartS);
  recent.take("web", de, 60, false);
  recent.take("web", fr, 1, true);
  EXPECT_TRUE(recent.rates().empty() || recent.rates()[0].flows == 0);  // the second goes on
  recent.advance(kStartS + 1);
  ASSERT_EQ(recent.rates().size(), 2U);
  EXPECT_EQ(recent.rates()[0].country, de);
  EXPECT_EQ(recent.rates()[0].flows, 60);  // of the one second that there is
  recent.advance(kStartS + 30);
  EXPECT_EQ(recent.rates()[0].flows, 2);
  EXPECT_EQ(recent.rates()[1].failures, 1.0 / 30);
  recent.take("mail", de, 120, false);
  recent.advance(kStartS + 60);
  EXPECT_EQ(recent.rates()[0].service, "mail");
  EXPECT_EQ(recent.rates()[0].flows, 2);
  EXPECT_EQ(recent.rates()[1].flows, 1);
  recent.advance(kStartS + 61);  // the first second is over
  ASSERT_EQ(recent.rates().size(), 1U);
  recent.advance(kStartS + 91);
  EXPECT_TRUE(recent.rates().empty());
  recent.take("web", de, 60, false);
  recent.advance(kStartS + 100'000);  // a jump
  EXPECT_TRUE(recent.rates().empty());
}

TEST(RecentCountries, BeyondTheBoundNobodyIsLost) {
  RecentCountries recent(kStartS);
  for (size_t i = 0; i < RecentCountries::kMostPairs; ++i)
    recent.take("s" + std::to_string(i), CountryCode('D', 'E'), 1, false);
  recent.take("s0", CountryCode('F', 'R'), 7, false);
  recent.advance(kStartS + 1);
  EXPECT_EQ(recent.rates()[0].flows, 7);
  EXPECT_EQ(recent.rates()[0].country, CountryCode{});
}

}  // namespace
}  // namespace shunt::insight
