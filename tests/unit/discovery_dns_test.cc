// DNS discovery against a server in process: addresses, SRV, aliases, TTLs, cut-off answers, negative ones,
// garbage.
#include "control/discovery_dns.h"

#include <gmock/gmock.h>

#include <random>

#include "http/name_resolver.h"
#include "tests/unit/discovery_bed.h"

namespace shunt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string be(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i)
    text += static_cast<char>(value >> (8 * i) & 255U);
  return text;
}

// "web.test" as labels.
std::string wire_name(const std::string& name) {
  std::string wire;
  for (size_t at = 0; at < name.size();) {
    const size_t dot = std::min(name.find('.', at), name.size());
    wire += static_cast<char>(dot - at);
    wire += name.substr(at, dot - at);
    at = dot + 1;
  }
  return wire + '\0';
}

struct Record {
  std::string name;
  uint16_t type;
  uint32_t ttl;
  std::string data;

  std::string wire() const {
    return wire_name(name) + be(type, 2) + be(1, 2) + be(ttl, 4) + be(static_cast<uint32_t>(data.size()), 2) +
           data;
  }
};

Record a(const std::string& name, uint32_t ttl, const char* address) {
  return {name, 1, ttl, std::string(reinterpret_cast<const char*>(IpAddress::parse(address)->wire()), 4)};
}
Record aaaa(const std::string& name, uint32_t ttl, const char* address) {
  return {name, 28, ttl, std::string(reinterpret_cast<const char*>(IpAddress::parse(address)->wire()), 16)};
}
Record srv(const std::string& name, uint32_t ttl, uint16_t priority, uint16_t weight, uint16_t port,
           const std::string& target) {
  return {name, 33, ttl, be(priority, 2) + be(weight, 2) + be(port, 2) + wire_name(target)};
}
Record cname(const std::string& name, uint32_t ttl, const std::string& target) {
  return {name, 5, ttl, wire_name(target)};
}

// RFC 1035 4.1: the question's id and question section, then the answers.
std::string reply(const std::string& question, const std::vector<Record>& records, unsigned rcode = 0,
                  bool cut = false) {
  size_t end = 12;
  while (end < question.size() && question[end] != 0)
    end += static_cast<unsigned char>(question[end]) + 1U;
  end += 5;
  std::string text = question.substr(0, 2) + be(0x8180U | (cut ? 0x200U : 0U) | rcode, 2) + be(1, 2) +
                     be(static_cast<uint32_t>(records.size()), 2) + be(0, 4) + question.substr(12, end - 12);
  for (const Record& record : records)
    text += record.wire();
  return text;
}
uint16_t type_of(const std::string& question) {
  size_t end = 12;
  while (question[end] != 0)
    end += static_cast<unsigned char>(question[end]) + 1U;
  return static_cast<uint16_t>(static_cast<unsigned char>(question[end + 1]) << 8U |
                               static_cast<unsigned char>(question[end + 2]));
}
bool asks(const std::string& question, const std::string& name) {
  return question.find(wire_name(name)) != std::string::npos;
}

struct DnsDiscoveryTest : ::testing::Test, testing::DiscoveryBed {
  DnsDiscoveryTest() {
    config.type = DiscoveryType::dns;
    config.name = "web.test";
    config.servers = {server.address()};
    config.timeout = milliseconds(5'000);
    config.min_ttl = milliseconds(100);
  }
  // Records of the name and type that is asked for.
  std::string from_zone(const std::string& question) const {
    std::vector<Record> found;
    for (const Record& record : zone) {
      if (asks(question, record.name) && (record.type == type_of(question) || record.type == 5))
        found.push_back(record);
    }
    return reply(question, found, found.empty() ? 3 : 0);
  }

  std::vector<Record> zone;
  std::function<std::string(const std::string&, bool)> answer = [this](const std::string& question, bool) {
    return from_zone(question);
  };
  int questions = 0;
  testing::ScriptedDns server{io, [this](const std::string& question, bool tcp) {
                                ++questions;
                                return answer(question, tcp);
                              }};
  DiscoveryConfig config;
};

TEST_F(DnsDiscoveryTest, BothFamilies) {
  zone = {a("web.test", 60, "10.0.0.1"), a("web.test", 60, "10.0.0.2"), aaaa("web.test", 60, "2001:db8::1")};
  config.port = 80;
  start(config);
  EXPECT_TRUE(run_until_lines(
      {"10.0.0.1:80 10.0.0.1 80 1", "10.0.0.2:80 10.0.0.2 80 1", "2001:db8::1-80 2001:db8::1 80 1"}));
}

TEST_F(DnsDiscoveryTest, OneFamilyAsksOnce) {
  zone = {a("web.test", 60, "10.0.0.1"), aaaa("web.test", 60, "2001:db8::1")};
  config.record = DnsRecords::aaaa;
  start(config);
  EXPECT_TRUE(run_until_lines({"2001:db8::1 2001:db8::1 0 1"}));
  EXPECT_EQ(questions, 1);
}

TEST_F(DnsDiscoveryTest, SrvIsTheLowestPriorityWithWeightsAndPorts) {
  zone = {srv("web.test", 60, 10, 5, 8080, "a.test"),
          srv("web.test", 60, 10, 0, 8081, "b.test"),
          srv("web.test", 60, 20, 9, 8082, "c.test"),
          a("a.test", 60, "10.0.0.1"),
          a("b.test", 60, "10.0.0.2"),
          aaaa("b.test", 60, "2001:db8::2"),
          a("c.test", 60, "10.0.0.3")};
  config.record = DnsRecords::srv;
  start(config);
  EXPECT_TRUE(run_until_lines({"10.0.0.1:8080 10.0.0.1 8080 5", "10.0.0.2:8081 10.0.0.2 8081 1",
                               "2001:db8::2-8081 2001:db8::2 8081 1"}));
}

TEST_F(DnsDiscoveryTest, SrvTargetsWithoutAddressAreSkipped) {
  zone = {srv("web.test", 60, 1, 1, 80, "a.test"), srv("web.test", 60, 1, 1, 80, "none.test"),
          srv("web.test", 60, 1, 1, 0, "a.test"), a("a.test", 60, "10.0.0.1")};
  config.record = DnsRecords::srv;
  start(config);
  ASSERT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1"}));
  EXPECT_THAT(
      answers[0].value().skipped,
      ::testing::UnorderedElementsAre(HasSubstr("none.test: has no address"), HasSubstr("its port is 0")));
}

// RFC 2782: a target of "." says that the service isn't there.
TEST_F(DnsDiscoveryTest, SrvOfNobody) {
  zone = {srv("web.test", 60, 0, 0, 0, "")};
  config.record = DnsRecords::srv;
  start(config);
  EXPECT_TRUE(run_until_lines({}));
}

TEST_F(DnsDiscoveryTest, TtlIsWaitedFor) {
  zone = {a("web.test", 0, "10.0.0.1")};  // 0: as soon as min_ttl lets it
  start(config);
  ASSERT_TRUE(run_answers(3));
  zone = {a("web.test", 0x80000000U, "10.0.0.2")};  // RFC 2181 8: counts as 0
  ASSERT_TRUE(run_until_lines({"10.0.0.2 10.0.0.2 0 1"}));
  const size_t before = answers.size();
  ASSERT_TRUE(run_answers(before + 2));
  zone = {a("web.test", 3'600, "10.0.0.3")};
  ASSERT_TRUE(run_until_lines({"10.0.0.3 10.0.0.3 0 1"}));
  const size_t last = answers.size();
  io.run_for(std::chrono::milliseconds(400));
  EXPECT_EQ(answers.size(), last);
}

TEST_F(DnsDiscoveryTest, MaxTtlBoundsIt) {
  zone = {a("web.test", 86'400, "10.0.0.1")};
  config.max_ttl = milliseconds(200);
  start(config);
  EXPECT_TRUE(run_answers(3));
}

TEST_F(DnsDiscoveryTest, AnAliasCountsAndItsTtlToo) {
  zone = {cname("web.test", 0, "real.test")};
  answer = [](const std::string& question, bool) {
    return reply(question, {cname("WEB.test", 0, "real.test"), a("real.test", 3'600, "10.0.0.1"),
                            a("evil.test", 3'600, "10.9.9.9")});
  };
  config.record = DnsRecords::a;
  start(config);
  ASSERT_TRUE(run_answers(2));  // by the alias's TTL of 0
  EXPECT_EQ(newest(), Lines{"10.0.0.1 10.0.0.1 0 1"});
}

TEST_F(DnsDiscoveryTest, WhatIsCutOffComesByTcp) {
  bool by_tcp = false;
  answer = [&](const std::string& question, bool tcp) {
    by_tcp = by_tcp || tcp;
    std::vector<Record> records;
    for (int i = 1; tcp && i <= 200; ++i)
      records.push_back(a("web.test", 60, ("10.0.1." + std::to_string(i)).c_str()));
    return reply(question, records, 0, !tcp);
  };
  config.record = DnsRecords::a;
  start(config);
  ASSERT_TRUE(run_answers(1));
  ASSERT_TRUE(answers[0]) << error();
  EXPECT_TRUE(by_tcp);
  EXPECT_EQ(newest().size(), 200U);
}

TEST_F(DnsDiscoveryTest, ANameThatIsGoneIsAnEmptyAnswer) {
  start(config);
  ASSERT_TRUE(run_until_lines({}));
  EXPECT_THAT(answers[0].value().skipped, ElementsAre("web.test: has no address"));
}

TEST_F(DnsDiscoveryTest, AServerThatFailsIsAnErrorAndAskedAgain) {
  answer = [](const std::string& question, bool) { return reply(question, {}, 2); };
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("web.test"));
  zone = {a("web.test", 60, "10.0.0.1")};
  answer = [this](const std::string& question, bool) { return from_zone(question); };
  EXPECT_TRUE(run_until_lines({"10.0.0.1 10.0.0.1 0 1"}));
}

// One half of the question without an answer: the round counts for nothing.
TEST_F(DnsDiscoveryTest, HalfARoundIsNoAnswer) {
  answer = [](const std::string& question, bool) {
    return type_of(question) == 1 ? reply(question, {a("web.test", 60, "10.0.0.1")}) : reply(question, {}, 2);
  };
  start(config);
  EXPECT_TRUE(run_answers(1));
  EXPECT_FALSE(answers[0]);
}

TEST_F(DnsDiscoveryTest, SilenceTimesOut) {
  answer = [](const std::string&, bool) { return std::string(); };
  config.timeout = milliseconds(140);
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("Timeout"));
}

TEST_F(DnsDiscoveryTest, EndsWhileItWaits) {
  answer = [](const std::string&, bool) { return std::string(); };
  start(config);
  ASSERT_TRUE(run_until([&] { return questions > 0; }));
  source.reset();
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_THAT(answers, IsEmpty());
}

std::string question_for(const std::string& name, uint16_t type) {
  return be(7, 2) + be(0x100, 2) + be(1, 2) + be(0, 6) + wire_name(name) + be(type, 2) + be(1, 2);
}

Result<NameRecords> parse(const std::string& message, RecordType type) {
  return parse_name_records(reinterpret_cast<const uint8_t*>(message.data()), message.size(), "web.test",
                            type);
}

TEST(DnsMessage, MalformedRecordsAreNoAnswer) {
  const std::string question = question_for("web.test", 1);
  EXPECT_FALSE(parse(reply(question, {{"web.test", 1, 60, "abc"}}), RecordType::a));  // 3 bytes of address
  EXPECT_FALSE(parse(reply(question, {{"web.test", 28, 60, "abcd"}}), RecordType::aaaa));
  EXPECT_FALSE(parse(reply(question, {{"web.test", 33, 60, "abcdef"}}), RecordType::srv));  // no target
  // Targets that are pointers to anywhere in the message, themselves among them: a name, or malformed;
  // nothing hangs.
  for (unsigned at = 0; at < 64; ++at) {
    const std::string target = be(0, 6) + std::string{'\xc0', static_cast<char>(at)};
    const auto parsed = parse(reply(question, {{"web.test", 33, 60, target}}), RecordType::srv);
    if (parsed) {
      EXPECT_EQ(parsed.value().services.size(), 1U);
    }
  }
  const std::string good = reply(question, {a("web.test", 60, "10.0.0.1")});
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse(good.substr(0, size), RecordType::a)) << size;
  EXPECT_TRUE(parse(good, RecordType::a));
}

TEST(DnsMessage, APointerToItselfIsMalformed) {
  const std::string question = question_for("web.test", 33);
  const std::string before = reply(question, {});
  // The record's name is a pointer to itself.
  std::string message = before + std::string{'\xc0', static_cast<char>(before.size())} + be(33, 2) +
                        be(1, 2) + be(60, 4) + be(0, 2);
  message[7] = 1;
  EXPECT_FALSE(parse(message, RecordType::srv));
}

TEST(DnsMessage, GarbageIsNoAnswer) {
  std::mt19937_64 random(7);
  const std::string good = reply(question_for("web.test", 33),
                                 {srv("web.test", 60, 1, 2, 3, "a.test"), cname("web.test", 60, "b.test")});
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int k = 0; k < 3; ++k)
      bad[random() % bad.size()] = static_cast<char>(random());
    const auto parsed = parse(bad, RecordType::srv);
    if (parsed) {
      EXPECT_LE(parsed.value().services.size(), 2U);
    }
  }
}

TEST(DnsMessage, RecordsOfOtherNamesAndClassesDontCount) {
  const std::string question = question_for("web.test", 1);
  std::string chaos = a("web.test", 60, "10.0.0.9").wire();
  chaos[wire_name("web.test").size() + 3] = 3;  // class CH
  std::string message =
      reply(question, {a("other.test", 60, "10.0.0.1"), a("Web.Test", 9, "10.0.0.2")}) + chaos;
  message[7] = 3;
  const auto parsed = parse(message, RecordType::a);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_THAT(parsed.value().addresses, ElementsAre(*IpAddress::parse("10.0.0.2")));
  EXPECT_EQ(parsed.value().ttl, std::chrono::seconds(9));
}

}  // namespace
}  // namespace shunt
