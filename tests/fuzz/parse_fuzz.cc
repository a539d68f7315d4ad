// parse: one frame, whatever its bytes. Nothing is read outside of it (its block is exactly as long, and the
// address sanitizer watches), and what its view says lies inside. take_plain and parse together say the same
// as parse alone, wherever take_plain takes the frame.
#include <cstring>
#include <memory>

#include "dataplane/stages.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/frame_faults.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"
#include "tests/packet/pipeline.h"

namespace shunt::fuzz {
namespace {

constexpr uint16_t kPort = 0;

// A worker and a snapshot that are only read.
packet::Pipeline& still_pipeline() {
  static packet::Pipeline& pipeline = *[] {
    auto* const made =
        new packet::Pipeline(rich_config(2), {.connections = 64, .probation = 64});  // for the process's life
    made->set_kernel(rich_kernel());
    return made;
  }();
  return pipeline;
}

struct Parsed {
  explicit Parsed(const Bytes& frame) : block(new uint8_t[kHeadroomBytes + frame.size()]), burst(new Burst) {
    uint8_t* const data = block.get() + kHeadroomBytes;
    std::copy(frame.begin(), frame.end(), data);
    burst->packet[0].set_frame({data, static_cast<uint32_t>(frame.size()), nullptr});
    burst->start(kPort, 1);
  }
  shunt::Packet& packet() const { return burst->packet[0]; }
  const PacketView& view() const { return packet().view; }
  bool is_live() const { return burst->live != 0; }

  std::unique_ptr<uint8_t[]> block;
  std::unique_ptr<Burst> burst;
};

void expect_inside(const Parsed& parsed, const Bytes& frame) {
  const PacketView& view = parsed.view();
  const size_t bytes = frame.size();
  expect(view.l3_offset <= bytes, "an IP header behind the frame's end", frame);
  if (!view.is_ip() || view.has_defect) return;
  expect(view.frame_bytes() <= bytes, "an IP packet longer than its frame", frame);
  if (view.l4_offset == 0) return;
  expect(view.l4_offset >= view.l3_offset, "a transport header before the IP header", frame);
  const unsigned header = view.protocol == kProtocolTcp ? kTcpHeaderBytes : kUdpHeaderBytes;
  if (view.protocol != kProtocolTcp && view.protocol != kProtocolUdp) return;
  expect(view.l4_offset + header + view.payload_bytes <= view.frame_bytes(),
         "a transport payload longer than its packet", frame);
}

void expect_alike(const Parsed& both, const Parsed& alone, const Bytes& frame) {
  expect(alone.is_live(), "take_plain took what parse drops", frame);
  const PacketView& one = both.view();
  const PacketView& other = alone.view();
  expect(!one.has_defect, "take_plain took what it says has a defect", frame);
  if (other.has_defect) {  // odd sources are select's business: plain.cc
    expect(other.defect == DropReason::bad_source, "take_plain took what has a defect", frame);
    return;
  }
  expect(one.l3 == other.l3 && one.l3_offset == other.l3_offset && one.protocol == other.protocol &&
             one.tcp_flags == other.tcp_flags && one.l4_offset == other.l4_offset &&
             one.ip_bytes == other.ip_bytes && one.payload_bytes == other.payload_bytes,
         "take_plain's view isn't parse's", frame);
}

void run(const Bytes& frame) {
  packet::Pipeline& pipeline = still_pipeline();
  const Snapshot& snapshot = pipeline.snapshot();
  const PortState& port = snapshot.ports[kPort];
  const Parsed both(frame);
  take_plain(*both.burst, port, snapshot, pipeline.state());
  const bool plain = both.burst->plain4 != 0 || both.burst->plain6 != 0;
  parse(*both.burst, port);
  const Parsed alone(frame);
  parse(*alone.burst, port);
  expect(std::equal(frame.begin(), frame.end(), both.packet().data), "parse changed the frame", frame);
  expect(both.is_live() == alone.is_live(), "take_plain changed a fate", frame);
  if (alone.is_live()) expect_inside(alone, frame);
  if (both.is_live()) expect_inside(both, frame);
  if (plain) expect_alike(both, alone, frame);
}

// Makes IP lengths and the IPv4 header's checksum fit the frame: what is behind them is reached with any
// bytes, and ends where the frame does.
void fit_ip_header(Bytes& frame) {
  const size_t l3 = l2_bytes(frame);
  if (l3 + 20 > frame.size()) return;
  const auto bytes = static_cast<uint32_t>(frame.size() - l3);
  const uint16_t type = packet::get16(frame, l3 - 2);
  if (type == 0x86dd && bytes >= 40) packet::set16(frame, l3 + 4, bytes - 40);
  const size_t header = (frame[l3] & 15U) * size_t{4};
  if (type != 0x0800 || header < 20 || header > bytes) return;
  packet::set16(frame, l3 + 2, bytes);
  packet::set16(frame, l3 + 10, 0);
  const auto begin = frame.begin() + static_cast<ptrdiff_t>(l3);
  packet::set16(frame, l3 + 10,
                packet::internet_checksum(Bytes(begin, begin + static_cast<ptrdiff_t>(header))));
}

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  shunt::fuzz::abort_on_test_failures();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Bytes frame(data, data + size);
  shunt::fuzz::run(frame);
  // Once more as a frame for this port, which mutations seldom hit.
  const auto mac = shunt::packet::mac(shunt::packet::kPort0Mac);
  if (size >= mac.bytes.size() && !std::equal(mac.bytes.begin(), mac.bytes.end(), frame.begin())) {
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin());
    shunt::fuzz::run(frame);
  }
  shunt::fuzz::fit_ip_header(frame);
  shunt::fuzz::run(frame);
  return 0;
}
