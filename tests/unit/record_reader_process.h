// Processes for the tests of flow records: readers that are slow, stopped or killed, and what they saw.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <new>
#include <string>
#include <thread>
#include <utility>

#include "stats/record_reader.h"
#include "stats/record_segment.h"
#include "tests/unit/flow_record_samples.h"

namespace shunt {

inline constexpr uint64_t kMostRecords = 1U << 20U;
inline constexpr uint32_t kMostRings = 2;

// What readers saw, in memory that all of the test's processes share; it outlives whoever is killed.
struct Witness {
  std::atomic<uint32_t> attached = 0;
  std::atomic<uint32_t> batches = 0;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<bool> stop = false;
  std::array<std::array<std::atomic<uint8_t>, kMostRecords>, kMostRings> seen{};

  void see(uint32_t ring, const FlowRecord& record) {
    const uint64_t number = record.ended_us;
    if (number >= kMostRecords || !same(record, record_of(number)))
      wrong.fetch_add(1);
    else
      seen[ring][number].fetch_add(1);
  }
};

class SharedWitness {
 public:
  SharedWitness()
      : memory_(mmap(nullptr, sizeof(Witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        witness_(new(memory_) Witness) {}
  ~SharedWitness() { munmap(memory_, sizeof(Witness)); }
  SharedWitness(const SharedWitness&) = delete;
  SharedWitness& operator=(const SharedWitness&) = delete;
  Witness* operator->() { return witness_; }
  Witness& operator*() { return *witness_; }

 private:
  void* memory_;
  Witness* witness_;
};

// A forked process that ends with this at the latest.
class Child {
 public:
  template <typename Body>
  explicit Child(Body body) : pid_(fork()) {
    if (pid_ == 0) _exit(body());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  pid_t pid() const { return pid_; }
  // Returns once it is so.
  void stop() {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, WUNTRACED), pid_);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  void go_on() { ::kill(pid_, SIGCONT); }
  void kill() {
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(wait(), SIGKILL);
  }
  // The signal that ended it, or 0 and it must have returned 0.
  int wait() {
    int status = 0;
    EXPECT_EQ(waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
    if (WIFSIGNALED(status)) return WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return 0;
  }

 private:
  pid_t pid_;
};

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "shunt-records-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string socket() const { return path_ + "/records"; }

 private:
  std::string path_;
};

// What the control thread does, until the condition holds. False: it never did.
template <typename Condition>
bool serve_until(RecordSegment& segment, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    segment.serve();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Attaches in this process, while another thread serves.
inline Result<RecordReader> attach_here(RecordSegment& segment, const std::string& socket) {
  std::atomic<bool> answered = false;
  std::thread server([&] { serve_until(segment, [&] { return answered.load(); }); });
  auto reader = RecordReader::attach(socket);
  answered = true;
  server.join();
  return reader;
}

}  // namespace shunt
