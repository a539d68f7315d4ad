// The benchmark's rules on small made-up files, and its files when they are wrong.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "insight/detect/nab_score.h"
#include "insight/detect/two_fold.h"

namespace shunt {
namespace {

double sigma(double y) {
  return 2 / (1 + std::exp(5 * y)) - 1;
}

// 100 rows, of which 15 are probation; windows at 40 to 49 and 70 to 74.
NabCorpus small_corpus() {
  NabCorpus corpus;
  NabFile file;
  file.series.name = "made/up.csv";
  for (int i = 0; i < 100; ++i) {
    file.series.time_s.push_back(i * 300);
    file.series.value.push_back(i);
  }
  file.windows = {{40, 49}, {70, 74}};
  corpus.files.push_back(file);
  corpus.profiles = {NabProfile{"standard"}};
  return corpus;
}

NabScores firing(std::initializer_list<size_t> rows) {
  std::vector<double> scores(100, 0.0);
  for (const size_t row : rows)
    scores[row] = 1;
  return {scores};
}

TEST(NabRules, ProbationIsFifteenPerCentButNeverOver750) {
  EXPECT_EQ(nab_probation(100), 15U);
  EXPECT_EQ(nab_probation(4'032), 604U);
  EXPECT_EQ(nab_probation(5'000), 750U);
  EXPECT_EQ(nab_probation(22'695), 750U);
}

TEST(NabRules, RowsOfProbationCountForNothing) {
  const NabCorpus corpus = small_corpus();
  const NabFileScore score = NabScorer(corpus).file_score(0, firing({0, 14})[0], 0.5, corpus.profiles[0]);
  EXPECT_EQ(score.score, -2);
  EXPECT_EQ(score.false_positives, 0U);
  EXPECT_EQ(score.true_negatives + score.false_negatives, 85U);
}

TEST(NabRules, AWindowCountsOnceByItsEarliestRow) {
  const NabCorpus corpus = small_corpus();
  const NabScorer scorer(corpus);
  EXPECT_DOUBLE_EQ(scorer.file_score(0, firing({40})[0], 0.5, corpus.profiles[0]).score, 1 - 1);
  EXPECT_DOUBLE_EQ(scorer.file_score(0, firing({40, 41, 49})[0], 0.5, corpus.profiles[0]).score, 1 - 1);
  // Its last row: one tenth of its width before the end.
  EXPECT_DOUBLE_EQ(scorer.file_score(0, firing({49})[0], 0.5, corpus.profiles[0]).score,
                   sigma(-0.1) / sigma(-1) - 1);
}

TEST(NabRules, AFalseAlarmCostsByItsDistanceBehindTheLastWindow) {
  const NabCorpus corpus = small_corpus();
  const NabScorer scorer(corpus);
  const auto cost = [&](size_t row) {
    return scorer.file_score(0, firing({row})[0], 0.5, corpus.profiles[0]).score + 2;
  };
  EXPECT_NEAR(cost(20), -0.11, 1e-12);  // no window before
  EXPECT_NEAR(cost(50), 0.11 * sigma(1.0 / 9), 1e-12);
  EXPECT_NEAR(cost(58), 0.11 * sigma(1.0), 1e-12);
  EXPECT_NEAR(cost(76), 0.11 * sigma(2.0 / 4), 1e-12);
  EXPECT_NEAR(cost(99), -0.11, 1e-12);  // more than three widths
}

TEST(NabRules, TheSweepTakesTheBestThreshold) {
  const NabCorpus corpus = small_corpus();
  const NabScorer scorer(corpus);
  NabScores scores = firing({});
  scores[0][40] = 0.9;  // a window
  scores[0][20] = 0.8;  // costs 0.11
  scores[0][70] = 0.7;  // a window, worth it
  scores[0][99] = 0.6;  // costs again
  const NabThreshold best = scorer.best_threshold(scores, corpus.profiles[0]);
  EXPECT_EQ(best.threshold, 0.7);
  EXPECT_DOUBLE_EQ(best.score, 2 - 0.11);
  EXPECT_DOUBLE_EQ(best.score, scorer.raw_score(scores, best.threshold, corpus.profiles[0]));
  EXPECT_DOUBLE_EQ(scorer.normalised(best.score, corpus.profiles[0]), 100 * (4 - 0.11) / 4);
}

TEST(NabRules, FoldsHangOnNamesAlone) {
  size_t ones = 0;
  for (int i = 0; i < 1'000; ++i)
    ones += fold_of("file_" + std::to_string(i) + ".csv");
  EXPECT_GT(ones, 400U);
  EXPECT_LT(ones, 600U);
  EXPECT_EQ(fold_of("realTweets/Twitter_volume_AAPL.csv"), fold_of("realTweets/Twitter_volume_AAPL.csv"));
}

class NabFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "shunt-nab-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
    put("config/profiles.json",
        R"({"standard": {"CostMatrix": {"tpWeight": 1, "fnWeight": 1, "fpWeight": 0.11}}})");
    put("labels/combined_windows.json",
        R"({"a/b.csv": [["2014-04-01 00:05:00.000000", "2014-04-01 00:10:00.000000"]]})");
    put("data/a/b.csv",
        "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,2\n2014-04-01 00:10:00,3\n");
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = path_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string error() const {
    const auto corpus = read_nab_corpus(path_);
    return corpus ? "" : corpus.error().text().substr(path_.size());
  }

  std::string path_;
};

TEST_F(NabFolder, IsRead) {
  const auto corpus = read_nab_corpus(path_);
  ASSERT_TRUE(corpus.ok()) << corpus.error().text();
  ASSERT_EQ(corpus.value().files.size(), 1U);
  EXPECT_EQ(corpus.value().files[0].windows[0].first, 1U);
  EXPECT_EQ(corpus.value().files[0].windows[0].last, 2U);
}

TEST_F(NabFolder, SaysWhatIsWrongAndWhere) {
  put("data/a/b.csv", "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,many\n");
  EXPECT_EQ(error(), "/data/a/b.csv:3: not a number: 'many'");
  put("data/a/b.csv", "timestamp,value\n2014-04-01 00:00:00,1\n");
  EXPECT_EQ(error(),
            "/labels/combined_windows.json: a/b.csv: no rows for "
            "[\"2014-04-01 00:05:00.000000\",\"2014-04-01 00:10:00.000000\"]");
  put("labels/combined_windows.json", "[");
  EXPECT_EQ(error(), "/labels/combined_windows.json: not a JSON object");
  put("labels/combined_windows.json", "{}");
  EXPECT_EQ(error(), "/labels/combined_windows.json: names no file");
  put("labels/combined_windows.json", R"({"c.csv": []})");
  EXPECT_EQ(error(), "/data/c.csv: can't be read");
}

TEST_F(NabFolder, NeedsWholeProfiles) {
  put("config/profiles.json", R"({"standard": {"CostMatrix": {"tpWeight": 1}}})");
  EXPECT_EQ(error(), "/config/profiles.json: standard: no fnWeight");
}

}  // namespace
}  // namespace shunt
