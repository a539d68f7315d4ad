#include "insight/detect/time_series.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "insight/detect/detect_report.h"

namespace shunt {
namespace {

std::string error(std::string_view text) {
  const auto series = parse_time_series("x.csv", text);
  return series ? "" : series.error().text();
}

TEST(Timestamp, IsReadAndWritten) {
  EXPECT_EQ(parse_timestamp("1970-01-01 00:00:00"), 0);
  EXPECT_EQ(parse_timestamp("2014-04-01 00:05:07"), 1'396'310'707);
  EXPECT_EQ(parse_timestamp("2014-04-01T00:05:07Z"), 1'396'310'707);
  EXPECT_EQ(parse_timestamp("2014-04-01 00:05:07.000000"), 1'396'310'707);
  EXPECT_EQ(parse_timestamp("1396310707"), 1'396'310'707);
  EXPECT_EQ(timestamp_text(1'396'310'707), "2014-04-01 00:05:07");
}

TEST(Timestamp, IsRefused) {
  for (const char* text :
       {"", "x", "2014-04-31 00:00:00", "2014-13-01 00:00:00", "2014-04-01", "2014-04-01 24:00:00",
        "2014-04-01 00:60:00", "2014-04-01 00:00:0x", "2014-04-01 00:00:00 ", "-1", "9999999999999999",
        "2014-04-01 00:00:00.5x", "2014-04-01 00:00:-1"})
    EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(TimeSeries, ReadsRows) {
  const auto series = parse_time_series(
      "x.csv", "timestamp,value\r\n2014-04-01 00:00:00,1.5\r\n\n2014-04-01 00:05:00, -2e3 ,0.7\n");
  ASSERT_TRUE(series.ok()) << series.error().text();
  EXPECT_EQ(series.value().value, (std::vector<double>{1.5, -2000}));
  EXPECT_EQ(series.value().time_s[1] - series.value().time_s[0], 300);
}

TEST(TimeSeries, SaysFileAndLineOfWhatIsWrong) {
  EXPECT_EQ(error(""), "x.csv:0: no rows");
  EXPECT_EQ(error("timestamp,value\n"), "x.csv:1: no rows");
  EXPECT_EQ(error("0,1\nnonsense\n"), "x.csv:2: no comma: 'nonsense'");
  EXPECT_EQ(error("0,1\ntoday,1\n"),
            "x.csv:2: not a time: 'today' (2014-04-01 00:00:00, or seconds since 1970)");
  EXPECT_EQ(error("0,1\n1,\n"), "x.csv:2: not a number: ''");
  EXPECT_EQ(error("0,1\n1,1e999\n"), "x.csv:2: not a number: '1e999'");
  EXPECT_EQ(error("0,nan\n"), "x.csv:1: not a finite number: 'nan'");
  EXPECT_EQ(error("0,inf\n"), "x.csv:1: not a finite number: 'inf'");
  EXPECT_EQ(error("0,\x01\x7f\n"), "x.csv:1: not a number: '\?\?'");
}

TEST(TimeSeries, IsNotThere) {
  std::ostringstream out;
  const auto result = report_csv("/nonexistent.csv", out);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().text(), "/nonexistent.csv: can't be read");
  EXPECT_EQ(out.str(), "");
}

// Six hundred calm rows, one that is far out, and calm ones again: a row for each, and one alarm that says
// why.
TEST(TimeSeries, IsReportedRowByRow) {
  char path[] = "/tmp/shunt-csv-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  constexpr int kOdd = 600;
  {
    std::ofstream file(path);
    file << "timestamp,value\n";
    for (int i = 0; i < 700; ++i)
      file << timestamp_text(1'396'310'400 + i * 300) << ',' << (i == kOdd ? 90 : 10 + i * 7 % 5) << '\n';
  }
  std::ostringstream out;
  const auto result = report_csv(path, out);
  unlink(path);
  ASSERT_TRUE(result.ok()) << result.error().text();
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "timestamp,value,score,threshold,alarm,expert,reason");
  std::vector<std::string> alarms;
  int rows = 0;
  for (; std::getline(lines, line); ++rows) {
    EXPECT_TRUE(line.starts_with(timestamp_text(1'396'310'400 + rows * 300) + ",")) << line;
    if (line.find(",1,") != std::string::npos) alarms.push_back(line);
  }
  EXPECT_EQ(rows, 700);
  ASSERT_EQ(alarms.size(), 1U) << testing::PrintToString(alarms);
  EXPECT_TRUE(alarms[0].starts_with("2014-04-03 02:00:00,90,")) << alarms[0];
  EXPECT_TRUE(alarms[0].ends_with("\"")) << "a reason in words: " << alarms[0];
}

}  // namespace
}  // namespace shunt
