// Incremental edits against full recomputation, a million of them; and what a keyed hash must do.
#include "common/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "common/keyed_hash.h"

namespace shunt {
namespace {

// As RFC 1071 has it, one carry after another.
uint16_t plain_fold(uint64_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

TEST(Checksum, FoldsAndDividesAlike) {
  std::mt19937_64 random(20);
  const uint64_t edges[] = {1,          0xfffe,      0xffff,         0x10000, 0x1fffe,
                            0xffffffff, 0x100000000, 0xffff0000ffff, ~0ULL};
  for (int i = 0; i < 2'000'000; ++i) {
    uint64_t sum = random() >> (random() % 64);
    if (i % 4 == 0) sum -= sum % 65'535;
    if (i < 9) sum = edges[i];
    if (sum == 0) continue;
    ASSERT_EQ(fold_checksum(sum), plain_fold(sum)) << sum;
    ASSERT_EQ(folds_to_ones(sum), plain_fold(sum) == 0xffff) << sum;
    const uint64_t word = random() | (i % 3 == 0 ? ~0ULL << 32U : 0U);
    ASSERT_EQ(plain_fold(add_with_carry(sum, word)),
              plain_fold(plain_fold(sum) + uint64_t{plain_fold(word)}));
  }
}

TEST(Checksum, OneHopLessIsTheIncrementalEdit) {
  for (uint32_t old = 0; old <= 0xffff; ++old) {
    const auto before = static_cast<uint16_t>(old);
    // TTL 64 and 63 of a TCP packet, as they lie in memory.
    ASSERT_EQ(checksum_after_hop(before),
              apply_delta(before, checksum_delta(be16(0x4006).raw(), be16(0x3f06).raw())));
  }
}

// Word by word in network order, as RFC 1071 has it.
uint16_t plain_checksum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(bytes[i] << 8U) + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

uint16_t ours(const std::vector<uint8_t>& bytes) {
  return be16::from_raw(checksum(bytes.data(), bytes.size())).host();
}

TEST(Checksum, OfEverySizeIsThePlainOne) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 300; ++size) {
    std::vector<uint8_t> bytes(size);
    for (int round = 0; round < 20; ++round) {
      for (uint8_t& byte : bytes)
        byte = round == 0 ? uint8_t{0xff} : static_cast<uint8_t>(random());
      ASSERT_EQ(ours(bytes), plain_checksum(bytes)) << size;
    }
  }
}

TEST(Checksum, OfTheRfcsExample) {
  EXPECT_EQ(ours({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}), 0x220d);  // RFC 1071, 3: the sum is ddf2
}

TEST(Checksum, FoldsTheLargestSums) {
  EXPECT_EQ(fold_checksum(0), 0);
  EXPECT_EQ(fold_checksum(0xffff), 0xffff);
  EXPECT_EQ(fold_checksum(0x10000), 1);
  EXPECT_EQ(fold_checksum(~uint64_t{0}), 0xffff);
  EXPECT_EQ(fold_checksum(0xffff'ffff'0000'0000ULL), 0xffff);
}

// Zero words and 0xffff words come often, since that is where ones' complement has two names for nothing.
uint16_t any_word(std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return 0xffff;
    default:
      return static_cast<uint16_t>(random());
  }
}

// A checksum covers itself: the words it covers and it sum to nothing. True: both forms of it.
bool covers(const std::vector<uint16_t>& words, uint16_t sum) {
  uint64_t total = sum;
  for (const uint16_t word : words)
    total += word;
  return fold_checksum(total) == 0xffff;
}

TEST(Checksum, AMillionEditsGiveWhatRecomputationGives) {
  std::mt19937 random(42);
  std::vector<uint16_t> words(10);
  words[0] = 0x0045;  // no header is all zeros: the one case in which the two forms differ
  for (size_t i = 1; i < words.size(); ++i)
    words[i] = any_word(random);
  uint16_t sum = checksum(words.data(), words.size() * 2);
  for (int i = 0; i < 1'200'000; ++i) {
    const size_t at = 1 + random() % (words.size() - 2);
    if (random() % 2 == 0) {
      const uint16_t after = any_word(random);
      sum = apply_delta(sum, checksum_delta(words[at], after));
      words[at] = after;
    } else {
      const auto before = load<uint32_t>(&words[at]);
      const uint32_t after = static_cast<uint32_t>(any_word(random)) << 16U | any_word(random);
      sum = apply_delta(sum, checksum_delta(before, after));
      store(&words[at], after);
    }
    ASSERT_EQ(sum, checksum(words.data(), words.size() * 2)) << i;
  }
}

TEST(Checksum, SeveralEditsAreAddedUpAndAppliedOnce) {
  std::mt19937 random(43);
  for (int i = 0; i < 200'000; ++i) {
    std::vector<uint16_t> words = {0x0045, any_word(random), any_word(random), any_word(random),
                                   any_word(random)};
    const uint16_t sum = checksum(words.data(), words.size() * 2);
    uint64_t delta = 0;
    for (size_t at = 1; at < words.size(); ++at) {
      const uint16_t after = any_word(random);
      delta += checksum_delta(words[at], after);
      words[at] = after;
    }
    ASSERT_EQ(apply_delta(sum, delta), checksum(words.data(), words.size() * 2)) << i;
  }
}

// A wrong checksum stays exactly as wrong; and 0xffff is read as the 0 that it stands for.
TEST(Checksum, EditsKeepAnError) {
  std::mt19937 random(44);
  for (int i = 0; i < 200'000; ++i) {
    std::vector<uint16_t> words = {0x0045, any_word(random), any_word(random)};
    const uint16_t given = any_word(random);
    const bool was_right = covers(words, given);
    const uint16_t after = any_word(random);
    const uint16_t sum = apply_delta(given, checksum_delta(words[1], after));
    words[1] = after;
    ASSERT_EQ(covers(words, sum), was_right) << i;
  }
}

// --- keyed_hash ---

constexpr HashKey kKey{
    {0x0123456789abcdefULL, 0xfedcba9876543210ULL, 0x0f1e2d3c4b5a6978ULL, 0x8796a5b4c3d2e1f0ULL}};

TEST(KeyedHash, ReadsEachByteAndNoMore) {
  for (size_t size = 0; size <= 50; ++size) {
    std::vector<uint8_t> bytes(size, 0);  // exactly this large: a read behind it is a sanitizer's report
    std::set<std::pair<uint64_t, uint64_t>> seen;
    const auto add = [&] {
      const Hash128 hash = keyed_hash(kKey, bytes.data(), bytes.size());
      seen.emplace(hash.low, hash.high);
    };
    add();
    for (size_t at = 0; at < size; ++at) {
      bytes[at] = 1;
      add();
      bytes[at] = 0;
    }
    EXPECT_EQ(seen.size(), size + 1) << size;
  }
}

// However the end is read, it counts as its bytes and zeros up to a whole block.
TEST(KeyedHash, EndsAreFilledWithZeros) {
  std::mt19937_64 random(9);
  for (size_t size = 1; size <= 67; ++size) {
    std::vector<uint8_t> bytes(size);
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(random());
    std::vector<uint8_t> filled = bytes;
    filled.resize((size + 15) / 16 * 16, 0);
    __m128i state = _mm_xor_si128(detail::key_low(kKey), _mm_set_epi64x(0, static_cast<int64_t>(size)));
    for (size_t at = 0; at < filled.size(); at += 16) {
      state = _mm_xor_si128(state, _mm_loadu_si128(reinterpret_cast<const __m128i*>(&filled[at])));
      state = _mm_aesenc_si128(_mm_aesenc_si128(state, detail::key_high(kKey)), detail::key_low(kKey));
    }
    state = _mm_aesenc_si128(state, detail::key_high(kKey));
    state = _mm_aesenc_si128(_mm_aesenc_si128(state, detail::key_low(kKey)), detail::key_high(kKey));
    const Hash128 wanted = detail::finish(state);
    const Hash128 hash = keyed_hash(kKey, bytes.data(), size);
    EXPECT_EQ(hash.low, wanted.low) << size;
    EXPECT_EQ(hash.high, wanted.high) << size;
  }
}

TEST(KeyedHash, TellsLengthsApart) {
  const std::vector<uint8_t> zeros(64, 0);
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (size_t size = 0; size <= zeros.size(); ++size) {
    const Hash128 hash = keyed_hash(kKey, zeros.data(), size);
    seen.emplace(hash.low, hash.high);
  }
  EXPECT_EQ(seen.size(), zeros.size() + 1);
}

TEST(KeyedHash, EveryBitOfInputAndKeyMovesHalfOfTheOutput) {
  std::mt19937_64 random(5);
  for (unsigned bit = 0; bit < 128 + 256; ++bit) {
    uint64_t flipped = 0;
    constexpr unsigned kRounds = 64;
    for (unsigned round = 0; round < kRounds; ++round) {
      uint64_t input[2] = {random(), random()};
      HashKey key = kKey;
      const Hash128 before = keyed_hash(key, input[0], input[1]);
      if (bit < 128) {
        input[bit / 64] ^= 1ULL << (bit % 64);
      } else {
        key.words[(bit - 128) / 64] ^= 1ULL << (bit % 64);
      }
      const Hash128 after = keyed_hash(key, input[0], input[1]);
      flipped += static_cast<uint64_t>(std::popcount(before.low ^ after.low) +
                                       std::popcount(before.high ^ after.high));
    }
    EXPECT_NEAR(static_cast<double>(flipped) / kRounds, 64.0, 12.0) << "bit " << bit;
  }
}

TEST(KeyedHash, ScalesOntoARangeEvenly) {
  constexpr uint32_t kRange = 7;
  std::array<unsigned, kRange> hits{};
  for (uint64_t i = 0; i < 70'000; ++i) {
    const uint32_t place = scale_to(static_cast<uint32_t>(keyed_hash(kKey, i, 0).low >> 32U), kRange);
    ASSERT_LT(place, kRange);
    ++hits[place];
  }
  for (const unsigned count : hits)
    EXPECT_NEAR(count, 10'000U, 500U);  // five standard deviations
  EXPECT_EQ(scale_to(0xffff'ffffU, kRange), kRange - 1);
  EXPECT_EQ(scale_to(0, kRange), 0U);
}

}  // namespace
}  // namespace shunt
