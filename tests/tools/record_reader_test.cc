// Programs that read flow records from outside: record_reader, and the Python of docs/records.md word for
// word.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "stats/record_segment.h"
#include "tests/unit/record_reader_process.h"

namespace shunt {
namespace {

FlowRecord failed_attempt() {
  FlowRecord record;
  record.ended_us = 1'700'000'000'123'456;
  record.set_client(*IpAddress::parse("192.0.2.7"), 40'000);
  record.service = 3;
  record.backend = 0x4002;
  record.outcome = 4;
  record.duration_ms = 7'000;
  record.packets = 4;
  record.bytes.set(296);
  record.syn_retransmits = 3;
  record.attempt = 2;
  return record;
}

FlowRecord long_download() {
  FlowRecord record;
  record.ended_us = 1'700'000'001'000'000;
  record.set_client(*IpAddress::parse("2001:db8::9"), 443);
  record.flags = static_cast<uint8_t>(record.flags | kFlowSampled | kFlowConnectAck);
  record.service = 65'535;
  record.connect_us = 812;
  record.first_byte_us = 4'294'967'295;
  record.packets = 10;
  record.reply_packets = 4'294'967'295;
  record.bytes.set(0x0102030405);
  record.reply_bytes.set(UINT64_MAX);
  record.attempt = 1;
  return record;
}

class ReadFromOutside : public testing::Test {
 protected:
  void SetUp() override {
    auto made = RecordSegment::create(folder_.path(), 2, 64);
    ASSERT_TRUE(made) << made.error().text();
    segment_.emplace(made.take());
    segment_->ring(0).push(failed_attempt());
    segment_->ring(1).push(long_download());
    segment_->set_generation(5);
  }
  // What a command prints, once it has come and gone.
  std::string output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    std::atomic<bool> ended = false;
    std::thread server([&] { serve_until(*segment_, [&] { return ended.load(); }); });
    std::array<char, 4096> part{};
    while (const size_t bytes = fread(part.data(), 1, part.size(), pipe))
      output.append(part.data(), bytes);
    EXPECT_EQ(pclose(pipe), 0) << command;
    ended = true;
    server.join();
    return output;
  }

  Folder folder_;
  std::optional<RecordSegment> segment_;
};

constexpr const char* kJson =
    R"({"ring":0,"ended_us":1700000000123456,"protocol":"tcp","client":"192.0.2.7","client_port":40000,"service":3,)"
    R"("backend":16386,"outcome":4,"attempt":2,"syn_retransmits":3,"connect_us":0,"method":"synack","first_byte_us":0,)"
    R"("duration_ms":7000,"packets":4,"bytes":296,"reply_packets":0,"reply_bytes":0,"sampled":false})"
    "\n"
    R"({"ring":1,"ended_us":1700000001000000,"protocol":"tcp","client":"2001:db8::9","client_port":443,"service":65535,)"
    R"("backend":0,"outcome":0,"attempt":1,"syn_retransmits":0,"connect_us":812,"method":"ack",)"
    R"("first_byte_us":4294967295,"duration_ms":0,"packets":10,"bytes":4328719365,"reply_packets":4294967295,)"
    R"("reply_bytes":1099511627775,"sampled":true})"
    "\n";

TEST_F(ReadFromOutside, RecordReaderPrintsJson) {
  const std::string command = std::string(SHUNT_RECORD_READER) + " " + folder_.socket() + " 2>&1";
  EXPECT_EQ(output_of(command),
            std::string(kJson) +
                R"({"read":2,"pushed":2,"dropped":0,"waiting":0,"restarts":0,"generation":5,"shuntd":true})" +
                "\n");
  EXPECT_EQ(segment_->counts(0).waiting + segment_->counts(1).waiting, 0U);
}

// The code block of the page.
std::string python_of_the_page() {
  std::ifstream page(std::string(SHUNT_SOURCE_ROOT) + "/docs/records.md");
  std::stringstream text;
  text << page.rdbuf();
  const std::string all = text.str();
  const size_t begin = all.find("```python\n");
  const size_t end = all.find("```\n", begin + 10);
  EXPECT_NE(begin, std::string::npos);
  return all.substr(begin + 10, end - begin - 10);
}

TEST_F(ReadFromOutside, ThePythonOfTheDocumentReadsTheSame) {
  const std::string script = folder_.path() + "/reader.py";
  std::ofstream(script) << python_of_the_page();
  EXPECT_EQ(output_of("/usr/bin/python3 " + script + " " + folder_.socket() + " 2>&1"),
            "1700000000123456 ::ffff:192.0.2.7 40000 3 4 0 296 2\n"
            "1700000001000000 2001:db8::9 443 65535 0 812 4328719365 1\n");
  EXPECT_EQ(segment_->counts(0).waiting + segment_->counts(1).waiting, 0U);
}

}  // namespace
}  // namespace shunt
