// RecordSegment and RecordReader in processes of their own: every record is read, waiting or counted as
// dropped, whatever the reader does, and nothing a reader can do reaches the producer.
#include "stats/record_segment.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "stats/record_reader.h"
#include "stats/record_socket.h"
#include "tests/unit/record_reader_process.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// Sanitizers keep notes of their own on memory, in pages that come when they are touched.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

constexpr uint64_t kCapacity = 1024;
constexpr size_t kBatch = 64;

// How a reader behaves that isn't quick and well.
struct Manner {
  milliseconds pause{0};      // after each batch
  uint32_t die_at_batch = 0;  // by SIGKILL, with the batch read and not yet given back; 0: lives
};

// The body of a reading process: attaches, reads all rings round and round, ends when told to and all is
// read.
int read_all(const std::string& socket, Witness& witness, Manner manner = {}) {
  auto reader = RecordReader::attach(socket);
  if (!reader) return 1;
  witness.attached.fetch_add(1);
  std::vector<FlowRecord> batch(kBatch);
  uint32_t batches = 0;
  for (;;) {
    const bool last = witness.stop.load();
    size_t copied = 0;
    for (uint32_t ring = 0; ring < reader.value().rings(); ++ring) {
      const size_t count = reader.value().ring(ring).copy(batch);
      if (count == 0) continue;
      for (size_t i = 0; i < count; ++i)
        witness.see(ring, batch[i]);
      if (++batches == manner.die_at_batch) raise(SIGKILL);
      reader.value().ring(ring).done(count);
      witness.batches.fetch_add(1);
      copied += count;
    }
    if (copied == 0 && last) return 0;
    if (copied == 0 || manner.pause.count() != 0)
      std::this_thread::sleep_for(std::max(manner.pause, milliseconds(1)));
  }
}

// One segment with what was pushed into it.
class Records : public testing::Test {
 protected:
  void open(uint32_t rings = 1, uint64_t capacity = kCapacity) {
    auto made = RecordSegment::create(folder_.path(), rings, capacity);
    ASSERT_TRUE(made) << made.error().text();
    segment_.emplace(made.take());
    pushed_.assign(rings, {});
    attempts_.assign(rings, 0);
  }
  // What the ring took is remembered.
  void push(uint32_t ring, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t number = attempts_[ring]++;
      if (segment_->ring(ring).push(record_of(number))) pushed_[ring].push_back(number);
    }
  }
  // Pushes a few at a time and lets others run, until the condition holds.
  template <typename Condition>
  void push_until(Condition condition) {
    for (int round = 0; !condition(); ++round) {
      ASSERT_LT(round, 60'000) << "never happened";
      for (uint32_t ring = 0; ring < pushed_.size(); ++ring) {
        if (attempts_[ring] + 32 < kMostRecords) push(ring, 32);
      }
      segment_->serve();
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  void wait_attached(uint32_t readers) {
    ASSERT_TRUE(serve_until(*segment_, [&] { return witness_->attached.load() == readers; }));
  }
  // Every attempt is accounted for, and exactly what was taken was seen; `repeats` records of killed readers
  // twice.
  void expect_all_read(uint64_t most_repeats) {
    uint64_t repeats = 0;
    for (uint32_t ring = 0; ring < pushed_.size(); ++ring) {
      const RecordSegment::Counts counts = segment_->counts(ring);
      EXPECT_EQ(counts.pushed, pushed_[ring].size());
      EXPECT_EQ(counts.pushed + counts.dropped, attempts_[ring]);
      EXPECT_EQ(counts.waiting, 0U);
      std::vector<uint64_t> seen;
      for (uint64_t number = 0; number < attempts_[ring]; ++number) {
        const uint8_t times = witness_->seen[ring][number].load();
        if (times == 0) continue;
        seen.push_back(number);
        repeats += times - 1U;
      }
      EXPECT_EQ(seen, pushed_[ring]);
    }
    EXPECT_EQ(witness_->wrong.load(), 0U);
    EXPECT_LE(repeats, most_repeats);
  }
  void finish(Child& reader) {
    witness_->stop = true;
    EXPECT_EQ(reader.wait(), 0);
  }
  Child reader(Manner manner = {}) {
    return Child([this, manner] { return read_all(folder_.socket(), *witness_, manner); });
  }

  Folder folder_;
  SharedWitness witness_;
  std::optional<RecordSegment> segment_;
  std::vector<std::vector<uint64_t>> pushed_;
  std::vector<uint64_t> attempts_;
};

TEST_F(Records, ReachAReaderInAnotherProcess) {
  open(2);
  push(0, 100);
  Child process = reader();
  wait_attached(1);
  EXPECT_EQ(segment_->reader_pid(), process.pid());
  push_until([&] { return attempts_[0] > 20'000; });
  finish(process);
  expect_all_read(0);
}

TEST_F(Records, WaitForTheFirstReader) {
  open();
  push(0, kCapacity + 10);
  EXPECT_EQ(segment_->counts(0).waiting, kCapacity);
  EXPECT_EQ(segment_->counts(0).dropped, 10U);
  Child process = reader();
  wait_attached(1);
  finish(process);
  expect_all_read(0);
}

TEST_F(Records, AreFollowedBesideAReader) {
  open(2);
  std::vector<uint64_t> seen;
  const auto follow = [&] {
    seen.clear();
    segment_->follow([&](const FlowRecord& record) { seen.push_back(record.ended_us); });
  };
  push(0, 3);
  push(1, 2);
  follow();
  EXPECT_EQ(seen, (std::vector<uint64_t>{0, 1, 2, 0, 1}));
  follow();
  EXPECT_TRUE(seen.empty());
  push(1, 300);
  follow();
  ASSERT_EQ(seen.size(), 300U);
  EXPECT_EQ(seen.back(), 301U);
  EXPECT_EQ(segment_->counts(0).waiting, 3U);
  EXPECT_EQ(segment_->counts(1).waiting, 302U);
  Child process = reader();
  wait_attached(1);
  finish(process);
  expect_all_read(0);
}

TEST_F(Records, ThatNobodyReadsMakeRoomForNewOnes) {
  open(1, 64);
  push(0, 32);
  segment_->make_room();
  EXPECT_EQ(segment_->counts(0).waiting, 32U);
  for (int i = 0; i < 20; ++i) {
    push(0, 30);
    segment_->make_room();
    EXPECT_EQ(segment_->counts(0).waiting, 32U);
  }
  EXPECT_EQ(segment_->counts(0).dropped, 0U);
  std::thread server([&] { serve_until(*segment_, [&] { return segment_->has_reader(); }); });
  auto attached = RecordReader::attach(folder_.socket());
  server.join();
  ASSERT_TRUE(attached);
  push(0, 40);
  segment_->make_room();  // not while somebody reads
  EXPECT_EQ(segment_->counts(0).waiting, 64U);
  EXPECT_EQ(segment_->counts(0).dropped, 8U);
  std::vector<FlowRecord> out(100);
  ASSERT_EQ(attached.value().ring(0).read(out), 64U);
  EXPECT_EQ(out[0].ended_us, 600U);  // the newest 32 of 632 and what came then
}

TEST_F(Records, OfASlowReaderAreDroppedAndCounted) {
  open(2, 64);
  Child process = reader({.pause = milliseconds(20)});
  wait_attached(1);
  push_until([&] { return attempts_[1] > 3'000 && segment_->counts(0).dropped > 0; });
  finish(process);
  expect_all_read(0);
}

TEST_F(Records, OfAStoppedReaderAreDroppedAndItGoesOn) {
  open();
  Child process = reader();
  wait_attached(1);
  push_until([&] { return witness_->batches.load() > 10; });
  process.stop();
  push(0, 3 * kCapacity);
  EXPECT_EQ(segment_->counts(0).waiting, kCapacity);
  EXPECT_GE(segment_->counts(0).dropped, 2 * kCapacity);
  EXPECT_TRUE(segment_->has_reader()) << "a stopped reader keeps its seat";
  process.go_on();
  push_until([&] { return attempts_[0] > 10'000; });
  finish(process);
  expect_all_read(0);
}

TEST_F(Records, OfAKilledReaderAreGivenToTheNext) {
  open(2);
  for (uint32_t readers = 1; readers <= 5; ++readers) {
    Child process = reader({.die_at_batch = 20});
    wait_attached(readers);
    push_until([&] { return !segment_->has_reader(); });
    EXPECT_EQ(process.wait(), SIGKILL);
  }
  push(0, 100);
  Child process = reader();
  wait_attached(6);
  push_until([&] { return attempts_[0] > 30'000; });
  finish(process);
  expect_all_read(5 * kBatch);
}

TEST_F(Records, OfAReaderThatIsKilledWhileStoppedAreGivenToTheNext) {
  open();
  {
    Child process = reader();
    wait_attached(1);
    push_until([&] { return witness_->batches.load() > 10; });
    process.stop();
    push(0, 2 * kCapacity);
    process.kill();
  }
  EXPECT_FALSE(segment_->has_reader());
  Child process = reader();
  wait_attached(2);
  push_until([&] { return attempts_[0] > 10'000; });
  finish(process);
  expect_all_read(kBatch);
}

// The socket's mode decides who reads; mapping what came by it needs no further rights.
TEST_F(Records, ReachAReaderThatIsntRootByItsGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  constexpr id_t kNobody = 65'534;
  const auto as_nobody = [](auto body) {
    return setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0 ? body() : 1;
  };
  open();
  push(0, 10);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  Child stranger([&] {
    return as_nobody([&] {
      const auto reader = RecordReader::attach(folder_.socket());
      return !reader && reader.error().what == "can't connect: Permission denied" ? 0 : 1;
    });
  });
  EXPECT_EQ(stranger.wait(), 0);
  ASSERT_EQ(chown(folder_.socket().c_str(), 0, kNobody), 0);
  Child member([&] { return as_nobody([&] { return read_all(folder_.socket(), *witness_); }); });
  wait_attached(1);
  push_until([&] { return attempts_[0] > 3'000; });
  finish(member);
  expect_all_read(0);
}

// Not in a ring's first round, and not when it is full.
TEST_F(Records, ArePushedWithoutAPageFault) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer's own page faults can't be told apart";
  open(2, 16'384);
  const FlowRecord record = record_of(1);
  const auto faults = [] {
    rusage use{};
    getrusage(RUSAGE_THREAD, &use);
    return use.ru_minflt + use.ru_majflt;
  };
  faults();
  segment_->ring(0).push(record);  // the code's own pages
  const long before = faults();
  for (uint32_t i = 0; i < 50'000; ++i) {
    segment_->ring(0).push(record);
    segment_->ring(1).push(record);
  }
  EXPECT_EQ(faults() - before, 0);
  EXPECT_EQ(segment_->counts(1).waiting, 16'384U);
}

TEST_F(Records, AreReadByOneProcessAtATime) {
  open();
  Child process = reader();
  wait_attached(1);
  auto second = attach_here(*segment_, folder_.socket());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text(), folder_.socket() + ": process " + std::to_string(process.pid()) +
                                       " reads the flow records already; there is one reader at a time");
  process.stop();
  EXPECT_FALSE(attach_here(*segment_, folder_.socket()));
  process.kill();
  EXPECT_TRUE(attach_here(*segment_, folder_.socket()));
}

TEST_F(Records, HaveAHeaderThatSaysWhoWritesThem) {
  open(2);
  auto attached = attach_here(*segment_, folder_.socket());
  ASSERT_TRUE(attached) << attached.error().text();
  const RecordHeader& header = attached.value().header();
  EXPECT_EQ(header.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(header.rings, 2U);
  EXPECT_EQ(header.capacity, kCapacity);
  EXPECT_GT(header.started_us, 1'600'000'000'000'000U);
  EXPECT_EQ(header.generation.load(), 0U);
  segment_->set_generation(17);
  EXPECT_EQ(header.generation.load(), 17U);
}

TEST_F(Records, AreReadToTheEndAfterShuntdEndedAndThenAnew) {
  open();
  auto first = attach_here(*segment_, folder_.socket());
  ASSERT_TRUE(first);
  EXPECT_TRUE(first.value().connected());
  push(0, 10);
  segment_.reset();
  EXPECT_FALSE(first.value().connected());
  std::vector<FlowRecord> out(kBatch);
  ASSERT_EQ(first.value().ring(0).read(out), 10U);
  EXPECT_TRUE(same(out[9], record_of(9)));

  const auto nobody = RecordReader::attach(folder_.socket());
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().what, "no shuntd has this runtime_dir");
  open();
  push(0, 3);
  auto again = attach_here(*segment_, folder_.socket());
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value().ring(0).read(out), 3U);
}

TEST_F(Records, OfAKilledShuntdCanStillBeRead) {
  Child shuntd([this] {
    auto made = RecordSegment::create(folder_.path(), 1, kCapacity);
    if (!made) return 1;
    RecordSegment segment = made.take();
    for (uint64_t i = 0; i < 100; ++i)
      segment.ring(0).push(record_of(i));
    serve_until(segment, [] { return false; });
    return 1;
  });
  Result<RecordReader> attached = Error{};
  for (int i = 0; i < 5'000 && !attached; ++i) {
    attached = RecordReader::attach(folder_.socket());
    std::this_thread::sleep_for(milliseconds(1));
  }
  ASSERT_TRUE(attached) << attached.error().text();
  EXPECT_TRUE(attached.value().connected());
  shuntd.kill();
  EXPECT_FALSE(attached.value().connected());
  std::vector<FlowRecord> out(200);
  ASSERT_EQ(attached.value().ring(0).read(out), 100U);
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(same(out[i], record_of(i)));

  const auto left_behind = RecordReader::attach(folder_.socket());
  ASSERT_FALSE(left_behind);
  EXPECT_EQ(left_behind.error().what, "the shuntd that made it is gone");
  open();
  EXPECT_TRUE(attach_here(*segment_, folder_.socket()));
}

TEST_F(Records, AreNotWaitedForWithoutEnd) {
  open();
  const auto reader = RecordReader::attach(folder_.socket(), milliseconds(50));
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().what, "shuntd doesn't answer");
  // It went before it was answered: that is no reader.
  segment_->serve();
  EXPECT_FALSE(segment_->has_reader());
}

// The two descriptors, as any program would get them.
struct Descriptors {
  UniqueFd connection;
  UniqueFd records;
  UniqueFd tails;
};

Descriptors take_descriptors(RecordSegment& segment, const std::string& socket_path) {
  Descriptors taken;
  taken.connection = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto address = record_socket_address(socket_path);
  EXPECT_EQ(connect(taken.connection.get(), reinterpret_cast<const sockaddr*>(&address.value()),
                    sizeof(sockaddr_un)),
            0);
  segment.serve();
  char text[64] = {};
  iovec part{text, sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT_GT(recvmsg(taken.connection.get(), &message, MSG_CMSG_CLOEXEC), 0);
  EXPECT_STREQ(text, "shunt flow records");
  int descriptors[2] = {-1, -1};
  std::memcpy(descriptors, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptors);
  taken.records = UniqueFd(descriptors[0]);
  taken.tails = UniqueFd(descriptors[1]);
  return taken;
}

// The error of a call that must fail; 0: it didn't.
template <typename Call>
int refusal(Call call) {
  errno = 0;
  return call() < 0 ? errno : 0;
}

TEST_F(Records, CantBeCutShortOrChangedByAReader) {
  open();
  push(0, 10);
  const Descriptors taken = take_descriptors(*segment_, folder_.socket());
  const auto bytes = static_cast<off_t>(segment_->layout().records_bytes());
  for (const UniqueFd* memory : {&taken.records, &taken.tails}) {
    EXPECT_EQ(refusal([&] { return ftruncate(memory->get(), 0); }), EPERM);
    EXPECT_EQ(refusal([&] { return ftruncate(memory->get(), 2 * bytes); }), EPERM);
    EXPECT_EQ(refusal([&] { return fcntl(memory->get(), F_ADD_SEALS, F_SEAL_WRITE); }), EPERM);
    const std::string name = "/proc/self/fd/" + std::to_string(memory->get());
    EXPECT_EQ(refusal([&] { return ::open(name.c_str(), O_RDWR | O_TRUNC | O_CLOEXEC); }), EPERM);
    EXPECT_EQ(refusal([&] { return truncate(name.c_str(), 0); }), EPERM);
  }
  const int records = taken.records.get();
  EXPECT_EQ(refusal([&] { return pwrite(records, "x", 1, 0); }), EPERM);
  EXPECT_EQ(refusal([&] { return fallocate(records, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes); }),
            EPERM);
  EXPECT_NE(refusal([&] { return fallocate(records, FALLOC_FL_ZERO_RANGE, 0, bytes); }), 0);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, records, 0), MAP_FAILED);
  void* readable = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, records, 0);
  ASSERT_NE(readable, MAP_FAILED);
  EXPECT_EQ(refusal([&] { return mprotect(readable, 4096, PROT_READ | PROT_WRITE); }), EACCES);
  EXPECT_NE(refusal([&] { return madvise(readable, 4096, MADV_REMOVE); }), 0);
  munmap(readable, 4096);
  EXPECT_EQ(segment_->counts(0).pushed, 10U);
  EXPECT_EQ(segment_->counts(0).waiting, 10U);
}

TEST_F(Records, ArePushedWhateverAReaderDoesToTheTails) {
  open(2, 64);
  const Descriptors taken = take_descriptors(*segment_, folder_.socket());
  push(0, 40);
  const auto bytes = static_cast<off_t>(segment_->layout().tails_bytes());
  EXPECT_EQ(fallocate(taken.tails.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes), 0);
  push(0, 100);
  EXPECT_EQ(segment_->counts(0).pushed, 64U);
  const std::vector<uint8_t> rubbish(static_cast<size_t>(bytes), 0xa5);
  EXPECT_EQ(pwrite(taken.tails.get(), rubbish.data(), rubbish.size(), 0), bytes);
  push(0, 100);
  push(1, 100);
  EXPECT_EQ(segment_->counts(0).pushed + segment_->counts(0).dropped, 240U);
  EXPECT_EQ(segment_->counts(0).waiting, 64U);
  EXPECT_LE(segment_->counts(1).pushed, 64U);
}

TEST_F(Records, AreMadeInASocketFileThatItsGroupMayOpen) {
  const mode_t mask = umask(0);
  open();
  umask(mask);
  struct stat found{};
  ASSERT_EQ(lstat(folder_.socket().c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 07777U, 0660U);
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(folder_.path()),
                         std::filesystem::directory_iterator());
  };
  EXPECT_EQ(files(), 1);
  // What comes after may have taken its place: that stays.
  std::optional<RecordSegment> first = std::move(segment_);
  segment_.reset();
  open();
  first.reset();
  EXPECT_EQ(files(), 1);
  EXPECT_TRUE(attach_here(*segment_, folder_.socket()));
  segment_.reset();
  EXPECT_EQ(files(), 0);
}

TEST(RecordSegment, SaysWhatItCantMake) {
  const Folder folder;
  const auto error_of = [](const std::string& directory, uint32_t rings, uint64_t capacity) {
    const auto made = RecordSegment::create(directory, rings, capacity);
    return made ? "" : made.error().text();
  };
  for (const auto& [rings, capacity] :
       {std::pair{0U, 64U}, {257U, 64U}, {1U, 0U}, {1U, 65U}, {1U, 1U << 23U}})
    EXPECT_THAT(error_of(folder.path(), rings, capacity), HasSubstr("1 to 256 rings of a power of two"));
  EXPECT_THAT(error_of(folder.path() + "/absent", 1, 64), HasSubstr("No such file or directory"));
  EXPECT_THAT(error_of(folder.path() + "/" + std::string(100, 'x'), 1, 64), HasSubstr("at most 107 bytes"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Memory as a shuntd of another version would make it.
struct Foreign {
  explicit Foreign(const RecordLayout& layout)
      : records_bytes(layout.records_bytes()), tails_bytes(layout.tails_bytes()) {
    std::ranges::copy(kRecordMagic, header.magic.begin());
    header.version = kRecordLayoutVersion;
    header.header_bytes = static_cast<uint32_t>(layout.header_bytes());
    header.record_bytes = sizeof(FlowRecord);
    header.rings = layout.rings;
    header.capacity = layout.capacity;
    header.ring_bytes = layout.ring_bytes();
  }
  std::string objection() const {
    UniqueFd records(memfd_create("records", MFD_CLOEXEC));
    UniqueFd tails(memfd_create("tails", MFD_CLOEXEC));
    EXPECT_EQ(ftruncate(records.get(), static_cast<off_t>(records_bytes)), 0);
    EXPECT_EQ(ftruncate(tails.get(), static_cast<off_t>(tails_bytes)), 0);
    if (records_bytes >= sizeof header) {
      EXPECT_EQ(pwrite(records.get(), &header, sizeof header, 0), 64);
    }
    const auto reader = RecordReader::map("x", std::move(records), std::move(tails), UniqueFd());
    return reader ? "" : reader.error().what;
  }

  RecordHeader header;
  uint64_t records_bytes;
  uint64_t tails_bytes;
};

TEST(RecordReader, RefusesWhatItDoesntKnow) {
  const RecordLayout layout{2, 64};
  const auto objection = [&](auto change) {
    Foreign foreign(layout);
    change(foreign);
    return foreign.objection();
  };
  EXPECT_EQ(objection([](Foreign&) {}), "");
  EXPECT_EQ(objection([](Foreign& f) { f.header.magic[0] = 'S'; }), "these aren't flow records of shunt");
  EXPECT_EQ(objection([](Foreign& f) { f.header.version = 2; }),
            "the layout's version is 2, this reader knows 1");
  EXPECT_EQ(objection([](Foreign& f) { f.header.record_bytes = 128; }),
            "a record's size is 128, this reader knows 64");
  EXPECT_EQ(objection([](Foreign& f) { f.header.header_bytes = 64; }),
            "the header's size is 64, this reader knows 4096");
  EXPECT_EQ(objection([](Foreign& f) { f.header.ring_bytes = 64; }),
            "a ring's size is 64, this reader knows 8192");
  EXPECT_EQ(objection([](Foreign& f) { f.header.rings = 0; }), "0 rings of 64 records can't be");
  EXPECT_EQ(objection([](Foreign& f) { f.header.rings = UINT32_MAX; }),
            "4294967295 rings of 64 records can't be");
  EXPECT_EQ(objection([](Foreign& f) { f.header.capacity = 63; }), "2 rings of 63 records can't be");
  EXPECT_EQ(objection([](Foreign& f) { f.records_bytes -= 4096; }),
            "the records have 16384 bytes, their header says 20480");
  EXPECT_EQ(objection([](Foreign& f) { f.tails_bytes += 4096; }),
            "the tails have 8192 bytes, the header says 4096");
  EXPECT_EQ(objection([](Foreign& f) { f.records_bytes = 32; }), "is too short");
  EXPECT_EQ(objection([](Foreign& f) { f.tails_bytes = 0; }), "is too short");
}

TEST(RecordReader, SaysWhatAnotherSocketAnswers) {
  const Folder folder;
  UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto address = record_socket_address(folder.socket());
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address.value()), sizeof(sockaddr_un)),
            0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  for (const auto& [said, wanted] : {std::pair{"come back later", "come back later"},
                                     {"shunt flow records", "shuntd's answer came without its memory"},
                                     {"", "shuntd closed the connection"}}) {
    std::thread server([&listener, text = std::string(said)] {
      UniqueFd connection(accept(listener.get(), nullptr, nullptr));
      if (text.empty()) return;
      EXPECT_GT(send(connection.get(), text.data(), text.size(), 0), 0);
    });
    const auto reader = RecordReader::attach(folder.socket());
    server.join();
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().what, wanted);
  }
}

}  // namespace
}  // namespace shunt
