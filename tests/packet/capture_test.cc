// Captures over the whole way of a packet: what a pcapng reader finds in them is what came in and what left,
// byte for byte, and nobody's packets are lost for it.
#include <gtest/gtest.h>

#include <algorithm>

#include "control/capture_session.h"
#include "tests/packet/client.h"
#include "tests/packet/ways.h"

namespace shunt::packet {
namespace {

// One packet of a pcapng file.
struct Captured {
  std::string interface;
  uint64_t ns = 0;
  uint32_t wire_bytes = 0;
  Bytes frame;
  std::string comment;
};
struct PcapngFile {
  std::vector<std::string> interfaces;
  std::vector<Captured> packets;
  std::optional<uint64_t> lost;
  std::string fault;  // empty: every block was understood
};

// Little-endian, as the draft has it; written apart from pcapng.cc.
uint64_t number_at(const std::string& bytes, size_t at, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i)
    number |= uint64_t{static_cast<uint8_t>(bytes.at(at + i))} << (8 * i);
  return number;
}
std::map<uint64_t, std::string> options_at(const std::string& bytes, size_t at, size_t end) {
  std::map<uint64_t, std::string> options;
  while (at + 4 <= end) {
    const uint64_t code = number_at(bytes, at, 2);
    const uint64_t size = number_at(bytes, at + 2, 2);
    if (code == 0) break;
    options[code] = bytes.substr(at + 4, size);
    at += 4 + (size + 3) / 4 * 4;
  }
  return options;
}

PcapngFile read_pcapng(const std::string& bytes) {
  PcapngFile file;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t type = number_at(bytes, at, 4);
    const uint64_t size = number_at(bytes, at + 4, 4);
    if (size % 4 != 0 || size < 12 || at + size > bytes.size() ||
        number_at(bytes, at + size - 4, 4) != size) {
      file.fault = "block at " + std::to_string(at);
      return file;
    }
    const size_t body = at + 8;
    const size_t end = at + size - 4;
    if (type == 0x0a0d0d0a) {
      if (at != 0 || number_at(bytes, body, 4) != 0x1a2b3c4d) file.fault = "section";
    } else if (type == 1) {
      auto options = options_at(bytes, body + 8, end);
      if (number_at(bytes, body, 2) != 1 || options[9] != "\x09") file.fault = "interface";
      file.interfaces.push_back(options[2]);
    } else if (type == 6) {
      const uint64_t captured = number_at(bytes, body + 12, 4);
      Captured packet;
      packet.interface = file.interfaces.at(number_at(bytes, body, 4));
      packet.ns = number_at(bytes, body + 4, 4) << 32U | number_at(bytes, body + 8, 4);
      packet.wire_bytes = static_cast<uint32_t>(number_at(bytes, body + 16, 4));
      const std::string frame = bytes.substr(body + 20, captured);
      packet.frame.assign(frame.begin(), frame.end());
      auto options = options_at(bytes, body + 20 + (captured + 3) / 4 * 4, end);
      packet.comment = options[1];
      const bool outbound = number_at(options[2], 0, 4) == 2;
      if (outbound != packet.interface.ends_with(" out")) file.fault = "direction";
      file.packets.push_back(std::move(packet));
    } else if (type == 5) {
      file.lost = number_at(options_at(bytes, body + 12, end)[5], 0, 8);
    } else {
      file.fault = "type " + std::to_string(type);
    }
    at += size;
  }
  return file;
}

struct Bed {
  explicit Bed(const Config& config = mode_config(), const Pipeline::Options& options = {})
      : pipeline(config, options), taps(std::make_shared<CaptureTaps>(std::vector{&pipeline.state()})) {}

  std::unique_ptr<CaptureSession> start(const CaptureFilter& filter, uint64_t packets = 1'000) {
    if (!taps->start(filter)) return nullptr;
    CaptureNames names;
    names.application = "test";
    names.ports = {"net0", "net1"};
    names.service = [](uint16_t id) { return "s" + std::to_string(id); };
    names.backend = [](uint16_t id, BackendRef ref) {
      return std::to_string(id) + "/" + std::to_string(ref.number());
    };
    const CaptureBounds bounds{packets, pipeline.now().ns + 60'000'000'000U, filter.snap_bytes, 5};
    return std::make_unique<CaptureSession>(
        taps, std::move(names), bounds, [this] { return pipeline.now().ns; },
        [this](uint64_t count, uint64_t missed) { ends.emplace_back(count, missed); });
  }
  // What was captured until now, and the end.
  PcapngFile finish(CaptureSession& session) {
    std::string bytes;
    pipeline.wait(61'000);
    while (const auto part = session.take())
      bytes += *part;
    return read_pcapng(bytes);
  }

  Pipeline pipeline;
  std::shared_ptr<CaptureTaps> taps;
  std::vector<std::pair<uint64_t, uint64_t>> ends;
};

uint16_t id_of(Bed& bed, const std::string& vip) {
  return bed.pipeline.service(vip, 80).id;
}

// In every mode: the frame as it came in and as it left.
TEST(Capture, HoldsBeforeAndAfter) {
  Pipeline::Options options;
  options.kernel = ways_kernel();
  Bed bed(ways_config(), options);
  const auto session = bed.start({});
  ASSERT_NE(session, nullptr);
  std::vector<Bytes> frames;
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      frames.push_back(build(way.from_client(protocol)));
      const Outcome outcome = bed.pipeline.run(0, frames.back());
      ASSERT_EQ(outcome.text(), "sent") << way.name;
      frames.push_back(outcome.sent[0].frame);
    }
  }
  const PcapngFile file = bed.finish(*session);
  EXPECT_EQ(file.fault, "");
  EXPECT_EQ(file.interfaces, (std::vector<std::string>{"net0 in", "net0 out", "net1 in", "net1 out"}));
  ASSERT_EQ(file.packets.size(), frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    const Captured& packet = file.packets[i];
    const bool is_after = i % 2 == 1;
    EXPECT_EQ(packet.frame, frames[i]) << i;
    EXPECT_EQ(packet.wire_bytes, frames[i].size());
    EXPECT_EQ(packet.interface, is_after ? "net1 out" : "net0 in");
    EXPECT_TRUE(packet.comment.starts_with(is_after ? "after, service s" : "before, service s"))
        << packet.comment;
    EXPECT_EQ(packet.ns, 1'000'000'000'005U) << "of the burst, by the wall's clock";
  }
  EXPECT_EQ(file.lost, 0U);
  EXPECT_EQ(bed.ends, (std::vector<std::pair<uint64_t, uint64_t>>{{frames.size() / 2, 0}}));
}

TEST(Capture, SaysWhoseAPacketIs) {
  Bed bed;
  const auto session = bed.start({});
  const std::string vip = "198.51.100.3";
  Client client(bed.pipeline, vip, 40'000);
  client.syn();
  const Packet reply{.to = kPort1Mac,
                     .source = "10.0.0.13",
                     .destination = "203.0.113.7",
                     .sport = 8080,
                     .dport = 40'000,
                     .flags = kSyn | kAck};
  EXPECT_EQ(bed.pipeline.run(1, build(reply)).text(), "sent");
  const PcapngFile file = bed.finish(*session);
  ASSERT_EQ(file.packets.size(), 4U);
  const std::string id = std::to_string(id_of(bed, vip));
  const std::string rest = "service s" + id + ", flow 203.0.113.7:40000, backend " + id + "/0";
  EXPECT_EQ(file.packets[0].comment, "before, " + rest);
  EXPECT_EQ(file.packets[1].comment, "after, " + rest);
  EXPECT_EQ(file.packets[2].comment, "before, reply, " + rest);
  EXPECT_EQ(file.packets[3].comment, "after, reply, " + rest);
  EXPECT_EQ(file.packets[3].interface, "net0 out");
}

TEST(Capture, OfDropReasons) {
  Bed bed;
  CaptureFilter filter;
  filter.reasons = uint64_t{1} << static_cast<unsigned>(DropReason::no_service) |
                   uint64_t{1} << static_cast<unsigned>(DropReason::ttl);
  const auto session = bed.start(filter);
  EXPECT_EQ(bed.pipeline.run(0, build({.destination = "198.51.100.1", .dport = 81})).text(), "no_service");
  EXPECT_EQ(bed.pipeline.run(0, build({.destination = "198.51.100.6"})).text(), "not_on_link");
  EXPECT_EQ(bed.pipeline.run(0, build({.destination = "198.51.100.1"})).text(), "sent");
  EXPECT_EQ(bed.pipeline.run(0, build({.destination = "198.51.100.1", .ttl = 1})).text(), "sent ttl");
  const PcapngFile file = bed.finish(*session);
  ASSERT_EQ(file.packets.size(), 2U);
  EXPECT_EQ(file.packets[0].comment, "dropped: no_service, flow 203.0.113.7:40000");
  EXPECT_TRUE(file.packets[1].comment.starts_with("dropped: ttl, answered, service s"))
      << file.packets[1].comment;
}

// What earlier packets left in a burst's places is nobody's service.
TEST(Capture, OfWhatHasNoService) {
  Bed bed;
  Client(bed.pipeline, "198.51.100.1", 40'000).open();
  const auto session = bed.start({});
  Bytes stranger = build({.to = "02:00:00:00:77:77", .destination = "198.51.100.1"});
  EXPECT_EQ(bed.pipeline.run(0, stranger).text(), "not_our_mac");
  EXPECT_EQ(bed.pipeline.run(0, build({.destination = "192.0.2.2", .dport = 22})).text(), "punted");
  Bytes stub(10, 0);
  EXPECT_EQ(bed.pipeline.run(0, stub).text(), "truncated");
  const PcapngFile file = bed.finish(*session);
  ASSERT_EQ(file.packets.size(), 3U);
  EXPECT_EQ(file.packets[0].comment.substr(0, 20), "dropped: not_our_mac");
  EXPECT_EQ(file.packets[0].comment.find("service"), std::string::npos);
  EXPECT_EQ(file.packets[1].comment, "to the kernel, flow 203.0.113.7:40000");
  EXPECT_EQ(file.packets[2].comment, "dropped: truncated");
  EXPECT_EQ(file.packets[2].frame, stub);
}

TEST(Capture, Filters) {
  Bed bed(web_config(4));
  const auto opened = [&](const CaptureFilter& filter) {
    const auto session = bed.start(filter);
    std::vector<std::string> seen;
    for (uint16_t i = 0; i < 40; ++i) {
      Client client(bed.pipeline, kVip, static_cast<uint16_t>(1'000 + i));
      client.packet.source = "203.0.113." + std::to_string(i);
      seen.push_back(client.syn());
      client.packet.dport = 53;
      client.udp();
    }
    PcapngFile file = bed.finish(*session);
    bed.pipeline.loop();
    bed.pipeline.loop();
    return std::pair{std::move(seen), std::move(file)};
  };
  CaptureFilter by_service;
  by_service.service = bed.pipeline.service(kVip, 53, Protocol::udp).id;
  EXPECT_EQ(opened(by_service).second.packets.size(), 80U);
  CaptureFilter by_client;
  by_client.by_client = true;
  by_client.client = *Prefix::parse("203.0.113.8/29");
  EXPECT_EQ(opened(by_client).second.packets.size(), 8U * 4U);
  CaptureFilter by_backend;
  by_backend.by_backend = true;
  by_backend.backends = {{bed.pipeline.service(kVip, 80).id, BackendRef::of(0, 2)}};
  const auto [seen, file] = opened(by_backend);
  const auto there = static_cast<size_t>(std::ranges::count(seen, "10.0.0.22"));
  EXPECT_GT(there, 0U);
  EXPECT_EQ(file.packets.size(), 2 * there);
}

TEST(Capture, EndsAfterSoManyAndIsOneAtATime) {
  Bed bed;
  const auto session = bed.start({}, 3);
  EXPECT_EQ(bed.start({}), nullptr) << "one runs";
  for (uint16_t i = 0; i < 10; ++i)
    Client(bed.pipeline, "198.51.100.1", static_cast<uint16_t>(1'000 + i)).syn();
  std::string bytes;
  while (const auto part = session->take())
    bytes += *part;
  EXPECT_EQ(read_pcapng(bytes).packets.size(), 6U) << "three, before and after";
  EXPECT_EQ(bed.pipeline.state().capture.load(), nullptr);
  EXPECT_EQ(bed.ends.size(), 1U);
  EXPECT_EQ(bed.start({}), nullptr) << "the worker may still be in the last tap";
  bed.pipeline.loop();
  bed.pipeline.loop();
  auto next = bed.start({});
  ASSERT_NE(next, nullptr);
  Client(bed.pipeline, "198.51.100.1", 2'000).syn();
  next.reset();  // nobody reads any more
  EXPECT_EQ(bed.pipeline.state().capture.load(), nullptr);
  Client(bed.pipeline, "198.51.100.1", 2'001).syn();
}

// A ring that nobody empties fills up: the rest is counted, and every packet goes on.
TEST(Capture, FullIsCountedAndNobodyWaits) {
  Bed bed;
  CaptureFilter filter;
  filter.snap_bytes = 1'500;
  const auto session = bed.start(filter, 1'000'000);
  Packet packet{.destination = "198.51.100.1"};
  packet.flags = kAck | kPsh;
  packet.payload = Bytes(1'400, 'x');
  const std::vector<Bytes> burst(32, build(packet));
  size_t sent = 0;
  for (unsigned i = 0; i < 100; ++i)
    sent += bed.pipeline.run_burst(0, burst).sent.size();
  EXPECT_EQ(sent, 3'200U);
  const PcapngFile file = bed.finish(*session);
  EXPECT_EQ(file.fault, "");
  ASSERT_TRUE(file.lost.has_value());
  EXPECT_GT(*file.lost, 1'000U);
  EXPECT_EQ(file.packets.size() + *file.lost, 6'400U);
  EXPECT_EQ(file.packets[0].frame.size(), 1'454U);
}

TEST(Capture, OfTheBeginningOfAFrameWithTags) {
  Bed bed;
  CaptureFilter filter;
  filter.snap_bytes = 64;
  filter.by_client = true;
  filter.client = *Prefix::parse("203.0.113.7");
  const auto session = bed.start(filter);
  Packet packet{.tags = {{0x88a8, 5}, {0x8100, 6}}, .destination = "198.51.100.1"};
  packet.payload = Bytes(400, 'x');
  const Bytes frame = build(packet);
  EXPECT_EQ(bed.pipeline.run(0, frame).text(), "sent");
  const PcapngFile file = bed.finish(*session);
  ASSERT_EQ(file.packets.size(), 2U);
  EXPECT_EQ(file.packets[0].frame, Bytes(frame.begin(), frame.begin() + 64));
  EXPECT_EQ(file.packets[0].wire_bytes, frame.size());
  EXPECT_NE(file.packets[0].comment.find("flow 203.0.113.7:40000"), std::string::npos);
}

}  // namespace
}  // namespace shunt::packet
