// The scorer against the benchmark's published scores, and the detector's own score. They need the
// benchmark's files in $SHUNT_NAB, or in ../shared/nab beside the checkout.
#include "insight/detect/nab_score.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "insight/detect/detect_report.h"
#include "insight/detect/series_detector.h"
#include "insight/detect/two_fold.h"

namespace shunt {
namespace {

std::string nab_directory() {
  const char* given = std::getenv("SHUNT_NAB");
  return given != nullptr ? given : SHUNT_SOURCE_ROOT "/../shared/nab";
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, ',');)
    parts.push_back(part);
  return parts;
}

std::vector<std::vector<std::string>> table(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(read_text_file(path).take());
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    rows.push_back(fields(line));
  }
  return rows;
}

// Equal in all the digits that were printed, twelve of them.
void expect_printed(double ours, double published, const std::string& what) {
  EXPECT_NEAR(ours, published, 1e-10 * std::fmax(1.0, std::fabs(published))) << what;
}

class Nab : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(nab_directory())) return;
    corpus_ = new Result<NabCorpus>(read_nab_corpus(nab_directory()));
  }
  static void TearDownTestSuite() {
    delete corpus_;
    corpus_ = nullptr;
  }
  void SetUp() override {
    if (corpus_ == nullptr) GTEST_SKIP() << "no " << nab_directory() << ": the benchmark's files aren't here";
    ASSERT_TRUE(corpus_->ok()) << corpus_->error().text();
  }

  static const NabCorpus& corpus() { return corpus_->value(); }
  static size_t index_of(const std::string& name) {
    for (size_t k = 0; k < corpus().files.size(); ++k)
      if (corpus().files[k].series.name == name) return k;
    ADD_FAILURE() << "no file " << name;
    return 0;
  }
  static nlohmann::json published() {
    return nlohmann::json::parse(read_text_file(nab_directory() + "/results/final_results.json").take());
  }

  static Result<NabCorpus>* corpus_;
};
Result<NabCorpus>* Nab::corpus_ = nullptr;

TEST_F(Nab, IsAllThere) {
  EXPECT_EQ(corpus().files.size(), 58U);
  EXPECT_EQ(corpus().windows(), 116U);
  EXPECT_EQ(corpus().rows(), 365'558U);
  EXPECT_EQ(corpus().profile("reward_low_FP_rate").false_positive, 0.22);
  EXPECT_EQ(corpus().profile("reward_low_FN_rate").false_negative, 2.0);
}

// A detector that never fires has 0, one that fires at each window's first row 100.
TEST_F(Nab, BaselinesAreNullAndPerfect) {
  const NabScorer scorer(corpus());
  NabScores never;
  NabScores perfect;
  for (const NabFile& file : corpus().files) {
    never.emplace_back(file.series.size(), 0.0);
    perfect.push_back(never.back());
    for (const NabWindow& window : file.windows)
      perfect.back()[window.first] = 1;
  }
  for (const NabProfile& profile : corpus().profiles) {
    EXPECT_EQ(scorer.normalised(scorer.best_threshold(never, profile).score, profile), 0) << profile.name;
    EXPECT_DOUBLE_EQ(scorer.normalised(scorer.best_threshold(perfect, profile).score, profile), 100)
        << profile.name;
    EXPECT_EQ(published()["null"][profile.name].get<double>(), 0);
  }
}

// The sum of the published scores of each file is the published score: normalisation is right.
TEST_F(Nab, PublishedFilesAddUpToPublishedScores) {
  const NabScorer scorer(corpus());
  for (const char* detector : {"contextOSE", "windowedGaussian"}) {
    double sum = 0;
    size_t files = 0;
    for (const auto& row : table(nab_directory() + "/results/" + detector + "_standard_scores.csv"))
      if (row.size() == 10 && row[2].find('/') != std::string::npos) {
        sum += std::stod(row[4]);
        ++files;
      }
    EXPECT_EQ(files, 58U);
    const double score = scorer.normalised(sum, corpus().profile("standard"));
    // Twelve printed digits of each file.
    EXPECT_NEAR(score, published()[detector]["standard"].get<double>(), 1e-9) << detector;
  }
}

class Unpacked {
 public:
  Unpacked() {
    std::string name = (std::filesystem::temp_directory_path() / "shunt-nab-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return;
    path_ = name;
    const std::string command =
        "tar -xf '" + nab_directory() + "/results/windowedGaussian.tar.xz' -C '" + path_ + "'";
    unpacked_ = std::system(command.c_str()) == 0;
  }
  ~Unpacked() {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  bool ok() const { return unpacked_; }
  std::string folder() const { return path_ + "/windowedGaussian"; }

 private:
  std::string path_;
  bool unpacked_ = false;
};

NabScores raw_results(const NabCorpus& corpus, const std::string& folder) {
  NabScores scores;
  for (const NabFile& file : corpus.files) {
    const std::filesystem::path path(file.series.name);
    const auto rows =
        table(folder + "/" + path.parent_path().string() + "/windowedGaussian_" + path.filename().string());
    std::vector<double>& one = scores.emplace_back();
    for (size_t i = 1; i < rows.size(); ++i)
      one.push_back(std::stod(rows[i][2]));
    EXPECT_EQ(one.size(), file.series.size()) << file.series.name;
  }
  return scores;
}

// One published detector, row by row: every file's score and counts, the threshold that the sweep finds, and
// the totals of the three profiles are the published ones.
TEST_F(Nab, ScoresAPublishedDetectorAsPublished) {
  if (std::system("command -v xz > /dev/null") != 0) GTEST_SKIP() << "no xz to unpack the published results";
  const Unpacked raw;
  ASSERT_TRUE(raw.ok()) << "tar or xz failed";
  const NabScores scores = raw_results(corpus(), raw.folder());
  const NabScorer scorer(corpus());
  for (const NabProfile& profile : corpus().profiles) {
    const NabThreshold best = scorer.best_threshold(scores, profile);
    // To the last digit but one: they added up in another order.
    EXPECT_NEAR(scorer.normalised(best.score, profile),
                published()["windowedGaussian"][profile.name].get<double>(), 1e-10);
    size_t files = 0;
    for (const auto& row : table(raw.folder() + "/windowedGaussian_" + profile.name + "_scores.csv")) {
      if (row.size() != 10 || row[2].find('/') == std::string::npos) continue;
      ++files;
      const size_t k = index_of(row[2]);
      EXPECT_EQ(best.threshold, std::stod(row[3]));
      const NabFileScore ours = scorer.file_score(k, scores[k], best.threshold, profile);
      expect_printed(ours.score, std::stod(row[4]), profile.name + " " + row[2]);
      EXPECT_EQ(ours.true_positives, std::stoul(row[5])) << row[2];
      EXPECT_EQ(ours.true_negatives, std::stoul(row[6])) << row[2];
      EXPECT_EQ(ours.false_positives, std::stoul(row[7])) << row[2];
      EXPECT_EQ(ours.false_negatives, std::stoul(row[8])) << row[2];
    }
    EXPECT_EQ(files, 58U);
  }
}

// What docs/detection.md promises; its figures are a little higher.
TEST_F(Nab, OursScoresWhatTheDocsSay) {
  std::ostringstream out;
  ASSERT_TRUE(report_nab(nab_directory(), out).ok());
  std::map<std::string, double> said;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos && line[0] != ' ')
      said[line.substr(0, colon)] = std::strtod(line.c_str() + colon + 2, nullptr);
  }
  EXPECT_GE(said["standard"], 70.1) << out.str();
  EXPECT_GE(said["two-fold"], 68) << out.str();
  EXPECT_GE(said["standard at the detector's own threshold 0.012"], 70.1) << out.str();
  EXPECT_GT(said["reward_low_FP_rate"], 0);
  EXPECT_GT(said["reward_low_FN_rate"], 0);
  EXPECT_GT(said["us per point"], 0);
  EXPECT_LE(said["bytes per series"], 4096);
  RecordProperty("report", out.str());
}

// On every file of the benchmark: what a detector says of the first third doesn't change when the rest is
// another one.
TEST_F(Nab, NothingIsSeenBeforeItsTime) {
  for (const NabFile& file : corpus().files) {
    SeriesDetector whole;
    SeriesDetector part;
    const size_t third = file.series.size() / 3;
    std::vector<double> scores;
    for (size_t i = 0; i < file.series.size(); ++i)
      scores.push_back(whole.observe(file.series.time_s[i], file.series.value[i]).score);
    for (size_t i = 0; i < third; ++i)
      ASSERT_EQ(part.observe(file.series.time_s[i], file.series.value[i]).score, scores[i])
          << file.series.name << i;
    // A value beyond all others changes nothing behind it in time.
    part.observe(file.series.time_s[third], 1e12);
  }
}

}  // namespace
}  // namespace shunt
