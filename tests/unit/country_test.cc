// Countries: every address of a file against a linear search in it; lines that are wrong; flows by country.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "insight/kpi/client_counts.h"
#include "insight/kpi/country_table.h"
#include "stats/outcome.h"

namespace shunt::insight {
namespace {

constexpr const char* kIpv4 =
    "# a "
    "comment\n16777216,16777471,AU\n16777472,16778239,CN\n16909056,16909311,DE\n4294967040,4294967295,??\n";
constexpr const char* kIpv6 =
    "2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,NL\n2001:db9::,2001:db9::ff,FR\n";

std::string of(const CountryTable& table, const char* address) {
  return std::string(table.of(IpAddress::parse(address).value()).text());
}

TEST(CountryTable, KnowsTheEndsOfEachRangeAndWhatLiesBetween) {
  const Result<CountryTable> table = CountryTable::parse("v4", kIpv4, "v6", kIpv6);
  ASSERT_TRUE(table.ok()) << table.error().text();
  EXPECT_EQ(of(table.value(), "0.0.0.0"), "??");
  EXPECT_EQ(of(table.value(), "0.255.255.255"), "??");
  EXPECT_EQ(of(table.value(), "1.0.0.0"), "AU");
  EXPECT_EQ(of(table.value(), "1.0.0.255"), "AU");
  EXPECT_EQ(of(table.value(), "1.0.1.0"), "CN");
  EXPECT_EQ(of(table.value(), "1.0.4.0"), "??");
  EXPECT_EQ(of(table.value(), "1.2.3.77"), "DE");
  EXPECT_EQ(of(table.value(), "1.2.4.0"), "??");
  EXPECT_EQ(of(table.value(), "255.255.255.255"), "??");
  EXPECT_EQ(of(table.value(), "2001:db8::1"), "NL");
  EXPECT_EQ(of(table.value(), "2001:db8:1::"), "??");
  EXPECT_EQ(of(table.value(), "2001:db9::ff"), "FR");
  EXPECT_EQ(of(table.value(), "2001:db9::100"), "??");
  EXPECT_EQ(of(table.value(), "::"), "??");
}

TEST(CountryTable, RefusesWhatItDoesNotUnderstandWithItsLine) {
  const auto error_of = [](const std::string& ipv4, const std::string& ipv6) {
    const Result<CountryTable> table = CountryTable::parse("v4", ipv4, "v6", ipv6);
    return table.ok() ? std::string("none") : table.error().text();
  };
  EXPECT_EQ(error_of("1,2,DE\n2,3,FR\n", kIpv6), "v4:2: overlaps the range before it, or isn't in order");
  EXPECT_EQ(error_of("9,10,DE\n2,3,FR\n", kIpv6), "v4:2: overlaps the range before it, or isn't in order");
  EXPECT_EQ(error_of("0,4294967295,DE\n2,3,FR\n", kIpv6),
            "v4:2: overlaps the range before it, or isn't in order");
  for (const char* wrong :
       {"3,2,DE", "a,2,DE", "1,2", "1,2,D", "1,2,DEU", "1,2,d\"", "1,4294967296,DE", "-1,2,DE", ","})
    EXPECT_EQ(error_of(wrong, kIpv6), "v4:1: is not LOW,HIGH,COUNTRY") << wrong;
  EXPECT_EQ(error_of(kIpv4, "\n1.2.3.4,1.2.3.5,DE\n"), "v6:2: is not LOW,HIGH,COUNTRY");
  EXPECT_EQ(error_of("# nothing\n", kIpv6), "v4: has no ranges");
  EXPECT_FALSE(CountryTable::load("/nonexistent", "/nonexistent").ok());
}

// The file's lines, kept as they are.
struct Line {
  IpAddress low;
  IpAddress high;
  std::string code;
};

std::vector<Line> lines_of(const char* path, bool is_v4) {
  std::vector<Line> lines;
  std::ifstream file(path);
  const auto read = [is_v4](const std::string& text) {
    return is_v4 ? IpAddress::v4(be32(static_cast<uint32_t>(std::stoul(text))))
                 : IpAddress::parse(text).value();
  };
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream parts(text);
    std::string low;
    std::string high;
    std::string code;
    std::getline(parts, low, ',');
    std::getline(parts, high, ',');
    std::getline(parts, code, ',');
    lines.push_back({read(low), read(high), code});
  }
  return lines;
}

std::string linear(const std::vector<Line>& lines, const IpAddress& address) {
  for (const Line& line : lines) {
    if (line.low.bytes() <= address.bytes() && address.bytes() <= line.high.bytes()) return line.code;
  }
  return "??";
}

class CountryFiles : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Families, CountryFiles, testing::Values(true, false),
                         [](const auto& given) { return given.param ? "ipv4" : "ipv6"; });

TEST_P(CountryFiles, GiveTheSameAsALinearSearch) {
  const char* path = GetParam() ? CountryTable::kIpv4File : CountryTable::kIpv6File;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the package tor-geoipdb isn't there";
  const Result<CountryTable> table = CountryTable::load();
  ASSERT_TRUE(table.ok()) << table.error().text();
  const std::vector<Line> lines = lines_of(path, GetParam());
  ASSERT_GT(lines.size(), 100'000U);
  // The ends of every range, and their neighbours where those belong to none.
  for (size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(table.value().of(lines[i].low).text(), lines[i].code) << lines[i].low.text();
    ASSERT_EQ(table.value().of(lines[i].high).text(), lines[i].code) << lines[i].high.text();
  }
  std::mt19937_64 random(23);
  for (int i = 0; i < 60; ++i) {
    std::array<uint8_t, 16> bytes{};
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(random());
    // Most of 2000::/3 is empty: begin with what a range has.
    if (!GetParam() && i % 2 == 0)
      std::copy_n(lines[random() % lines.size()].low.bytes().begin(), 5, bytes.begin());
    const IpAddress address =
        GetParam() ? IpAddress::v4(load<be32>(bytes.data())) : IpAddress::v6(bytes.data());
    ASSERT_EQ(table.value().of(address).text(), linear(lines, address)) << address.text();
  }
}

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kBegin = 28'000'000 * kMinuteUs;

FlowRecord record_of(const char* client, int64_t ended_us, FlowOutcome outcome) {
  FlowRecord record;
  record.set_client(IpAddress::parse(client).value(), 1000);
  record.ended_us = static_cast<uint64_t>(ended_us);
  record.outcome = static_cast<uint8_t>(outcome);
  return record;
}

TEST(ClientCounts, CountCountriesClientsAndPrefixesByTheMinute) {
  const Result<CountryTable> table = CountryTable::parse("v4", kIpv4, "v6", kIpv6);
  std::vector<ClientMinute> minutes;
  ClientCounts counts({}, &table.value(), kBegin,
                      [&](ClientMinute&& minute) { minutes.push_back(std::move(minute)); });
  const SeriesName name{"lb1", "web", "web", "a"};
  for (int i = 0; i < 10; ++i)
    counts.take(name, record_of("1.0.0.7", kBegin + 5, FlowOutcome::closed), 64);
  counts.take(name, record_of("1.2.3.9", kBegin + 6, FlowOutcome::syn_timeout), 64);
  counts.take(name, record_of("2001:db8::5", kBegin + kMinuteUs + 6, FlowOutcome::closed), 1);
  counts.take(name, record_of("1.2.3.9", kBegin - 1, FlowOutcome::closed), 1);
  counts.take(name, record_of("1.2.3.9", kBegin + 3 * kMinuteUs, FlowOutcome::closed), 1);
  counts.take(name, FlowRecord{}, 1);
  counts.advance(kBegin + kMinuteUs + 1'999'999);
  EXPECT_TRUE(minutes.empty()) << "late ones may come";
  counts.advance(kBegin + kMinuteUs + 2'000'000);
  ASSERT_EQ(minutes.size(), 1U);
  EXPECT_EQ(minutes[0].begin_s, kBegin / 1'000'000);
  EXPECT_EQ(*minutes[0].service, (SeriesName{"lb1", "web", "", ""}));
  ASSERT_EQ(minutes[0].countries.size(), 2U);
  EXPECT_EQ((minutes[0].countries[{'A', 'U'}].flows), 640U);
  EXPECT_EQ((minutes[0].countries[{'D', 'E'}].flows), 1U);
  EXPECT_EQ((minutes[0].countries[{'D', 'E'}].failures), 1U);
  EXPECT_NEAR(minutes[0].clients.estimate(), 2, 0.1);
  EXPECT_EQ(minutes[0].top, (std::vector<HeavyHitter>{{"1.0.0.0/24", 640, 0}, {"1.2.3.0/24", 1, 0}}));
  counts.advance(kBegin + 10 * kMinuteUs);
  ASSERT_EQ(minutes.size(), 2U);
  EXPECT_EQ((minutes[1].countries[{'N', 'L'}].flows), 1U);
  EXPECT_EQ(minutes[1].top.at(0).name, "2001:db8::/48");
  EXPECT_EQ(counts.tally().records, 15U);
  EXPECT_EQ(counts.tally().late, 2U);
  EXPECT_EQ(counts.tally().unknown_client, 1U);
}

TEST(ClientCounts, HaveABound) {
  std::vector<ClientMinute> minutes;
  ClientCounts counts({.max_services = 2, .lateness_s = 2}, nullptr, kBegin,
                      [&](ClientMinute&& minute) { minutes.push_back(std::move(minute)); });
  for (int i = 0; i < 5; ++i)
    counts.take({"lb1", std::to_string(i), "", ""}, record_of("1.0.0.7", kBegin, FlowOutcome::closed), 1);
  EXPECT_EQ(counts.tally().passed_over, 3U);
  counts.advance(kBegin + 2 * kMinuteUs);
  ASSERT_EQ(minutes.size(), 2U);
  EXPECT_EQ(minutes[0].countries.begin()->first.text(), "??");
}

}  // namespace
}  // namespace shunt::insight
