// record_reader: the flow records of a shuntd as lines of JSON, one a record.
//
// A record's place in the ring is given back when its line is written, so that none is lost if this is
// killed.
#include "stats/record_reader.h"

#include <poll.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kBatch = 256;
constexpr int kNapMs = 10;

volatile sig_atomic_t stop_asked = 0;

void ask_to_stop(int /*signal*/) {
  stop_asked = 1;
}

Json json_of(uint32_t ring, const FlowRecord& record) {
  const auto has = [&record](uint8_t flag) { return (record.flags & flag) != 0; };
  const auto client = record.client_address();
  Json json;
  json["ring"] = ring;
  json["ended_us"] = record.ended_us;
  json["protocol"] = has(kFlowUdp) ? "udp" : "tcp";
  json["client"] = client ? Json(client->text()) : Json();
  json["client_port"] = record.client_port;
  json["service"] = record.service;
  json["backend"] = record.backend;
  json["outcome"] = record.outcome;
  json["attempt"] = record.attempt;
  json["syn_retransmits"] = record.syn_retransmits;
  json["connect_us"] = record.connect_us;
  json["method"] = has(kFlowConnectAck) ? "ack" : "synack";
  json["first_byte_us"] = record.first_byte_us;
  json["duration_ms"] = record.duration_ms;
  json["packets"] = record.packets;
  json["bytes"] = record.bytes.get();
  json["reply_packets"] = record.reply_packets;
  json["reply_bytes"] = record.reply_bytes.get();
  json["sampled"] = has(kFlowSampled);
  return json;
}

class Printer {
 public:
  explicit Printer(RecordReader reader) : reader_(std::move(reader)) {}

  // Until all is read that there is; when following, until shuntd ends or a signal comes.
  void run(bool follow) {
    for (;;) {
      const bool last = !follow || stop_asked != 0 || !reader_.connected();
      if (print_some() > 0) continue;
      if (last) return;
      pollfd asked{reader_.connection(), POLLIN, 0};
      poll(&asked, 1, kNapMs);
    }
  }

  void print_counts() {
    Json json = {{"read", read_}, {"pushed", 0}, {"dropped", 0}, {"waiting", 0}, {"restarts", 0}};
    for (uint32_t ring = 0; ring < reader_.rings(); ++ring) {
      const RecordRingReader& of = reader_.ring(ring);
      json["pushed"] = json["pushed"].get<uint64_t>() + of.pushed();
      json["dropped"] = json["dropped"].get<uint64_t>() + of.dropped();
      json["waiting"] = json["waiting"].get<uint64_t>() + of.waiting();
      json["restarts"] = json["restarts"].get<uint64_t>() + of.restarts();
    }
    json["generation"] = reader_.header().generation.load();
    json["shuntd"] = reader_.connected();
    std::fprintf(stderr, "%s\n", json.dump().c_str());
  }

 private:
  size_t print_some() {
    size_t printed = 0;
    for (uint32_t ring = 0; ring < reader_.rings(); ++ring) {
      const size_t count = reader_.ring(ring).copy(batch_);
      if (count == 0) continue;
      for (size_t i = 0; i < count; ++i)
        std::printf("%s\n", json_of(ring, batch_[i]).dump().c_str());
      std::fflush(stdout);
      reader_.ring(ring).done(count);
      printed += count;
    }
    read_ += printed;
    return printed;
  }

  RecordReader reader_;
  std::vector<FlowRecord> batch_{kBatch};
  uint64_t read_ = 0;
};

int run(int argc, char** argv) {
  CLI::App app("Prints the flow records of a shuntd as lines of JSON, and what was counted on stderr.");
  std::string path;
  bool follow = false;
  app.add_option("SOCKET", path, "<runtime_dir>/records")->required();
  app.add_flag("--follow", follow, "go on until shuntd ends, SIGTERM or SIGINT");
  CLI11_PARSE(app, argc, argv);

  struct sigaction action{};
  action.sa_handler = ask_to_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  auto reader = RecordReader::attach(path);
  if (!reader) {
    std::fprintf(stderr, "record_reader: %s\n", reader.error().text().c_str());
    return 1;
  }
  Printer printer(reader.take());
  printer.run(follow);
  printer.print_counts();
  return 0;
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  return shunt::run(argc, argv);
}
