// Checks through the tunnel, from the kernel's frame to the backend's and back, byte for byte.
//
//   kernel ── tap 0 ── punt thread ── worker ── net1 ── backend N
//   kernel ── tap 0 ── punt thread ── worker ── net0 ── VIP's answer to 192.0.2.2 or 2001:db8:1::1
#include <numeric>

#include "tests/packet/fragment_builder.h"
#include "tests/packet/icmp_builder.h"
#include "tests/packet/punt_harness.h"
#include "tests/packet/ways.h"

namespace shunt::packet {
namespace {

const std::string kNode4 = "192.0.2.2";
const std::string kNode6 = "2001:db8:1::1";

Config tunnel_config() {
  Config config = ways_config();
  for (PoolConfig& pool : config.pools) {
    const ServiceConfig& service = *std::ranges::find(config.services, pool.name, &ServiceConfig::pool);
    if (service.forward != Forward::nat) pool.health->via = HealthVia::tunnel;
  }
  return config;
}

std::vector<Way> tunnels() {
  std::vector<Way> ways = all_ways();
  std::erase_if(ways, [](const Way& way) { return way.forward == Forward::nat; });
  return ways;
}

const Way& way_named(const std::string& name) {
  static const std::vector<Way> ways = all_ways();
  return *std::ranges::find(ways, name, &Way::name);
}

class Probes : public testing::Test {
 protected:
  Probes() : pipeline(tunnel_config()), thread(settings()) {
    pipeline.set_kernel(ways_kernel());
    pipeline.set_punt_thread(&thread.ledger());
    for (uint64_t second = 0; second < 4; ++second)  // announcements of VIPs
      thread.run_once(second * 1'000'000'000U);
    for (int i = 0; i < 10; ++i)
      pipeline.loop();
  }

  PuntThread::Settings settings() {
    PuntThread::Settings settings;
    settings.host_fds = {taps[0].shunts(), taps[1].shunts()};
    settings.from_workers = {&pipeline.punt_rings()};
    settings.to_worker = &pipeline.to_worker();
    settings.snapshot = [this] { return &pipeline.snapshot(); };
    settings.done = [] {};
    return settings;
  }

  IpAddress probe_of(const Way& way, unsigned n) {
    const auto& pools = pipeline.compiler().config().pools;
    const PoolConfig& pool = *std::ranges::find(pools, way.name, &PoolConfig::name);
    return *pipeline.compiler().probes().of(pool.name, pool.backends[n - first_backend(way)]);
  }
  // What the kernel sends on behalf of a check of backend `n`.
  Packet to_probe(const Way& way, unsigned n, uint8_t protocol = 6) {
    return {.to = kHost0Mac,
            .from = kPort0Mac,
            .source = way.v4() ? kNode4 : kNode6,
            .destination = probe_of(way, n).text(),
            .protocol = protocol,
            .dport = static_cast<uint16_t>(protocol == 6 ? 80 : 53)};
  }
  // And what answers it.
  static Packet answer_to(const Way& way, const Packet& sent) {
    return {.source = way.vip(),
            .destination = sent.source,
            .protocol = sent.protocol,
            .sport = sent.dport,
            .dport = sent.sport,
            .flags = kSyn | kAck};
  }
  static Packet restored(const Packet& answer, const Packet& sent) {
    Packet packet = answer;
    packet.to = kPort0Mac;
    packet.tags = {};
    packet.source = sent.destination;
    return packet;
  }

  Outcome kernel_sends(const Bytes& frame) {
    taps[0].send(frame);
    thread.run_once(pipeline.now().ns);
    return pipeline.loop();
  }
  Outcome kernel_sends(const Packet& packet) { return kernel_sends(build(packet)); }
  // What comes in by a port for the kernel; what the kernel gets of it on each tap.
  std::optional<Bytes> comes_in(uint8_t port, const Bytes& frame, unsigned tap = 0) {
    EXPECT_EQ(pipeline.run(port, frame).text(), "nothing");
    thread.run_once(pipeline.now().ns);
    return taps[tap].receive();
  }
  uint64_t punt_drops(DropReason reason) const {
    return thread.ledger().read().dropped[static_cast<size_t>(reason)];
  }
  static std::string text_of(const std::optional<Bytes>& frame) { return frame ? hex(*frame) : "nothing"; }

  Pipeline pipeline;
  std::array<SocketPair, 2> taps;
  PuntThread thread;
};

Bytes payload_of(size_t bytes) {
  Bytes payload(bytes);
  std::iota(payload.begin(), payload.end(), uint8_t{1});
  return payload;
}

// To the very backend that the address stands for, and back.
TEST_F(Probes, TravelAsClientsPacketsDo) {
  for (const Way& way : tunnels()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (unsigned n = first_backend(way); n < first_backend(way) + kBackendsOfWay; ++n) {
        SCOPED_TRACE(way.name + " protocol " + std::to_string(protocol) + " backend " + std::to_string(n));
        Packet packet = to_probe(way, n, protocol);
        packet.sport = static_cast<uint16_t>(40'000 + n);
        packet.payload = payload_of(n * 7);
        packet.tos = 0x10;
        const Outcome outcome = kernel_sends(packet);
        ASSERT_EQ(outcome.text(), "sent");
        EXPECT_EQ(outcome.sent[0].port, 1);
        const Delivered got = delivered(way, outcome.sent[0].frame);
        EXPECT_EQ(got.backend, n);
        EXPECT_EQ(got.faults, "");
        Packet inside = packet;
        inside.destination = way.vip();
        --inside.ttl;
        EXPECT_EQ(hex(got.packet), hex(ip_bytes(inside)));

        Packet answer = answer_to(way, packet);
        answer.payload = payload_of(n);
        EXPECT_EQ(text_of(comes_in(0, build(answer))), hex(build(restored(answer, packet))));
      }
    }
  }
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U) << "no flow of a client's";
}

TEST_F(Probes, AreNoTrafficOfTheService) {
  const Way& way = way_named("ipip, 4in4");
  kernel_sends(to_probe(way, first_backend(way)));
  const Service& service = pipeline.service(way.vip(), 80);
  for (uint32_t number = 0; number < kBackendsOfWay; ++number)
    EXPECT_EQ(pipeline.state().pairs[service.pools[0].pairs + number].packets.read(), 0U);
}

TEST_F(Probes, AnswersOfAllKinds) {
  const Way& way = way_named("gre, 4 over 4");
  const Packet packet = to_probe(way, first_backend(way), 17);
  kernel_sends(packet);
  Packet unsummed = answer_to(way, packet);
  unsummed.transport_checksum = 0;
  EXPECT_EQ(text_of(comes_in(0, build(unsummed))), hex(build(restored(unsummed, packet))));
  EXPECT_EQ(pipeline.run(0, build(unsummed)).text(), "nothing");
  EXPECT_FALSE(pipeline.punt_rings().urgent.empty()) << "before what has a rate limit";
  thread.run_once(0);
  EXPECT_TRUE(taps[0].receive());
  Packet tagged = answer_to(way, packet);
  tagged.tags = {{0x88a8, 7}, {0x8100, 100}};
  EXPECT_EQ(text_of(comes_in(0, build(tagged))), hex(build(restored(tagged, packet))));
  Packet elsewhere = answer_to(way, packet);  // by another port than the kernel expects it from
  elsewhere.to = kPort1Mac;
  EXPECT_EQ(text_of(comes_in(1, build(elsewhere))), hex(build(restored(elsewhere, packet))));
}

// A wrong checksum is nobody's to make right.
TEST_F(Probes, WrongChecksumsStayWrong) {
  const Way& way = way_named("l2, IPv4");
  Packet packet = to_probe(way, first_backend(way));
  const uint16_t right = get16(build(packet), 14 + 20 + 16);
  packet.transport_checksum = static_cast<uint16_t>(right ^ 0x0101U);
  const Outcome outcome = kernel_sends(packet);
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_NE(faults_in(outcome.sent[0].frame).find("transport checksum"), std::string::npos);
}

// One field off, and it is anybody's.
TEST_F(Probes, OnlyTheirAnswersAreChanged) {
  const Way& way = way_named("ipip, 4in4");
  const Packet packet = to_probe(way, first_backend(way));
  kernel_sends(packet);
  const Packet right = answer_to(way, packet);
  std::vector<Packet> wrong(5, right);
  ++wrong[0].sport;
  ++wrong[1].dport;
  wrong[2].source = way_named("l2, IPv4").vip();
  wrong[3].destination = "10.0.0.1";
  wrong[4].protocol = 17;
  for (const Packet& other : wrong)
    EXPECT_EQ(text_of(comes_in(0, build(other))), hex(build(other)));
  EXPECT_EQ(text_of(comes_in(0, build(right))), hex(build(restored(right, packet))));
}

TEST_F(Probes, ForgedOnesStopHere) {
  const Way& way = way_named("ipip, 4in4");
  const Packet packet = to_probe(way, first_backend(way));
  kernel_sends(packet);
  Packet forged = answer_to(way, packet);
  forged.source = packet.destination;
  EXPECT_EQ(text_of(comes_in(0, build(forged))), "nothing");
  EXPECT_EQ(punt_drops(DropReason::bad_source), 1U);
  const Way& six = way_named("l2, IPv6");
  Packet forged6 = answer_to(six, to_probe(six, first_backend(six)));
  forged6.source = probe_of(six, first_backend(six)).text();
  EXPECT_EQ(text_of(comes_in(0, build(forged6))), "nothing");
  EXPECT_EQ(punt_drops(DropReason::bad_source), 2U);
}

// What comes from a wire goes to no tunnel, not even by way of a kernel that forwards.
TEST_F(Probes, BeginAtTheHostOnly) {
  const Way& way = way_named("ipip, 4in4");
  Packet stranger = to_probe(way, first_backend(way));
  stranger.to = kPort0Mac;
  stranger.source = "203.0.113.7";
  EXPECT_EQ(text_of(comes_in(0, build(stranger))), hex(build(stranger)));
  stranger.to = kHost0Mac;
  EXPECT_EQ(kernel_sends(stranger).text(), "bad_source");
  Packet answer = answer_to(way, stranger);
  answer.destination = kNode4;
  EXPECT_EQ(text_of(comes_in(0, build(answer))), hex(build(answer))) << "no flow was noted";
}

TEST_F(Probes, DropWhatCantTravel) {
  const Way& way = way_named("ipip, 4in4");
  const Packet right = to_probe(way, first_backend(way));
  const auto fate = [&](auto change) {
    Packet packet = right;
    change(packet);
    return kernel_sends(packet).text();
  };
  EXPECT_EQ(fate([](Packet& p) { p = icmp(p, Icmp{}); }), "no_service");
  EXPECT_EQ(fate([](Packet& p) { p.destination = "198.19.255.1"; }), "no_backend");
  EXPECT_EQ(fate([](Packet& p) { p.ttl = 1; }), "ttl");
  EXPECT_EQ(fate([](Packet& p) { p.ip_checksum = 7; }), "bad_checksum");
  EXPECT_EQ(fate([](Packet& p) { p.tcp_offset_words = 4; }), "bad_header");
}

TEST_F(Probes, BackendsNobodyReaches) {
  KernelView view = ways_kernel();
  const Way& way = way_named("ipip, 4in4");
  const Way& bridged = way_named("l2, IPv4");
  const unsigned n = first_backend(way);
  std::erase_if(view.neighbours,
                [&](const NeighbourRow& row) { return row.address == ip(way.backend(n + 1)); });
  view.routes.push_back({{ip(bridged.backend(first_backend(bridged))), 32}, 1, ip("10.0.0.254")});
  Pipeline fresh(tunnel_config(), {.kernel = view});
  const auto text = [&](const Packet& packet) {
    taps[0].send(build(packet));
    thread.run_once(0);
    return pipeline.run_by(fresh.snapshot(), 0, {}).text();
  };
  EXPECT_EQ(text(to_probe(way, n)), "sent");
  EXPECT_EQ(text(to_probe(way, n + 1)), "no_neighbour");
  EXPECT_EQ(text(to_probe(bridged, first_backend(bridged))), "not_on_link");
}

// The kernel hears what a client would hear: how much fits.
TEST_F(Probes, TooBigIsToldToTheKernel) {
  for (const Way& way : tunnels()) {
    if (way.outer_bytes() == 0) continue;
    SCOPED_TRACE(way.name);
    const unsigned fits = 1500 - way.outer_bytes();
    Packet packet = to_probe(way, first_backend(way));
    packet.payload = payload_of(fits - (way.v4() ? 40 : 60));
    EXPECT_EQ(kernel_sends(packet).text(), "sent");
    packet.payload.push_back(0);
    EXPECT_EQ(kernel_sends(packet).text(), "too_big");
    thread.run_once(0);
    const auto told = taps[0].receive();
    ASSERT_TRUE(told);
    const Bytes answer = tail(*told, 14);
    const size_t header = way.v4() ? 20 : 40;
    const size_t source = way.v4() ? 12 : 8;
    const Bytes ends(answer.begin() + static_cast<ptrdiff_t>(source),
                     answer.begin() + static_cast<ptrdiff_t>(header));
    Bytes wanted = wire(ip(packet.destination));
    put(wanted, wire(ip(packet.source)));
    EXPECT_EQ(hex(ends), hex(wanted));
    EXPECT_EQ(get16(answer, header), way.v4() ? 0x0304 : 0x0200);
    EXPECT_EQ(get16(answer, header + 6), fits);
    const Bytes quoted = ip_bytes(packet);
    EXPECT_TRUE(
        std::equal(answer.begin() + static_cast<ptrdiff_t>(header) + 8, answer.end(), quoted.begin()));
  }
  const Way& way = way_named("ipip, 4in4");
  Packet packet = to_probe(way, first_backend(way));
  packet.payload = payload_of(1450);
  packet.dont_fragment = false;
  EXPECT_EQ(kernel_sends(packet).text(), "too_big");
  thread.run_once(0);
  EXPECT_EQ(taps[0].receive(), std::nullopt);
}

TEST_F(Probes, ClampTheSegmentSizeOfASyn) {
  Config config = tunnel_config();
  for (ServiceConfig& service : config.services)
    service.mss_clamp = kMssOfMtu;
  pipeline.reload(config);
  const Way& way = way_named("ipip, 4in4");
  Packet packet = to_probe(way, first_backend(way));
  packet.tcp_options = {2, 4, 0x05, 0xb4};  // 1,460
  const Outcome outcome = kernel_sends(packet);
  ASSERT_EQ(outcome.text(), "sent");
  Packet inside = packet;
  inside.destination = way.vip();
  inside.tcp_options = {2, 4, 0x05, 0xa0};  // 1,440
  --inside.ttl;
  EXPECT_EQ(hex(delivered(way, outcome.sent[0].frame).packet), hex(ip_bytes(inside)));
}

// Port unreachable from the backend (by its VIP) and from a router on the way, of both families.
TEST_F(Probes, IcmpErrorsAreAboutTheProbe) {
  for (const std::string name : {"ipip, 4in4", "gue, 6 over 6"}) {
    const Way& way = way_named(name);
    const Packet packet = to_probe(way, first_backend(way), 17);
    kernel_sends(packet);
    Packet seen = packet;  // as the backend has it
    seen.destination = way.vip();
    --seen.ttl;
    Packet quoted = packet;
    --quoted.ttl;
    for (const std::string& source : {way.vip(), way.router()}) {
      SCOPED_TRACE(name + " from " + source);
      const auto error = [&](const std::string& from, const Packet& about, const std::string& to_mac) {
        const Packet base{.to = to_mac, .source = from, .destination = packet.source};
        return build(icmp(base, {.type = static_cast<uint8_t>(way.v4() ? 3 : 1),
                                 .code = static_cast<uint8_t>(way.v4() ? 3 : 4),
                                 .rest = 0,
                                 .body = quote(about)}));
      };
      EXPECT_EQ(text_of(comes_in(0, error(source, seen, kPort0Mac))),
                hex(error(packet.destination, quoted, kPort0Mac)));
      Packet other = seen;  // about a flow that is no check's
      ++other.sport;
      EXPECT_EQ(text_of(comes_in(0, error(source, other, kPort0Mac))), hex(error(source, other, kPort0Mac)));
    }
  }
}

std::vector<Bytes> in_fragments(const Packet& packet, size_t step) {
  std::vector<Bytes> frames;
  for (const Bytes& piece : fragments(ip_bytes(packet), step))
    frames.push_back(ethernet_bytes(packet, piece));
  return frames;
}

// Datagrams that don't fit one packet.
TEST_F(Probes, FragmentsBothWays) {
  for (const std::string name : {"ipip, 4in4", "l2, IPv6", "gue, 4 over 6", "gre, 6 over 4"}) {
    SCOPED_TRACE(name);
    const Way& way = way_named(name);
    Packet packet = to_probe(way, first_backend(way), 17);
    packet.payload = payload_of(2000);
    packet.dont_fragment = false;
    Packet inside = packet;
    inside.destination = way.vip();
    --inside.ttl;
    const std::vector<Bytes> sent = in_fragments(packet, 1208);
    const std::vector<Bytes> wanted = in_fragments(inside, 1208);
    ASSERT_EQ(sent.size(), 2U);
    for (size_t i = 0; i < sent.size(); ++i) {
      const Outcome outcome = kernel_sends(sent[i]);
      ASSERT_EQ(outcome.text(), "sent");
      const Delivered got = delivered(way, outcome.sent[0].frame);
      EXPECT_EQ(got.faults, "");
      EXPECT_EQ(hex(got.packet), hex(tail(wanted[i], 14)));
    }
    Packet answer = answer_to(way, packet);
    answer.payload = payload_of(3000);
    answer.dont_fragment = false;
    const std::vector<Bytes> came = in_fragments(answer, 1440);
    const std::vector<Bytes> due = in_fragments(restored(answer, packet), 1440);
    ASSERT_EQ(came.size(), 3U);
    EXPECT_EQ(text_of(comes_in(0, came[1])), hex(came[1])) << "before the first one nobody can know";
    for (size_t i = 0; i < came.size(); ++i)
      EXPECT_EQ(text_of(comes_in(0, came[i])), hex(due[i]));
    Packet other = answer;  // the same addresses, another datagram
    ++other.id;
    const Bytes stranger = ethernet_bytes(other, fragments(ip_bytes(other), 1440, 7)[2]);
    EXPECT_EQ(text_of(comes_in(0, stranger)), hex(stranger));
  }
}

// A port that the kernel gives to a connection of the host's own with the VIP is no check's any more.
TEST_F(Probes, EndWhenTheirPortIsUsedOtherwise) {
  const Way& way = way_named("l2, IPv4");
  const Packet packet = to_probe(way, first_backend(way));
  kernel_sends(packet);
  Packet local = packet;
  local.destination = way.vip();
  EXPECT_EQ(kernel_sends(local).text(), "sent");
  const Packet answer = answer_to(way, packet);
  EXPECT_EQ(text_of(comes_in(0, build(answer))), hex(build(answer)));
  const Packet next = to_probe(way, first_backend(way) + 1);
  kernel_sends(next);
  EXPECT_EQ(text_of(comes_in(0, build(answer))), hex(build(restored(answer, next))));
}

// More flows than there is room for: those that a RST closed go first.
TEST_F(Probes, OpenOnesOutlastTheRest) {
  const Way& way = way_named("l2, IPv4");
  const Packet open = to_probe(way, first_backend(way));
  kernel_sends(open);
  Packet closing = to_probe(way, first_backend(way) + 1);
  closing.flags = kRst;
  for (unsigned sport = 1024; sport < 65'536; ++sport) {
    closing.sport = static_cast<uint16_t>(sport);
    if (closing.sport != open.sport) kernel_sends(closing);
  }
  const Packet answer = answer_to(way, open);
  EXPECT_EQ(text_of(comes_in(0, build(answer))), hex(build(restored(answer, open))));
}

// A backend keeps its address, and what was its address is nobody's for long.
TEST_F(Probes, FollowReloads) {
  const Way& way = way_named("ipip, 4in4");
  const unsigned n = first_backend(way);
  const IpAddress second = probe_of(way, n + 1);
  const Packet gone = to_probe(way, n);
  Config config = tunnel_config();
  PoolConfig& pool = *std::ranges::find(config.pools, way.name, &PoolConfig::name);
  pool.backends.erase(pool.backends.begin());
  pool.backends.push_back(backend("new", "10.0.0.79"));
  pipeline.reload(config);
  EXPECT_EQ(pipeline.compiler().probes().of(way.name, pool.backends[0]), second);
  EXPECT_EQ(kernel_sends(gone).text(), "no_backend");
  const auto fresh = pipeline.compiler().probes().of(way.name, pool.backends.back());
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->text(), gone.destination);
  for (PoolConfig& each : config.pools)
    each.health->via = HealthVia::direct;
  pipeline.reload(config);
  EXPECT_TRUE(pipeline.snapshot().probe_prefixes.empty());
}

}  // namespace
}  // namespace shunt::packet
