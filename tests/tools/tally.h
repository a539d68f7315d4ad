// What one protocol's flows came to: how they broke, which backends answered, the longest waits.
//
// A break is counted as `with_backend` in place of `broken` when its backend was announced as lost before.
// Bound: kDescribed breaks of each kind are described, the others counted.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shunt {

enum class BreakKind : uint8_t {
  reset,
  early_close,
  backend_changed,
  gap,
  duplicate,
  corrupt,
  silence,
  connect_failed,
  connect_timeout,
  socket_error,
};
constexpr size_t kBreakKinds = 10;
std::string_view name(BreakKind kind);

struct Break {
  BreakKind kind{};
  uint64_t flow = 0;      // its number, from 0
  std::string local;      // address and port
  std::string backend;    // who answered it last; empty: nobody yet
  uint64_t sequence = 0;  // of the message that was waited for
  uint64_t at_ns = 0;     // since the start
  std::string detail;
};

class BreakLog {
 public:
  void add(Break what);
  uint64_t total() const;
  uint64_t count(BreakKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  const std::vector<Break>& described() const { return described_; }

 private:
  static constexpr uint64_t kDescribed = 5;

  std::array<uint64_t, kBreakKinds> counts_{};
  std::vector<Break> described_;
};

// Backends that may take their flows with them. The expected ones may from announce_expected() on.
class LostBackends {
 public:
  void expect(const std::vector<std::string>& backends) { expected_ = backends; }
  void announce_expected() { lost_.insert(expected_.begin(), expected_.end()); }
  void announce(const std::string& backend) { lost_.insert(backend); }
  bool contains(const std::string& backend) const { return lost_.contains(backend); }
  const std::set<std::string>& names() const { return lost_; }

 private:
  std::vector<std::string> expected_;
  std::set<std::string> lost_;
};

constexpr uint32_t kNoBackend = 0xffffffff;

struct BackendCounts {
  std::string name;
  uint64_t flows = 0;  // whose first answer was its
  uint64_t messages = 0;
  uint64_t broken = 0;
  uint64_t with_backend = 0;
};

class Tally {
 public:
  explicit Tally(const LostBackends& lost) : lost_(lost) {}

  // The number of the backend with this id, in the order of first answers.
  uint32_t backend(std::string_view id);
  BackendCounts& counts(uint32_t backend) { return backends_[backend]; }
  const std::vector<BackendCounts>& backends() const { return backends_; }

  // Counts one end of a flow that belonged to `backend`; false: it was to be expected.
  bool add_break(Break what, uint32_t backend);

  void saw_stall(uint64_t ns) { longest_stall_ns = ns > longest_stall_ns ? ns : longest_stall_ns; }
  void saw_silence(uint64_t ns) { longest_silence_ns = ns > longest_silence_ns ? ns : longest_silence_ns; }

  uint64_t opened = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t longest_stall_ns = 0;    // from a message to its answer
  uint64_t longest_silence_ns = 0;  // nothing heard although something was sent
  BreakLog broken;
  BreakLog with_backend;

 private:
  const LostBackends& lost_;
  std::vector<BackendCounts> backends_;
  std::unordered_map<std::string, uint32_t> numbers_;
  uint32_t last_ = kNoBackend;  // answers often come from the same one in a row
};

}  // namespace shunt
