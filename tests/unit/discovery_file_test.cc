// The file source against a real folder: replaced, written in place, broken, gone and back; and the file's
// form.
#include "control/discovery_file.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/discovery_bed.h"

namespace shunt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

struct FileDiscoveryTest : ::testing::Test, testing::DiscoveryBed {
  FileDiscoveryTest() {
    std::string pattern = fs::temp_directory_path() / "shunt-discovery-XXXXXX";
    folder = mkdtemp(pattern.data());
    config.type = DiscoveryType::file;
    config.path = folder / "web.json";
    config.refresh = milliseconds(3'600'000);
  }
  ~FileDiscoveryTest() override { fs::remove_all(folder); }

  void write(const std::string& text, const char* name = "web.json") const {
    std::ofstream(folder / name) << text;
  }
  void replace(const std::string& text) const {
    write(text, "new");
    fs::rename(folder / "new", config.path);
  }

  fs::path folder;
  DiscoveryConfig config;
};

constexpr const char* kOne = R"({"backend": [{"address": "10.0.0.1", "port": 80}]})";
constexpr const char* kTwo = R"({"backend": [{"address": "10.0.0.1", "port": 80}, {"address": "10.0.0.2"}]})";

TEST_F(FileDiscoveryTest, ReplacedAndWrittenInPlace) {
  write(kOne);
  start(config);
  ASSERT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1"}));
  replace(kTwo);
  ASSERT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1", "10.0.0.2 10.0.0.2 0 1"}));
  write(kOne);
  EXPECT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1"}));
}

TEST_F(FileDiscoveryTest, HalfAFileIsNoAnswer) {
  write(kTwo);
  start(config);
  ASSERT_TRUE(run_answers(1));
  write(std::string(kTwo).substr(0, 50));
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("web.json"));
  write(kTwo);
  EXPECT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1", "10.0.0.2 10.0.0.2 0 1"}));
}

// A writer that has the file open: nothing is taken until it closes it.
TEST_F(FileDiscoveryTest, AWriterIsWaitedFor) {
  config.path = folder / "web.toml";
  write("[[backend]]\naddress = \"10.0.0.1\"\n[[backend]]\naddress = \"10.0.0.2\"\n", "web.toml");
  start(config);
  ASSERT_TRUE(run_answers(1));
  {
    std::ofstream file(config.path);
    file << "[[backend]]\naddress = \"10.0.0.1\"\n" << std::flush;  // good TOML so far
    io.run_for(std::chrono::milliseconds(100));
    EXPECT_EQ(answers.size(), 1U);
    file << "[[backend]]\naddress = \"10.0.0.3\"\n";
  }
  EXPECT_TRUE(run_until_lines({"10.0.0.1 10.0.0.1 0 1", "10.0.0.3 10.0.0.3 0 1"}));
  EXPECT_EQ(answers.size(), 2U);
}

TEST_F(FileDiscoveryTest, GoneAndBackByASymlink) {
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("No such file"));
  write(kOne, "data");
  fs::create_symlink("data", folder / "link");
  fs::rename(folder / "link", config.path);
  ASSERT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1"}));
  fs::remove(config.path);
  EXPECT_TRUE(run_until_error());
}

// The folder itself comes late: the refresh finds it.
TEST_F(FileDiscoveryTest, TheFolderMayComeLater) {
  config.path = folder / "later" / "web.json";
  config.refresh = milliseconds(100);
  start(config);
  ASSERT_TRUE(run_until_error());
  fs::create_directory(folder / "later");
  write(kOne, "later/web.json");
  fs::last_write_time(config.path, fs::file_time_type::clock::now() - std::chrono::seconds(10));
  EXPECT_TRUE(run_until_lines({"10.0.0.1:80 10.0.0.1 80 1"}));
}

TEST_F(FileDiscoveryTest, OnlyAFileIsRead) {
  ASSERT_EQ(mkfifo(config.path.c_str(), 0600), 0);
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("isn't a file"));
}

TEST_F(FileDiscoveryTest, NothingIsSaidAfterItsEnd) {
  write(kOne);
  start(config);
  source.reset();
  io.run_for(std::chrono::milliseconds(100));
  EXPECT_THAT(answers, IsEmpty());
}

TEST(DiscoveryFile, BadEntriesAreSkippedAndNamed) {
  const auto parsed = parse_discovery_file(R"({"backend": [
    {"address": "10.0.0.1", "port": 80, "weight": 3, "name": "a", "draining": true},
    {"address": "10.0.0.300"}, {"port": 1}, 7, {"address": "10.0.0.2", "port": 0}, {"address": "10.0.0.3", "weight": 65536},
    {"address": "10.0.0.4", "wieght": 2}, {"address": "10.0.0.5", "name": "a b"}, {"address": "10.0.0.1", "port": 80},
    {"address": "10.0.0.6", "name": "a"}, {"address": "10.0.0.7", "draining": 1}]})",
                                           "/x/web.json");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_THAT(testing::lines_of(parsed.value().backends), ElementsAre("a 10.0.0.1 80 3 draining"));
  EXPECT_EQ(parsed.value().skipped_count, 10U);
  EXPECT_THAT(parsed.value().skipped,
              ElementsAre(HasSubstr("backend 2: `address`"), HasSubstr("no `address`"),
                          HasSubstr("an object"), HasSubstr("`port`"), HasSubstr("`weight`"),
                          HasSubstr("no key `wieght`"), HasSubstr("`name`"), HasSubstr("there twice"),
                          HasSubstr("name a is there twice"), HasSubstr("`draining`")));
}

TEST(DiscoveryFile, AsAWholeOrNotAtAll) {
  for (const char* text :
       {"", "{}", "[]", R"({"backend": {}})", R"({"backend": [], "more": 1})", R"({"backend": [})"})
    EXPECT_FALSE(parse_discovery_file(text, "/x/web.json")) << text;
  for (const char* text : {"", "[backend]\n", "[[backend]]\naddress = \n", "backend = 3\n"})
    EXPECT_FALSE(parse_discovery_file(text, "/x/web.toml")) << text;
  const auto toml =
      parse_discovery_file("[[backend]]\naddress = \"2001:db8::1\"\nport = 80\nweight = 0\n", "/x/web.toml");
  ASSERT_TRUE(toml) << toml.error().text();
  EXPECT_THAT(testing::lines_of(toml.value().backends), ElementsAre("2001:db8::1-80 2001:db8::1 80 0"));
}

TEST(DiscoveryFile, NoMoreBackendsThanAPoolHas) {
  std::string text = R"({"backend": [)";
  for (int i = 0; i < 16'500; ++i) {
    text += (i == 0 ? "" : ",") + std::string(R"({"address": "10.1.)") + std::to_string(i / 250) + "." +
            std::to_string(i % 250) + "\"}";
  }
  const auto parsed = parse_discovery_file(text + "]}", "/x/web.json");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed.value().backends.size(), 16'383U);
  EXPECT_EQ(parsed.value().skipped_count, 117U);
  EXPECT_EQ(parsed.value().skipped.size(), DiscoveryAnswer::kMostSkipped);
}

}  // namespace
}  // namespace shunt
