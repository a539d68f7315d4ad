// Answers in gzip: who takes it, what is worth it, and that it says the same.
#include "http/http_gzip.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/api_harness.h"
#include "tests/unit/unpacked.h"

namespace shunt {
namespace {

TEST(Gzip, IsForThoseWhoTakeIt) {
  for (const char* field :
       {"gzip", "br, gzip", "deflate,gzip;q=0.5", "*", "br;q=1, * ;q=0.1", "gzip ; q=1", "x-gzip"})
    EXPECT_TRUE(takes_gzip(field)) << field;
  for (const char* field :
       {"", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "*, gzip;q=0", "notgzip", ",,;", "identity"})
    EXPECT_FALSE(takes_gzip(field)) << field;
}

TEST(Gzip, SaysTheSame) {
  std::string text;
  for (int i = 0; i < 2'000; ++i)
    text += "{\"ts\":" + std::to_string(1'767'225'600 + i) + "},";
  for (const int level : {1, 9}) {
    const std::optional<std::string> packed = gzip(text, level);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), text.size() / 4);
    EXPECT_EQ(unpacked(*packed), text);
  }
}

TEST(Gzip, OnlyWhereItIsWorthIt) {
  EXPECT_FALSE(gzip("", 1));
  EXPECT_FALSE(gzip(std::string(1'399, 'a'), 1));
  EXPECT_TRUE(gzip(std::string(1'400, 'a'), 1));
  std::string noise;
  for (uint32_t i = 1; noise.size() < 5'000; i = i * 1'664'525U + 1'013'904'223U)
    noise += static_cast<char>(i >> 24U);
  EXPECT_FALSE(gzip(noise, 9));
}

TEST(Gzip, IsWhatAServerAnswersIn) {
  ApiRoute shared;
  shared.method = "GET";
  shared.pattern = "/api/v1/shared";
  shared.handler = [text = std::make_shared<const std::string>(5'000, 'a')](const ApiCall&) {
    ApiResponse answer;
    answer.shared_body = text;
    return answer;
  };
  ServerOnThread server({}, {}, {shared});
  const auto get = [&](const std::string& method, const std::string& path, const std::string& more) {
    RawClient client(server.unix_address());
    client.send(request_text(method, path, more));
    return client.read_answer(method == "HEAD");
  };
  const std::string path = "/api/v1/openapi.json";
  const std::string takes = "Accept-Encoding: gzip, br\r\n";
  RawAnswer plain = get("GET", path, "");
  RawAnswer packed = get("GET", path, takes);
  EXPECT_EQ(plain.fields.count("content-encoding"), 0U);
  EXPECT_EQ(packed.fields["content-encoding"], "gzip");
  EXPECT_EQ(packed.fields["vary"], "Accept-Encoding");
  EXPECT_EQ(packed.fields["content-type"], "application/json");
  EXPECT_LT(packed.body.size(), plain.body.size() / 2);
  EXPECT_EQ(unpacked(packed.body), plain.body);
  EXPECT_EQ(get("HEAD", path, takes).fields["content-length"], std::to_string(packed.body.size()));
  EXPECT_EQ(get("GET", "/api/v1/missing", takes).fields.count("content-encoding"), 0U);
  EXPECT_EQ(get("GET", "/api/v1/shared", "").body, std::string(5'000, 'a'));
  EXPECT_EQ(unpacked(get("GET", "/api/v1/shared", takes).body), std::string(5'000, 'a'));
  RawAnswer tagged = get("GET", "/api/v1/services", takes);
  EXPECT_EQ(tagged.fields.count("etag"), 1U);
  EXPECT_EQ(tagged.fields.count("content-encoding"), 0U) << "the tag is of the text as it is";
}

}  // namespace
}  // namespace shunt
