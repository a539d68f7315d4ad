// Internet checksums: an edit to a header put right by RFC 1624 beside computing the sum anew, and full sums
// beside DPDK's.
//
// `ttl`: TTL − 1 in an IPv4 header. `nat`: another address and port under the checksum of a TCP segment of 64
// bytes; what is computed anew is the segment's sum with its pseudo-header. `sum N bytes`: a full sum.
#include <rte_ip.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "common/byte_order.h"
#include "common/checksum.h"
#include "common/keyed_hash.h"

namespace shunt::bench {
namespace {

constexpr size_t kPackets = 512;
constexpr size_t kHeaderBytes = 20;
constexpr size_t kSegmentBytes = 64;
constexpr size_t kPacketBytes = 128;  // room of one packet: an IPv4 header and a TCP segment
constexpr size_t kTtl = 8;            // the word of TTL and protocol
constexpr size_t kHeaderSum = 10;
constexpr size_t kDestination = 16;
constexpr size_t kDport = kHeaderBytes + 2;
constexpr size_t kSegmentSum = kHeaderBytes + 16;

// One after another in memory, with right checksums and TTLs that last for as many edits as any bench makes.
class Packets {
 public:
  Packets() : bytes_(kPackets * kPacketBytes) {
    for (size_t i = 0; i + 8 <= bytes_.size(); i += 8)
      store(&bytes_[i], keyed_hash({}, i, 1).low);
    for (size_t i = 0; i < kPackets; ++i) {
      uint8_t* const packet = at(i);
      packet[0] = 0x45;
      store(packet + 2, be16(kHeaderBytes + kSegmentBytes));
      packet[kTtl] = 255;
      packet[kTtl + 1] = 6;
      sum_header(packet);
      sum_segment(packet);
    }
  }

  uint8_t* at(size_t packet) { return &bytes_[packet * kPacketBytes]; }
  void refresh_ttl() {
    for (size_t i = 0; i < kPackets; ++i) {
      at(i)[kTtl] = 255;
      sum_header(at(i));
    }
  }
  bool operator==(const Packets&) const = default;

  static void sum_header(uint8_t* packet) {
    store(packet + kHeaderSum, uint16_t{0});
    store(packet + kHeaderSum, checksum(packet, kHeaderBytes));
  }
  static void sum_segment(uint8_t* packet) {
    store(packet + kSegmentSum, uint16_t{0});
    store(packet + kSegmentSum, segment_checksum(packet));
  }
  static uint16_t segment_checksum(const uint8_t* packet) {
    const uint64_t pseudo = uint64_t{load<uint32_t>(packet + 12)} + load<uint32_t>(packet + 16) +
                            be16(packet[kTtl + 1]).raw() + be16(kSegmentBytes).raw();
    return static_cast<uint16_t>(~fold_checksum(checksum_sum(packet + kHeaderBytes, kSegmentBytes, pseudo)));
  }

 private:
  std::vector<uint8_t> bytes_;
};

// TTL and protocol are one word, as in dataplane/rewrite.cc: a byte store before a wider load of it stalls.
uint16_t take_one_hop(uint8_t* packet) {
  const auto before = load<uint16_t>(packet + kTtl);
  store(packet + kTtl, be16(static_cast<uint16_t>(be16::from_raw(before).host() - 0x0100)));
  return before;
}
void ttl_by_delta(uint8_t* packet) {
  const uint16_t before = take_one_hop(packet);
  const uint64_t delta = checksum_delta(before, load<uint16_t>(packet + kTtl));
  store(packet + kHeaderSum, apply_delta(load<uint16_t>(packet + kHeaderSum), delta));
}
void ttl_anew(uint8_t* packet) {
  take_one_hop(packet);
  Packets::sum_header(packet);
}
void ttl_by_dpdk(uint8_t* packet) {
  take_one_hop(packet);
  store(packet + kHeaderSum, uint16_t{0});
  store(packet + kHeaderSum, rte_ipv4_cksum(reinterpret_cast<const rte_ipv4_hdr*>(packet)));
}

constexpr uint32_t kToggleAddress = 0x00ff5a3c;
constexpr uint16_t kTogglePort = 0x1234;

void toggle(uint8_t* packet) {
  store(packet + kDestination, load<uint32_t>(packet + kDestination) ^ kToggleAddress);
  store(packet + kDport, static_cast<uint16_t>(load<uint16_t>(packet + kDport) ^ kTogglePort));
}
void nat_by_delta(uint8_t* packet) {
  const auto address = load<uint32_t>(packet + kDestination);
  const auto port = load<uint16_t>(packet + kDport);
  toggle(packet);
  const uint64_t address_delta = checksum_delta(address, load<uint32_t>(packet + kDestination));
  const uint64_t delta = address_delta + checksum_delta(port, load<uint16_t>(packet + kDport));
  store(packet + kHeaderSum, apply_delta(load<uint16_t>(packet + kHeaderSum), address_delta));
  store(packet + kSegmentSum, apply_delta(load<uint16_t>(packet + kSegmentSum), delta));
}
void nat_anew(uint8_t* packet) {
  toggle(packet);
  Packets::sum_header(packet);
  Packets::sum_segment(packet);
}
void nat_by_dpdk(uint8_t* packet) {
  toggle(packet);
  const auto* const header = reinterpret_cast<const rte_ipv4_hdr*>(packet);
  store(packet + kHeaderSum, uint16_t{0});
  store(packet + kHeaderSum, rte_ipv4_cksum(header));
  store(packet + kSegmentSum, uint16_t{0});
  store(packet + kSegmentSum, rte_ipv4_udptcp_cksum(header, packet + kHeaderBytes));
}

using Edit = void (*)(uint8_t*);

// Each edit in place, on packets of its own.
template <Edit kEdit>
Candidate edits(const char* name, Packets& packets) {
  return {name, [&packets] { packets.refresh_ttl(); },
          [&packets] {
            for (int pass = 0; pass < 8; ++pass) {
              for (size_t i = 0; i < kPackets; ++i)
                kEdit(packets.at(i));
            }
            return uint64_t{8} * kPackets;
          }};
}

template <Edit kOurs, Edit kAnew, Edit kDpdk>
void compare_edits(Report& report, const char* name) {
  Row row;
  row.test_case = name;
  if (!report.wants(row)) return;
  Packets ours;
  Packets anew;
  Packets dpdk;
  const Candidate candidates[] = {edits<kOurs>("shunt", ours), edits<kAnew>("shunt, summed anew", anew),
                                  edits<kDpdk>("rte_ipv4_cksum", dpdk)};
  const auto equal = [&] { return ours == anew && anew == dpdk; };
  const Packets untouched = ours;
  for (size_t i = 0; i < kPackets; ++i) {
    kOurs(ours.at(i));
    kAnew(anew.at(i));
    kDpdk(dpdk.at(i));
  }
  prove(equal() && !(ours == untouched), "an edit and a sum anew make the same packets");
  report.measure(row, candidates);
  prove(equal(), "and still do after the measurement");
}

void compare_sums(Report& report, size_t size) {
  Row row;
  row.test_case = "sum " + std::to_string(size) + " bytes";
  if (!report.wants(row)) return;
  constexpr size_t kBuffers = 32;
  const size_t stride = size + 2;  // packets lie at even places and no better
  std::vector<uint8_t> bytes(kBuffers * stride);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(keyed_hash({}, i, size).low);
  for (size_t i = 0; i < kBuffers; ++i) {
    for (size_t part = 1; part <= size; ++part) {
      const uint8_t* const from = &bytes[i * stride];
      prove(checksum(from, part) == static_cast<uint16_t>(~rte_raw_cksum(from, part)), "both sums are equal");
    }
  }
  const uint64_t passes = 60'000 / (kBuffers * (size / 8 + 4)) + 1;
  const auto candidate = [&](const char* name, auto sum) {
    return Candidate{name, {}, [&bytes, sum, stride, size, passes] {
                       for (uint64_t pass = 0; pass < passes; ++pass) {
                         for (size_t i = 0; i < kBuffers; ++i)
                           keep(sum(&bytes[i * stride], size));
                       }
                       return passes * kBuffers;
                     }};
  };
  const Candidate candidates[] = {
      candidate("shunt", [](const uint8_t* from, size_t count) { return checksum(from, count); }),
      candidate("rte_raw_cksum",
                [](const uint8_t* from, size_t count) { return rte_raw_cksum(from, count); })};
  report.measure(row, candidates);
}

int run(int argc, char** argv) {
  const Options options =
      read_options(argc, argv, "Checksum edits beside sums anew, and sums beside DPDK's.");
  Report report("checksum", options);
  compare_edits<ttl_by_delta, ttl_anew, ttl_by_dpdk>(report, "ttl");
  compare_edits<nat_by_delta, nat_anew, nat_by_dpdk>(report, "nat");
  for (const size_t size : {20U, 64U, 1480U})
    compare_sums(report, size);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
