#include "tests/tools/message.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/tools/duration.h"
#include "tests/tools/socket.h"

namespace shunt {
namespace {

std::vector<uint8_t> question(size_t bytes, const Message& message) {
  std::vector<uint8_t> frame(bytes);
  write_question(frame, message);
  return frame;
}

TEST(Message, AnswerCarriesTheQuestionAndTheBackend) {
  auto frame = question(100, {0x1122334455667788U, 7, 123456789, {}});
  const auto asked = read_question(frame);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->nonce, 0x1122334455667788U);
  EXPECT_EQ(asked->sequence, 7U);
  EXPECT_FALSE(read_answer(frame));

  answer_in_place(frame, "b1");
  EXPECT_FALSE(read_question(frame));
  const auto answer = read_answer(frame);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->nonce, 0x1122334455667788U);
  EXPECT_EQ(answer->sequence, 7U);
  EXPECT_EQ(answer->sent_ns, 123456789U);
  EXPECT_EQ(answer->backend, "b1");
}

TEST(Message, EveryDamagedByteIsSeen) {
  auto whole = question(kMinMessageBytes, {1, 2, 3, {}});
  answer_in_place(whole, "backend-of-24-characters");
  ASSERT_EQ(read_answer(whole)->backend, "backend-of-24-characters");
  for (size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] ^= 0x80U;
    EXPECT_FALSE(read_answer(damaged)) << "byte " << i;
  }
}

TEST(Message, LengthIsExact) {
  auto frame = question(80, {1, 2, 3, {}});
  EXPECT_EQ(frame_bytes(frame), 80U);
  EXPECT_EQ(frame_bytes(std::span(frame).first(5)), 0U);
  EXPECT_FALSE(read_question(std::span(frame).first(79)));
  frame.push_back(0);
  EXPECT_FALSE(read_question(frame));
  EXPECT_FALSE(frame_bytes(std::vector<uint8_t>(64, 'x')));
  EXPECT_FALSE(read_question({}));
}

TEST(Duration, NumbersWithUnits) {
  EXPECT_EQ(parse_duration_ns("100ms"), 100'000'000U);
  EXPECT_EQ(parse_duration_ns("1.5s"), 1'500'000'000U);
  EXPECT_EQ(parse_duration_ns("2m"), 120'000'000'000U);
  EXPECT_EQ(parse_duration_ns("0"), 0U);
  for (const char* wrong : {"", "5", "s", "-1s", "1 s", "1sec", "nan s", "25h", "1e3s"}) {
    EXPECT_FALSE(parse_duration_ns(wrong)) << wrong;
  }
}

TEST(Endpoint, AddressAndPort) {
  EXPECT_EQ(Endpoint::parse("192.0.2.1:80")->text(), "192.0.2.1:80");
  EXPECT_EQ(Endpoint::parse("[2001:db8::1]:65535")->text(), "[2001:db8::1]:65535");
  EXPECT_EQ(Endpoint::from(Endpoint::parse("192.0.2.1:80")->socket_address()).text(), "192.0.2.1:80");
  EXPECT_EQ(Endpoint::from(Endpoint::parse("[2001:db8::1]:9")->socket_address()).text(), "[2001:db8::1]:9");
  for (const char* wrong : {"", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                            "192.0.2.1:80x", "2001:db8::1:80", "[192.0.2.1]:80", "host:80"}) {
    EXPECT_FALSE(Endpoint::parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace shunt
