// udp, dns and icmp checks against real sockets; the messages of DNS and ICMP.
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <random>

#include "control/dns_message.h"
#include "control/echo_message.h"
#include "tests/unit/health_bed.h"

namespace shunt {
namespace {

using testing::DatagramServer;
using testing::run_check;
using testing::target_of;

HealthResult check_udp(const DatagramServer::Behaviour& behaviour, const std::string& receive = "",
                       milliseconds timeout = testing::kPatient, const std::string& address = "127.0.0.1") {
  DatagramServer server(behaviour, address);
  HealthTarget target = target_of(HealthType::udp, server.port(), address);
  target.config.send = "ping";
  target.config.receive = receive;
  target.config.timeout = timeout;
  return run_check(target);
}

TEST(HealthCheckUdp, AnswersAreLookedInto) {
  const auto echo = [](const std::string& request) { return std::vector{request}; };
  EXPECT_EQ(check_udp(echo).reason, "answered, 4 bytes");
  EXPECT_TRUE(check_udp(echo, "in").ok());
  EXPECT_TRUE(check_udp(echo, "hex:70696e67").ok());
  EXPECT_EQ(check_udp(echo, "pong").reason, "the answer doesn't hold `receive`: ping");
  EXPECT_TRUE(check_udp(echo, "ping", testing::kPatient, "::1").ok());
  EXPECT_EQ(check_udp([](const std::string&) { return std::vector{std::string()}; }).reason,
            "answered, 0 bytes");
  EXPECT_EQ(check_udp([](const std::string&) { return std::vector{std::string(60'000, 'x')}; }).reason,
            "answered, 16384 bytes");
}

TEST(HealthCheckUdp, SilenceTimesOut) {
  const HealthResult result =
      check_udp([](const std::string&) { return std::vector<std::string>(); }, "", testing::kShort);
  EXPECT_EQ(result.outcome, HealthOutcome::timed_out);
  EXPECT_EQ(result.reason, "timed out after 100 ms while waiting for the answer");
}

TEST(HealthCheckUdp, AClosedPortIsRefusedAtOnce) {
  uint16_t port = 0;
  {
    DatagramServer gone([](const std::string&) { return std::vector<std::string>(); });
    port = gone.port();
  }
  for (const HealthType type : {HealthType::udp, HealthType::dns}) {
    HealthTarget target = target_of(type, port);
    target.config.send = "ping";
    const HealthResult result = run_check(target);
    EXPECT_EQ(result.outcome, HealthOutcome::refused);
    EXPECT_EQ(result.reason, "port unreachable, says ICMP");
  }
}

TEST(HealthCheckUdp, ComesFromTheGivenSource) {
  HealthTarget target = target_of(HealthType::udp, 9);
  target.source = IpAddress::parse("192.0.2.1");
  const HealthResult result = run_check(target);
  EXPECT_EQ(result.outcome, HealthOutcome::internal);
  EXPECT_EQ(result.reason, "bind to 192.0.2.1: Cannot assign requested address");
}

// ---- DNS

std::string word(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
}

// A record of IN whose name is a pointer to the question's.
std::string record(unsigned type, const std::string& data, const std::string& name = "\xc0\x0c") {
  return name + word(type) + word(1) + std::string(4, '\0') + word(static_cast<unsigned>(data.size())) + data;
}

// The answer to `query`: its header changed, records appended.
std::string answer_to(const std::string& query, unsigned flags, const std::vector<std::string>& records) {
  std::string answer = query;
  answer.replace(2, 2, word(0x8180U | flags));
  answer.replace(6, 2, word(static_cast<unsigned>(records.size())));
  for (const std::string& each : records)
    answer += each;
  return answer;
}

const std::string kAddress("\xc0\x00\x02\x01", 4);

TEST(DnsMessage, AQuestionInBytes) {
  const std::string root = dns_query({0x1234, ".", DnsType::ns});
  EXPECT_EQ(root, std::string("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01", 17));
  const std::string name = dns_query({1, "a.example.", DnsType::aaaa});
  EXPECT_EQ(name.substr(12), std::string("\x01"
                                         "a\x07"
                                         "example\0\0\x1c\0\x01",
                                         15));
}

TEST(DnsMessage, RecordsOfEachType) {
  struct Row {
    DnsType type;
    std::string data;
    std::string value;
  };
  const std::string server("\x02ns\x01x\0", 6);
  const Row rows[] = {
      {DnsType::a, kAddress, "192.0.2.1"},
      {DnsType::aaaa, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01", "2001:db8::1"},
      {DnsType::ns, server, "ns.x"},
      {DnsType::ns, std::string("\x02NS\xc0\x0c", 5), "ns.a.example"},
      {DnsType::cname, server, "ns.x"},
      {DnsType::ptr, server, "ns.x"},
      {DnsType::soa, server + std::string(22, '\0'), "ns.x"},
      {DnsType::mx, std::string("\0\x0a", 2) + server, "ns.x"},
      {DnsType::srv, std::string(6, '\0') + server, "ns.x"},
      {DnsType::txt, std::string("\x03v=1\x02;x", 7), "v=1;x"},
      {DnsType::a, "abc", ""}};
  for (const Row& row : rows) {
    const DnsQuestion question{7, "a.example", row.type};
    const auto type = static_cast<unsigned>(row.type);
    const std::string other = record(99, "whatever");
    const DnsAnswer answer =
        parse_dns_answer(answer_to(dns_query(question), 0, {other, record(type, row.data)}), question);
    EXPECT_TRUE(answer.is_ours);
    EXPECT_EQ(answer.malformed, "");
    ASSERT_EQ(answer.values.size(), 1U) << row.value;
    EXPECT_EQ(answer.values[0], row.value);
  }
}

TEST(DnsMessage, WhatWasNotAskedIsNotOurs) {
  const DnsQuestion question{7, "A.example", DnsType::a};
  const std::string query = dns_query(question);
  const std::string good = answer_to(query, 0, {record(1, kAddress)});
  EXPECT_TRUE(parse_dns_answer(good, question).is_ours);
  EXPECT_TRUE(parse_dns_answer(answer_to(dns_query({7, "a.EXAMPLE.", DnsType::a}), 0, {}), question).is_ours);
  for (const std::string& other :
       {answer_to(dns_query({8, "a.example", DnsType::a}), 0, {}),
        answer_to(dns_query({7, "b.example", DnsType::a}), 0, {}),
        answer_to(dns_query({7, "a.example", DnsType::ns}), 0, {}), query, std::string(), good.substr(0, 20)})
    EXPECT_FALSE(parse_dns_answer(other, question).is_ours);
}

TEST(DnsMessage, NamesCannotLoop) {
  const DnsQuestion question{7, "a.example", DnsType::ns};
  for (const std::string& data : {std::string("\xc0\x27", 2), std::string("\xc0\xff", 2),
                                  std::string("\x05"
                                              "ab",
                                              3),
                                  std::string("\x80xx", 3), std::string(300, '\x01')}) {
    const std::string whole = answer_to(dns_query(question), 0, {record(2, data)});
    const DnsAnswer answer = parse_dns_answer(whole, question);
    EXPECT_TRUE(answer.is_ours);
    EXPECT_LE(answer.values.size(), 1U);
  }
}

TEST(DnsMessage, AnyBytesAreRead) {
  std::mt19937_64 random(3);
  const DnsQuestion question{7, "a.example", DnsType::txt};
  const std::string good =
      answer_to(dns_query(question), 0, {record(16, std::string("\x03xyz", 4)), record(16, "\x01q")});
  unsigned ours = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = good.substr(0, good.size() - random() % 20);
    for (unsigned change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const DnsAnswer answer = parse_dns_answer(bytes, question);
    ours += answer.is_ours ? 1 : 0;
    EXPECT_LE(answer.values.size(), kMostRecords);
  }
  EXPECT_GT(ours, 1'000U);
}

HealthResult check_dns(const DatagramServer::Behaviour& behaviour,
                       const std::function<void(HealthConfig&)>& set = {}) {
  DatagramServer server(behaviour);
  HealthTarget target = target_of(HealthType::dns, server.port());
  target.config.query = "www.example";
  target.config.query_type = DnsType::a;
  if (set) set(target.config);
  return run_check(target);
}

TEST(HealthCheckDns, CodesAndRecords) {
  const auto found = [](const std::string& query) {
    return std::vector{answer_to(query, 0, {record(1, kAddress)})};
  };
  const auto missing = [](const std::string& query) { return std::vector{answer_to(query, 3, {})}; };
  EXPECT_EQ(check_dns(found).reason, "NOERROR, 1 record");
  EXPECT_EQ(check_dns(missing).reason, "NXDOMAIN");
  EXPECT_FALSE(check_dns(missing).ok());
  const auto nxdomain = [](HealthConfig& config) { config.rcode = DnsRcode::nxdomain; };
  EXPECT_TRUE(check_dns(missing, nxdomain).ok());
  EXPECT_FALSE(check_dns(found, nxdomain).ok());
  const auto wants = [](const std::string& address) {
    return [address](HealthConfig& config) { config.answer = address; };
  };
  EXPECT_EQ(check_dns(found, wants("192.0.2.1")).reason, "NOERROR, 1 record, the wanted one among them");
  EXPECT_EQ(check_dns(found, wants("192.0.2.2")).reason, "NOERROR, 1 record, not the wanted one");
  const auto cut = [](const std::string& query) { return std::vector{answer_to(query, 0x200, {})}; };
  EXPECT_EQ(check_dns(cut, wants("192.0.2.2")).reason,
            "NOERROR, 0 records, not the wanted one (cut to fit UDP)");
}

TEST(HealthCheckDns, ForeignAndBrokenAnswers) {
  const auto late = [](const std::string& query) {
    std::string other = answer_to(query, 0, {});
    other[0] = static_cast<char>(other[0] ^ 1);
    return std::vector{std::string("garbage"), other, answer_to(query, 0, {record(1, kAddress)})};
  };
  EXPECT_EQ(check_dns(late).reason, "NOERROR, 1 record");
  const auto foreign = [](const std::string&) { return std::vector<std::string>(40, "garbage"); };
  EXPECT_EQ(check_dns(foreign).reason, "only answers to what wasn't asked");
  const auto broken = [](const std::string& query) {
    std::string answer = answer_to(query, 0, {record(1, kAddress)});
    answer.pop_back();
    return std::vector{answer};
  };
  EXPECT_EQ(check_dns(broken).reason, "malformed answer: a record that isn't whole");
  const auto silent = [](const std::string&) { return std::vector<std::string>(); };
  EXPECT_EQ(check_dns(silent, [](HealthConfig& config) { config.timeout = testing::kShort; }).outcome,
            HealthOutcome::timed_out);
}

// ---- ICMP

TEST(EchoMessage, AReplyIsKnownByWhatItBringsBack) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    EchoRequest request{family, 0x1234, {'n', 'o', 'n', 'c', 'e'}};
    std::string reply = echo_message(request);
    EXPECT_FALSE(is_echo_reply(reply, request, false)) << "a request isn't one";
    reply[0] = static_cast<char>(family == Family::ipv4 ? 0 : 129);
    EXPECT_TRUE(is_echo_reply(reply, request, false));
    EXPECT_FALSE(is_echo_reply(reply + "x", request, false));
    EXPECT_FALSE(is_echo_reply(reply.substr(0, 20), request, false));
    EXPECT_FALSE(is_echo_reply("", request, true));
    EchoRequest other = request;
    other.id = 1;
    EXPECT_FALSE(is_echo_reply(reply, other, false));
    EXPECT_TRUE(is_echo_reply(reply, other, true));
    other.nonce[3] = 'x';
    EXPECT_FALSE(is_echo_reply(reply, other, true));
  }
}

TEST(EchoMessage, TheChecksumOfIpv4IsRight) {
  const std::string message = echo_message({Family::ipv4, 0xbeef, {'\xff', '\x01', '\x80'}});
  uint32_t sum = 0;
  for (size_t i = 0; i < message.size(); i += 2)
    sum +=
        static_cast<uint32_t>(static_cast<uint8_t>(message[i]) << 8U | static_cast<uint8_t>(message[i + 1]));
  EXPECT_EQ((sum & 0xffffU) + (sum >> 16U), 0xffffU);
}

TEST(EchoMessage, TheIpv4HeaderOfARawSocketIsTakenOff) {
  const std::string header = "\x46" + std::string(23, 'h');
  EXPECT_EQ(without_ipv4_header(header + "icmp"), "icmp");
  EXPECT_EQ(without_ipv4_header(header.substr(0, 23)), "");
  EXPECT_EQ(without_ipv4_header("\x41xxxxxxxxxxxxxxxxxxxxxxx"), "");
  EXPECT_EQ(without_ipv4_header(""), "");
}

TEST(HealthCheckIcmp, LoopbackAnswers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root or net.ipv4.ping_group_range";
  for (const std::string address : {"127.0.0.1", "::1"}) {
    const HealthResult result = run_check(target_of(HealthType::icmp, 0, address));
    EXPECT_EQ(result.reason, "echo answered") << address;
  }
}

TEST(HealthCheckIcmp, NobodyThere) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root or net.ipv4.ping_group_range";
  HealthTarget target = target_of(HealthType::icmp, 0, "240.0.0.1");  // no route, or no answer
  target.config.timeout = testing::kShort;
  EXPECT_FALSE(run_check(target).ok());
}

}  // namespace
}  // namespace shunt
