// Fragments that go no further, where that takes more than one packet.
#include "tests/packet/drop_rows.h"
#include "tests/packet/fragment_builder.h"

namespace shunt::packet {
namespace {

struct Fragments {
  explicit Fragments(const Packet& whole) : packet(whole), bytes(ip_bytes(whole)) {}
  Bytes part(size_t begin, size_t end, bool more = true) const {
    return ethernet_bytes(packet, fragment(bytes, {begin, end, more}, id6));
  }
  Packet packet;
  Bytes bytes;
  uint32_t id6 = 1;
};

Fragments udp(const std::string& vip) {
  return Fragments({.source = ip(vip).is_v4() ? "203.0.113.7" : "2001:db8:9::7",
                    .destination = vip,
                    .dont_fragment = false,
                    .protocol = 17,
                    .dport = 53,
                    .payload = Bytes(400, 5)});
}

uint64_t dropped(const Pipeline& pipeline, DropReason reason) {
  return pipeline.total().dropped[static_cast<size_t>(reason)];
}

// Runs frames one by one; how many were dropped for `reason`, if nothing else was.
uint64_t drops_of(const std::vector<Bytes>& frames, DropReason reason, uint64_t wait_ms = 0) {
  Pipeline pipeline(six_config());
  for (const Bytes& frame : frames)
    pipeline.run(0, frame);
  pipeline.wait(wait_ms);
  pipeline.loop();
  const Ledger sum = pipeline.total();
  EXPECT_EQ(sum.dropped_total(), dropped(pipeline, reason));
  return sum.dropped_total();
}

// In both families: the sum, if it is what each should be.
template <typename Frames>
uint64_t in_both(uint64_t wanted, DropReason reason, const Frames& frames, uint64_t wait_ms = 0) {
  uint64_t sum = 0;
  for (const std::string vip : {"198.51.100.1", "2001:db8:a::1"}) {
    SCOPED_TRACE(vip);
    const uint64_t drops = drops_of(frames(udp(vip)), reason, wait_ms);
    EXPECT_EQ(drops, wanted);
    sum += drops;
  }
  return sum;
}

using Frames = std::vector<Bytes>;

uint64_t duplicates() {
  return in_both(3, DropReason::fragment, [](const Fragments& f) {
    return Frames{f.part(0, 104),   f.part(0, 104),          f.part(104, 208),
                  f.part(104, 208), f.part(208, 408, false), f.part(104, 208)};
  });
}

uint64_t duplicates_of_held_ones() {
  return in_both(1, DropReason::fragment, [](const Fragments& f) {
    return Frames{f.part(104, 208), f.part(104, 208), f.part(0, 104), f.part(208, 408, false)};
  });
}

uint64_t overlaps() {
  return in_both(2, DropReason::fragment, [](const Fragments& f) {
    return Frames{f.part(0, 104), f.part(96, 208), f.part(208, 408, false)};
  });
}

uint64_t overlaps_of_held_ones() {
  return in_both(4, DropReason::fragment, [](const Fragments& f) {
    return Frames{f.part(104, 208), f.part(96, 208), f.part(208, 408, false), f.part(0, 104)};
  });
}

uint64_t teardrop() {
  return in_both(1, DropReason::fragment,
                 [](const Fragments& f) { return Frames{f.part(0, 104), f.part(24, 28, false)}; });
}

uint64_t first_never_comes() {
  return in_both(
      2, DropReason::fragment_limit,
      [](const Fragments& f) { return Frames{f.part(104, 208), f.part(208, 408, false)}; }, 1000);
}

uint64_t first_comes_too_late() {
  Pipeline pipeline(six_config());
  const Fragments f = udp("198.51.100.1");
  EXPECT_EQ(pipeline.run(0, f.part(104, 208)).text(), "nothing");
  pipeline.wait(999);
  EXPECT_EQ(pipeline.loop().text(), "nothing");
  pipeline.wait(1);
  EXPECT_EQ(pipeline.loop().text(), "fragment_limit");
  EXPECT_EQ(pipeline.run(0, f.part(0, 104)).text(), "sent");
  return dropped(pipeline, DropReason::fragment_limit);
}

uint64_t too_many_gaps() {
  Fragments f = udp("198.51.100.1");
  f.bytes.resize(20 + 4000);
  Frames frames;
  for (size_t at = 0; at < 65 * 16; at += 16)
    frames.push_back(f.part(at, at + 8));
  return drops_of(frames, DropReason::fragment_limit);
}

// A flood of later fragments with an identification each, and between them a client's datagram, last
// fragment first.
uint64_t flood() {
  Pipeline pipeline(six_config());
  uint64_t drops = 0;
  for (unsigned i = 0; i < 5000; ++i) {
    Fragments f = udp("198.51.100.1");
    f.packet.source = "203.0.113.66";
    f.packet.id = static_cast<uint16_t>(i);
    f.bytes = ip_bytes(f.packet);
    pipeline.run(0, f.part(104, 408, false));
    EXPECT_LE(pipeline.state().fragments.datagrams(), 256U);
    if (i % 1000 != 500) continue;
    Fragments client = udp("198.51.100.1");
    client.packet.id = static_cast<uint16_t>(i);
    client.bytes = ip_bytes(client.packet);
    EXPECT_EQ(pipeline.run(0, client.part(104, 408, false)).text(), "fragment_limit") << "the oldest goes";
    EXPECT_EQ(pipeline.run(0, client.part(0, 104)).text(), "sent sent");
  }
  drops = dropped(pipeline, DropReason::fragment_limit);
  EXPECT_GE(drops, 5000U - 256U);
  EXPECT_EQ(pipeline.run(0, build(Packet{})).text(), "sent") << "the flood stays the flood's loss";
  pipeline.wait(2000);
  pipeline.loop();
  EXPECT_TRUE(pipeline.state().fragments.empty());
  return drops;
}

uint64_t no_buffer_for_a_held_one() {
  Pipeline pipeline(six_config());
  const Fragments f = udp("198.51.100.1");
  pipeline.run(0, f.part(104, 408, false));
  pipeline.io().set_buffers(0);
  EXPECT_EQ(pipeline.run(0, f.part(0, 104)).text(), "sent transmit_full");
  return dropped(pipeline, DropReason::transmit_full);
}

uint64_t no_buffer_for_a_piece() {
  Pipeline pipeline(six_config());
  pipeline.io().set_buffers(2);
  const Packet packet{.dont_fragment = false, .payload = Bytes(4000, 1)};
  const Outcome outcome = pipeline.run(0, build(packet));
  EXPECT_EQ(outcome.text(), "sent sent transmit_full");
  EXPECT_EQ(pipeline.total().originated, 2U);
  return dropped(pipeline, DropReason::transmit_full);
}

// What became of the first one becomes of the others, whichever came before.
uint64_t no_service_for_the_first() {
  Fragments f = udp("198.51.100.1");
  f.packet.dport = 54;
  f.bytes = ip_bytes(f.packet);
  return drops_of({f.part(104, 208), f.part(0, 104), f.part(208, 408, false)}, DropReason::no_service);
}

// It leaves no trace: the same part with hops left still fits, before the first one and behind it.
uint64_t no_hops_left_in_a_later_one() {
  Pipeline pipeline(six_config());
  const Fragments f = udp("198.51.100.1");
  Fragments late = f;
  late.packet.ttl = 1;
  late.bytes = ip_bytes(late.packet);
  EXPECT_EQ(pipeline.run(0, late.part(104, 208)).text(), "ttl");
  EXPECT_EQ(pipeline.run(0, f.part(104, 208)).text(), "nothing");
  EXPECT_EQ(pipeline.run(0, f.part(0, 104)).text(), "sent sent");
  EXPECT_EQ(pipeline.run(0, late.part(208, 408, false)).text(), "ttl");
  EXPECT_EQ(pipeline.run(0, f.part(208, 408, false)).text(), "sent");
  return dropped(pipeline, DropReason::ttl);
}

// Nobody may be that; the first one would have to go too, so the others aren't held.
uint64_t a_vip_or_encap_source_as_source() {
  uint64_t drops = 0;
  for (const auto& [vip, sources] :
       {std::pair<std::string, std::vector<std::string>>{"198.51.100.1", {"198.51.100.2", "10.0.0.10"}},
        {"2001:db8:a::1", {"2001:db8:a::1", "2001:db8:2::a"}}}) {
    for (const std::string& source : sources) {
      Fragments f = udp(vip);
      f.packet.source = source;
      f.bytes = ip_bytes(f.packet);
      drops += drops_of({f.part(104, 208), f.part(0, 104), f.part(208, 408, false)}, DropReason::bad_source);
    }
  }
  EXPECT_EQ(drops, 12U);
  return drops;
}

}  // namespace

std::vector<DropScenario> fragment_scenarios() {
  using enum DropReason;
  return {
      {"fragments that came before", fragment, duplicates},
      {"fragments that are held already", fragment, duplicates_of_held_ones},
      {"a fragment that overlaps, and what follows", fragment, overlaps},
      {"the same while the first is missing", fragment, overlaps_of_held_ones},
      {"teardrop", fragment, teardrop},
      {"a first fragment that never comes", fragment_limit, first_never_comes},
      {"a first fragment that comes too late", fragment_limit, first_comes_too_late},
      {"a datagram of nothing but gaps", fragment_limit, too_many_gaps},
      {"a flood of identifications", fragment_limit, flood},
      {"no buffer for a fragment that was held", transmit_full, no_buffer_for_a_held_one},
      {"no buffer for a piece", transmit_full, no_buffer_for_a_piece},
      {"fragments of a datagram that no service takes", no_service, no_service_for_the_first},
      {"a later fragment with TTL 1", ttl, no_hops_left_in_a_later_one},
      {"fragments from a VIP or an encap_source", bad_source, a_vip_or_encap_source_as_source},
  };
}

}  // namespace shunt::packet
