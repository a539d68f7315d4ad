// The keyed hash (common/keyed_hash.h) over keys of 13, 16 and 37 bytes (a 5-tuple of IPv4, one block, a
// 5-tuple of IPv6) beside DPDK's CRC32, Jenkins and Toeplitz, and SipHash-2-4. Independent keys, as in a
// burst: throughput.
//
// Hashes have no equal results to prove; each is proved to be what it says: by published vectors, or bit by
// bit.
#include <rte_hash_crc.h>
#include <rte_jhash.h>
#include <rte_thash.h>

#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/rival_maps.h"
#include "common/byte_order.h"
#include "common/keyed_hash.h"

namespace shunt::bench {
namespace {

constexpr size_t kKeys = 4096;
constexpr size_t kStride = 40;  // keys lie this far apart, none aligned to more than 8

// SipHash-2-4 (Aumasson and Bernstein 2012), the keyed hash that is proved to be hard to aim at.
class SipHash {
 public:
  SipHash(uint64_t key0, uint64_t key1) : key0_(key0), key1_(key1) {}

  uint64_t operator()(const void* bytes, size_t size) const {
    State state{key0_ ^ 0x736f6d6570736575U, key1_ ^ 0x646f72616e646f6dU, key0_ ^ 0x6c7967656e657261U,
                key1_ ^ 0x7465646279746573U};
    const auto* from = static_cast<const uint8_t*>(bytes);
    uint64_t last = uint64_t{size} << 56U;
    for (; size >= 8; size -= 8, from += 8)
      compress(state, load<uint64_t>(from));
    for (size_t i = 0; i < size; ++i)
      last |= uint64_t{from[i]} << (8 * i);
    compress(state, last);
    state.c ^= 0xff;
    for (int i = 0; i < 4; ++i)
      round(state);
    return state.a ^ state.b ^ state.c ^ state.d;
  }

 private:
  struct State {
    uint64_t a, b, c, d;
  };
  static void round(State& state) {
    auto& [a, b, c, d] = state;
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  static void compress(State& state, uint64_t word) {
    state.d ^= word;
    round(state);
    round(state);
    state.a ^= word;
  }

  uint64_t key0_;
  uint64_t key1_;
};

// The paper's appendix, and the authors' vectors: key 00 … 0f, message 00 01 … of the length.
void prove_siphash() {
  std::array<uint8_t, 64> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(i);
  const SipHash hash(load<uint64_t>(bytes.data()), load<uint64_t>(bytes.data() + 8));
  prove(hash(bytes.data(), 0) == 0x726fdb47dd0e0e31U, "SipHash-2-4 of nothing");
  prove(hash(bytes.data(), 15) == 0xa129ca6149be45e5U, "SipHash-2-4 of the paper's 15 bytes");
}

// Castagnoli's polynomial, bit by bit, as the instruction does it: no inversion.
uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t crc) {
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0);
  }
  return crc;
}

constexpr std::array<uint8_t, 52> kRssKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25,
                                             0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b,
                                             0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a,
                                             0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa, 0,    0,    0,    0,
                                             0,    0,    0,    0,    0,    0,    0,    0};

uint32_t toeplitz(const uint8_t* bytes, size_t size) {
  // Whole words only, as the function takes them: of 13 bytes 12, of 37 bytes 36 (addresses and ports; RSS
  // knows no protocol).
  std::array<uint32_t, 9> words{};
  std::memcpy(words.data(), bytes, size / 4 * 4);
  return rte_softrss(words.data(), static_cast<uint32_t>(size / 4), kRssKey.data());
}

// Microsoft's verification suite for RSS: 66.9.149.187:2794 to 161.142.100.80:1766. Words in host order.
void prove_toeplitz() {
  const std::array<uint32_t, 3> words = {0x420995bb, 0xa18e6450, 0x0aea06e6};
  prove(toeplitz(reinterpret_cast<const uint8_t*>(words.data()), 12) == 0x51ccc178,
        "Toeplitz of Microsoft's vector");
}

void prove_crc(const std::vector<uint8_t>& keys) {
  for (const size_t size : {13U, 16U, 37U}) {
    for (size_t i = 0; i < 100; ++i) {
      const uint8_t* const key = &keys[i * kStride];
      prove(rte_hash_crc(key, static_cast<uint32_t>(size), 7) == crc32c(key, size, 7), "CRC32 bit by bit");
    }
  }
}

// Every input bit moves about half of the 128 output bits, and what lies behind the key moves none.
void prove_ours(std::vector<uint8_t> keys) {
  for (const size_t size : {13U, 16U, 37U}) {
    unsigned moved = 0;
    for (size_t bit = 0; bit < size * 8; ++bit) {
      uint8_t* const key = &keys[bit * kStride];
      const Hash128 before = keyed_hash(kBenchKey, key, size);
      key[size] ^= 0xff;
      const Hash128 same = keyed_hash(kBenchKey, key, size);
      prove(before.low == same.low && before.high == same.high, "the keyed hash reads its key and no more");
      key[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
      const Hash128 after = keyed_hash(kBenchKey, key, size);
      const auto changed = static_cast<unsigned>(std::popcount(before.low ^ after.low) +
                                                 std::popcount(before.high ^ after.high));
      prove(changed >= 30 && changed <= 98, "every bit of a key moves the keyed hash");
      moved += changed;
    }
    const double share = moved / (static_cast<double>(size) * 8 * 128);
    prove(share > 0.48 && share < 0.52, "and half of it, on average");
  }
}

template <typename Hash>
Candidate candidate(const char* name, const std::vector<uint8_t>& keys, Hash hash) {
  return {name, {}, [&keys, hash] {
            for (size_t i = 0; i < kKeys; ++i)
              keep(hash(&keys[i * kStride]));
            return uint64_t{kKeys};
          }};
}

// The size is known when this is compiled, as it is where the product hashes.
template <size_t kSize>
void compare(Report& report, const std::vector<uint8_t>& keys) {
  Row row;
  row.test_case = std::to_string(kSize) + " bytes";
  if (!report.wants(row)) return;
  const SipHash siphash(kBenchKey.words[0], kBenchKey.words[1]);
  std::vector<Candidate> candidates;
  if constexpr (kSize == 16) {
    candidates.push_back(candidate("shunt", keys, [](const uint8_t* key) {
      return keyed_hash(kBenchKey, load<uint64_t>(key), load<uint64_t>(key + 8)).low;
    }));
    candidates.push_back(candidate("shunt, any size", keys,
                                   [](const uint8_t* key) { return keyed_hash(kBenchKey, key, kSize).low; }));
  } else if constexpr (kSize == 37) {
    candidates.push_back(candidate("shunt", keys, [](const uint8_t* key) {
      return keyed_hash(kBenchKey, load_block(key), load_block(key + 16),
                        load<uint64_t>(key + 32) & 0xffffffffffU)
          .low;
    }));
    candidates.push_back(candidate("shunt, any size", keys,
                                   [](const uint8_t* key) { return keyed_hash(kBenchKey, key, kSize).low; }));
  } else {
    candidates.push_back(
        candidate("shunt", keys, [](const uint8_t* key) { return keyed_hash(kBenchKey, key, kSize).low; }));
  }
  candidates.push_back(
      candidate("rte_hash_crc", keys, [](const uint8_t* key) { return rte_hash_crc(key, kSize, 7); }));
  candidates.push_back(
      candidate("rte_jhash", keys, [](const uint8_t* key) { return rte_jhash(key, kSize, 7); }));
  candidates.push_back(
      candidate("rte_softrss (Toeplitz)", keys, [](const uint8_t* key) { return toeplitz(key, kSize); }));
  candidates.push_back(
      candidate("SipHash-2-4", keys, [siphash](const uint8_t* key) { return siphash(key, kSize); }));
  report.measure(row, candidates);
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "The keyed hash beside other hashes.");
  std::vector<uint8_t> keys(kKeys * kStride);
  for (size_t i = 0; i + 8 <= keys.size(); i += 8)
    store(&keys[i], keyed_hash(kBenchKey, i, 0).low);
  prove_siphash();
  prove_toeplitz();
  prove_crc(keys);
  prove_ours(keys);
  Report report("hash", options);
  compare<13>(report, keys);
  compare<16>(report, keys);
  compare<37>(report, keys);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
