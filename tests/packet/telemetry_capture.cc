// telemetry_capture FILE: TCP connections of many behaviours through a nat service, in process. Writes what
// passed on the clients' side of shunt to FILE (pcap), and says on stdout what telemetry made of each
// connection: a line of JSON.
//
// For tshark_test.py, which asks tshark about the same packets.
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr uint64_t kStartNs = 1'000'000'000'000;

class Capture {
 public:
  explicit Capture(const std::string& path) : file_(path, std::ios::binary) {
    put(0xa1b2c3d4);
    put(2U | 4U << 16U);
    for (const uint32_t word : {0U, 0U, 65535U, 1U})
      put(word);
  }
  void add(uint64_t now_ns, const Bytes& frame) {
    const auto size = static_cast<uint32_t>(frame.size());
    put(static_cast<uint32_t>(now_ns / 1'000'000'000));
    put(static_cast<uint32_t>(now_ns / 1'000 % 1'000'000));
    put(size);
    put(size);
    file_.write(reinterpret_cast<const char*>(frame.data()), size);
  }

 private:
  void put(uint32_t word) { file_.write(reinterpret_cast<const char*>(&word), sizeof word); }
  std::ofstream file_;
};

// One connection, told as it goes: c… what the client sends, s… what the server does. Sequence numbers count
// from the first byte of data, as both sides would have them; a number given is where a segment begins
// instead.
class Connection {
 public:
  Connection(Pipeline& pipeline, Capture& capture, std::string name, uint16_t port, uint32_t first)
      : pipeline_(pipeline), capture_(capture), name_(std::move(name)), port_(port), client_first_(first) {
    retransmits_before_ = row().data_retransmits.read();
    (void)pipeline_.records();
  }

  void wait(uint64_t ms) { pipeline_.wait(ms); }
  void csyn() { client(kSyn, -1, 0); }
  void ssyn() { server(kSyn | kAck, -1, 0); }
  void cack() { client(kAck, client_next_, 0); }
  void sack() { server(kAck, server_next_, 0); }
  void connect() {
    csyn();
    wait(20);
    ssyn();
    wait(1);
    cack();
    wait(5);
  }
  void cdata(int bytes, int at = kNext) { client(kAck | kPsh, at == kNext ? client_next_ : at, bytes); }
  void sdata(int bytes, int at = kNext) { server(kAck | kPsh, at == kNext ? server_next_ : at, bytes); }
  // A segment that goes astray before shunt: its sender has sent it, nobody has seen it.
  void clost(int bytes) { client_next_ += bytes; }
  // The other side has this much (bytes of data; kAll: all).
  void seen_by_server(int bytes) { server_ack_ = bytes; }
  void cfin(int at = kNext) { client(kFin | kAck, at == kNext ? client_next_ : at, 0); }
  void sfin(int at = kNext) { server(kFin | kAck, at == kNext ? server_next_ : at, 0); }
  void crst() { client(kRst | kAck, client_next_, 0); }
  void srst() { server(kRst | kAck, server_next_, 0); }
  void close() {
    wait(10);
    cfin();
    wait(1);
    sfin();
    wait(1);
    cack();
  }

  nlohmann::ordered_json told() {
    nlohmann::ordered_json json = {{"name", name_}, {"port", port_}, {"retransmits", 0}};
    json["retransmits"] = row().data_retransmits.read() - retransmits_before_;
    json["records"] = nlohmann::ordered_json::array();
    return json;
  }

 private:
  static constexpr int kNext = -2;

  const PairOutcomes& row() const {
    return pipeline_.outcomes(pipeline_.service("198.51.100.3", 80), "10.0.0.13");
  }
  void client(uint8_t flags, int at, int bytes) {
    Packet packet{.destination = "198.51.100.3", .sport = port_, .dport = 80};
    packet.sequence = client_first_ + 1 + static_cast<uint32_t>(at);
    packet.ack = (flags & kAck) != 0 ? server_first_ + 1 + static_cast<uint32_t>(server_next_) : 0;
    send(0, packet, flags, bytes);
    client_next_ = std::max(client_next_, at + bytes + ((flags & kFin) != 0 ? 1 : 0));
    if (at <= server_ack_seen_ || server_ack_ < 0)
      server_ack_seen_ = std::max(server_ack_seen_, client_next_);
  }
  void server(uint8_t flags, int at, int bytes) {
    Packet packet{.to = kPort1Mac,
                  .from = backend_mac(13),
                  .source = "10.0.0.13",
                  .destination = "203.0.113.7",
                  .sport = 8080,
                  .dport = port_};
    packet.sequence = server_first_ + 1 + static_cast<uint32_t>(at);
    packet.ack = client_first_ + 1 + static_cast<uint32_t>(server_ack_ >= 0 ? server_ack_ : client_next_);
    send(1, packet, flags, bytes);
    server_next_ = std::max(server_next_, at + bytes + ((flags & kFin) != 0 ? 1 : 0));
  }
  void send(uint8_t port, Packet& packet, uint8_t flags, int bytes) {
    packet.flags = flags;
    packet.payload = Bytes(static_cast<size_t>(bytes), 'x');
    const Bytes frame = build(packet);
    const Outcome outcome = pipeline_.run(port, frame);
    if (outcome.sent.size() != 1) std::abort();
    capture_.add(pipeline_.now().ns, port == 0 ? frame : outcome.sent[0].frame);
  }

  Pipeline& pipeline_;
  Capture& capture_;
  std::string name_;
  uint16_t port_;
  uint32_t client_first_;
  uint32_t server_first_ = 7'000'000;
  int client_next_ = 0;
  int server_next_ = 0;
  int server_ack_ = -1;
  int server_ack_seen_ = 0;
  uint64_t retransmits_before_ = 0;
};

using Story = std::function<void(Connection&)>;

const std::vector<std::pair<const char*, Story>> kStories = {
    {"plain", [](Connection& c) { c.connect(), c.cdata(100), c.wait(5), c.sdata(1000), c.close(); }},
    {"SYN lost behind shunt",
     [](Connection& c) {
       c.csyn(), c.wait(1000), c.csyn(), c.wait(2000), c.connect(), c.cdata(10), c.close();
     }},
    {"SYN-ACK lost",
     [](Connection& c) {
       c.csyn(), c.wait(1), c.ssyn(), c.wait(1000), c.csyn(), c.wait(1), c.ssyn(), c.wait(1), c.cack(),
           c.close();
     }},
    {"nobody answers", [](Connection& c) { c.csyn(), c.wait(1000), c.csyn(), c.wait(2000), c.csyn(); }},
    {"refused", [](Connection& c) { c.csyn(), c.wait(1), c.srst(); }},
    {"given up", [](Connection& c) { c.csyn(), c.wait(1), c.ssyn(), c.wait(1), c.crst(); }},
    {"data lost behind shunt",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(100), c.wait(250), c.cdata(100, 0), c.wait(1),
           c.seen_by_server(100);
       c.sack(), c.close();
     }},
    {"answer lost",
     [](Connection& c) {
       c.connect(), c.cdata(50), c.wait(5), c.sdata(500), c.wait(300), c.sdata(500, 0), c.wait(1), c.cack(),
           c.close();
     }},
    {"spurious",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.wait(5), c.sack(), c.wait(250), c.cdata(100, 0), c.wait(1), c.sack(),
           c.close();
     }},
    {"fast retransmit",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(500), c.cdata(500), c.cdata(500), c.cdata(500), c.wait(10);
       for (int i = 0; i < 4; ++i)
         c.sack(), c.wait(1);
       c.cdata(500, 0), c.wait(20), c.seen_by_server(2000), c.sack(), c.close();
     }},
    {"keepalive of a byte",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.wait(5), c.sack(), c.wait(10'000), c.cdata(1, 99), c.wait(1), c.sack(),
           c.close();
     }},
    {"keepalive of nothing",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.wait(5), c.sack(), c.wait(10'000), c.cdata(0, 99), c.wait(1), c.sack(),
           c.close();
     }},
    {"out of order",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.clost(100), c.cdata(100), c.wait(1), c.cdata(100, 100), c.wait(5),
           c.sack(), c.close();
     }},
    {"data lost before shunt",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.clost(100), c.cdata(100), c.wait(250), c.cdata(100, 100), c.wait(5),
           c.sack(), c.close();
     }},
    {"overlap: the old and more",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(100), c.wait(250), c.cdata(300, 0), c.wait(1),
           c.seen_by_server(300);
       c.sack(), c.close();
     }},
    {"overlap: half old, half new",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(100), c.wait(250), c.cdata(100, 50), c.wait(1),
           c.seen_by_server(150);
       c.sack(), c.close();
     }},
    {"one byte again",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(1), c.wait(250), c.cdata(1, 0), c.wait(1),
           c.seen_by_server(1), c.sack(), c.close();
     }},
    {"reset by the server", [](Connection& c) { c.connect(), c.cdata(100), c.wait(5), c.srst(); }},
    {"reset by the client",
     [](Connection& c) { c.connect(), c.cdata(100), c.wait(5), c.sdata(900), c.wait(5), c.crst(); }},
    {"reset in an upload",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(100), c.wait(1), c.srst(), c.cdata(100), c.srst(),
           c.cdata(100), c.srst();
     }},
    {"reset behind a FIN",
     [](Connection& c) { c.connect(), c.cdata(10), c.wait(5), c.cfin(), c.wait(1), c.srst(); }},
    {"half close by the client",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.wait(1), c.cfin(), c.wait(5), c.sack();
       for (int i = 0; i < 5; ++i)
         c.sdata(1000), c.wait(1), c.cack(), c.wait(1);
       c.sfin(), c.wait(1), c.cack();
     }},
    {"half close by the server",
     [](Connection& c) {
       c.connect(), c.sfin(), c.wait(1), c.cack(), c.cdata(100), c.wait(1), c.sack(), c.cfin(), c.wait(1),
           c.sack();
     }},
    {"FIN again",
     [](Connection& c) {
       c.connect(), c.cdata(100), c.wait(1), c.sack(), c.wait(1), c.seen_by_server(100), c.cfin(),
           c.wait(250), c.cfin(100);
       c.wait(1), c.seen_by_server(101), c.sfin(), c.wait(1), c.cack();
     }},
    {"FIN again, with the data before it",
     [](Connection& c) {
       c.connect(), c.seen_by_server(0), c.cdata(100), c.cfin(), c.wait(250), c.cdata(100, 0), c.wait(1);
       c.seen_by_server(101), c.sfin(), c.wait(1), c.cack();
     }},
    {"data in both at once",
     [](Connection& c) {
       c.connect();
       for (int i = 0; i < 10; ++i)
         c.cdata(200), c.sdata(300), c.wait(2);
       c.close();
     }},
};

int run(const char* path) {
  Config config = mode_config();
  config.telemetry.sample = 1;
  Pipeline pipeline(config, {.now_ns = kStartNs});
  Capture capture(path);
  uint16_t port = 20'000;
  const auto tell = [&](const char* name, const Story& story, uint16_t from, uint32_t first) {
    Connection connection(pipeline, capture, name, from, first);
    story(connection);
    nlohmann::ordered_json json = connection.told();
    pipeline.run_for(60);
    for (const FlowRecord& record : pipeline.records())
      json["records"].push_back({{"outcome", kOutcomeNames[record.outcome]},
                                 {"syn_retransmits", record.syn_retransmits},
                                 {"packets", record.packets},
                                 {"reply_packets", record.reply_packets}});
    std::printf("%s\n", json.dump().c_str());
  };
  for (const auto& [name, story] : kStories) {
    tell(name, story, ++port, 1'000'000);
    // Sequence numbers that wrap in the middle.
    tell(name, story, ++port, 0U - 60U);
  }
  // The port of one that has ended, soon after.
  for (const char* before : {"plain", "reset by the server", "reset by the client"}) {
    ++port;
    for (const auto& [name, story] : kStories) {
      if (std::string(name) == before) tell(name, story, port, 1'000'000);
    }
    tell("port used again", kStories[0].second, port, 500'000'000);
  }
  return 0;
}

}  // namespace
}  // namespace shunt::packet

int main(int argc, char** argv) {
  return argc == 2 ? shunt::packet::run(argv[1]) : 2;
}
