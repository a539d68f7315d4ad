// Publication: a reader sees whole snapshots only, one is freed when nobody reads it any more, and not
// before.
#include "dataplane/dpdk_publication.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

namespace shunt {
namespace {

constexpr uint64_t kPublications = 100'000;
constexpr unsigned kReaders = 2;

// A part of the snapshot that carries its generation twice, and forgets it when freed: a reader that holds it
// too long finds another number there (or a sanitizer complains). Counts those that are alive.
class Canary {
 public:
  Canary(uint64_t generation, std::atomic<int64_t>& alive)
      : alive_(alive), generation_(generation), inverted_(~generation) {
    alive_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Canary() {
    generation_ = 0xdead;
    inverted_ = 0xdead;
    alive_.fetch_sub(1, std::memory_order_relaxed);
  }
  bool sings(uint64_t generation) const { return generation_ == generation && inverted_ == ~generation; }

 private:
  std::atomic<int64_t>& alive_;
  volatile uint64_t generation_;  // volatile: the stores of the destructor count
  volatile uint64_t inverted_;
};

std::unique_ptr<const Snapshot> snapshot_of(uint64_t generation, std::atomic<int64_t>& alive) {
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->generation = generation;
  snapshot->parts.push_back(std::make_shared<const Canary>(generation, alive));
  return snapshot;
}

const Canary& canary_of(const Snapshot& snapshot) {
  return *static_cast<const Canary*>(snapshot.parts[0].get());
}

struct Reader {
  std::atomic<uint64_t> loops = 0;
  uint64_t bad = 0;        // dead canaries
  uint64_t backwards = 0;  // an older snapshot after a newer one
  uint64_t seen = 0;       // different ones
  std::thread thread;
};

void read_until(const std::atomic<bool>& stop, Publication& publication, unsigned id, Reader& reader) {
  publication.online(id);
  uint64_t last = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const Snapshot& snapshot = *publication.current();
    const uint64_t generation = snapshot.generation;
    for (int use = 0; use < 8; ++use)
      reader.bad += canary_of(snapshot).sings(generation) ? 0U : 1U;
    reader.backwards += generation < last ? 1U : 0U;
    reader.seen += generation != last ? 1U : 0U;
    last = generation;
    publication.quiescent(id);
    reader.loops.fetch_add(1, std::memory_order_relaxed);
  }
  publication.offline(id);
}

// False: not within half a minute.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Publication, ReadersNeverSeeAFreedSnapshot) {
  std::atomic<int64_t> alive = 0;
  {
    Publication publication(kReaders);
    publication.publish(snapshot_of(1, alive));
    std::atomic<bool> stop = false;
    std::array<Reader, kReaders> readers;
    for (unsigned id = 0; id < kReaders; ++id) {
      readers[id].thread = std::thread([&, id] { read_until(stop, publication, id, readers[id]); });
    }
    const bool all_run = eventually([&] { return readers[0].loops != 0 && readers[1].loops != 0; });
    size_t longest = 0;
    for (uint64_t generation = 2; generation <= kPublications; ++generation) {
      publication.publish(snapshot_of(generation, alive));
      longest = std::max(longest, publication.reclaim());
      // Where one CPU is shared by all, the readers must have their turn too.
      if (generation % 1'000 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const bool all_freed = eventually([&] { return publication.reclaim() == 0; });
    stop = true;
    for (Reader& reader : readers)
      reader.thread.join();
    EXPECT_TRUE(all_run);
    EXPECT_TRUE(all_freed);
    EXPECT_EQ(alive, 1) << "the current one";
    EXPECT_GT(longest, 0U) << "nothing ever had to wait: this test saw nothing";
    for (const Reader& reader : readers) {
      EXPECT_EQ(reader.bad, 0U);
      EXPECT_EQ(reader.backwards, 0U);
      EXPECT_GT(reader.seen, 1U);
    }
    EXPECT_EQ(publication.current()->generation, kPublications);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Publication, AStalledReaderHoldsBackWhatItMaySee) {
  std::atomic<int64_t> alive = 0;
  Publication publication(kReaders);
  publication.publish(snapshot_of(1, alive));
  publication.online(0);
  publication.online(1);
  const Snapshot& held = *publication.current();
  for (uint64_t generation = 2; generation <= 11; ++generation) {
    publication.publish(snapshot_of(generation, alive));
    publication.quiescent(1);  // the other one goes on
    EXPECT_EQ(publication.reclaim(), generation - 1);
  }
  EXPECT_EQ(alive, 11);
  EXPECT_TRUE(canary_of(held).sings(1));

  publication.quiescent(0);
  EXPECT_EQ(publication.reclaim(), 0U);
  EXPECT_EQ(alive, 1);
  EXPECT_EQ(publication.current()->generation, 11U);
  publication.offline(0);
  publication.offline(1);
}

TEST(Publication, BothReadersHaveToPass) {
  std::atomic<int64_t> alive = 0;
  Publication publication(kReaders);
  publication.online(0);
  publication.online(1);
  publication.publish(snapshot_of(1, alive));
  publication.publish(snapshot_of(2, alive));
  publication.quiescent(0);
  EXPECT_EQ(publication.reclaim(), 1U);
  publication.quiescent(1);
  EXPECT_EQ(publication.reclaim(), 0U);
  publication.offline(0);
  publication.offline(1);
}

TEST(Publication, WhoIsOfflineHoldsNothingBack) {
  std::atomic<int64_t> alive = 0;
  Publication publication(kReaders);
  publication.publish(snapshot_of(1, alive));
  publication.publish(snapshot_of(2, alive));
  EXPECT_EQ(publication.reclaim(), 0U) << "nobody was ever online";
  publication.online(0);
  publication.publish(snapshot_of(3, alive));
  EXPECT_EQ(publication.reclaim(), 1U);
  publication.offline(0);
  EXPECT_EQ(publication.reclaim(), 0U);
  EXPECT_EQ(alive, 1);
}

TEST(Publication, WhatCameLaterIsFreedLater) {
  std::atomic<int64_t> alive = 0;
  Publication publication(1);
  publication.publish(snapshot_of(1, alive));
  publication.online(0);
  publication.publish(snapshot_of(2, alive));
  publication.quiescent(0);  // holds 2 from here on
  publication.publish(snapshot_of(3, alive));
  EXPECT_EQ(publication.reclaim(), 1U) << "1 is free, 2 isn't";
  publication.quiescent(0);
  EXPECT_EQ(publication.reclaim(), 0U);
  publication.offline(0);
}

TEST(Publication, FreesAllAtItsEnd) {
  std::atomic<int64_t> alive = 0;
  {
    Publication publication(1);
    publication.online(0);
    publication.publish(snapshot_of(1, alive));
    publication.publish(snapshot_of(2, alive));
    publication.offline(0);
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace shunt
