#include "stats/record_segment.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <span>

#include "stats/record_socket.h"

namespace shunt {
namespace {

constexpr mode_t kSocketMode = 0660;
constexpr int kBacklog = 8;
constexpr size_t kFollowBatch = 128;

Error system_error(const std::string& where, const std::string& what) {
  return {where, what + ": " + std::strerror(errno)};
}

// All of it there and writable at once: from here on neither memory nor disk can be lacking.
Result<UniqueFd> new_memory(const char* name, uint64_t bytes) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error(name, "can't make shared memory");
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return system_error(name, "can't have " + std::to_string(bytes) + " bytes of shared memory");
  const int refused = posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes));
  if (refused != 0) {
    errno = refused;
    return system_error(name, "can't have " + std::to_string(bytes) + " bytes of shared memory");
  }
  return fd;
}

Result<> seal(int fd, const char* name, int seals) {
  if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return Ok{};
  return system_error(name, "can't seal shared memory (Linux 5.1 or later can)");
}

bool hung_up(int connection) {
  pollfd asked{connection, POLLRDHUP, 0};
  return poll(&asked, 1, 0) == 1 && (asked.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

pid_t peer_of(int connection) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 ? peer.pid : 0;
}

// One message, with descriptors if there are any. A new connection's buffer has room for it.
bool send_message(int connection, const std::string& text, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(kRecordDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  return sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<RecordSegment> RecordSegment::create(const std::string& directory, uint32_t rings, uint64_t capacity) {
  RecordSegment segment;
  segment.layout_ = {rings, capacity};
  if (!segment.layout_.valid()) {
    return Error{"flow records", "1 to " + std::to_string(kMaxRecordRings) +
                                     " rings of a power of two up to " + std::to_string(kMaxRingCapacity) +
                                     " records, not " + std::to_string(rings) + " of " +
                                     std::to_string(capacity)};
  }
  if (auto made = segment.make_memory(); !made) return made.error();
  segment.write_header();
  if (auto listening = segment.listen_at(directory + "/" + kRecordSocketName); !listening)
    return listening.error();
  return segment;
}

Result<> RecordSegment::make_memory() {
  auto records = new_memory("shunt-records", layout_.records_bytes());
  if (!records) return records.error();
  auto tails = new_memory("shunt-tails", layout_.tails_bytes());
  if (!tails) return tails.error();
  records_fd_ = records.take();
  tails_fd_ = tails.take();
  records_ = SharedMapping(records_fd_.get(), layout_.records_bytes(), true);
  tails_ = SharedMapping(tails_fd_.get(), layout_.tails_bytes(), true);
  if (!records_ || !tails_) return system_error("flow records", "can't map shared memory");
  if (auto sealed = seal(records_fd_.get(), "shunt-records", F_SEAL_FUTURE_WRITE); !sealed) return sealed;
  if (auto sealed = seal(tails_fd_.get(), "shunt-tails", 0); !sealed) return sealed;
  locked_ = mlock(records_.data(), records_.size()) == 0 && mlock(tails_.data(), tails_.size()) == 0;
  // Written once, so that every page is in this process's page table, and writable there.
  std::memset(records_.data(), 0, records_.size());
  std::memset(tails_.data(), 0, tails_.size());
  return Ok{};
}

void RecordSegment::write_header() {
  auto* header = new (records_.data()) RecordHeader;
  std::ranges::copy(kRecordMagic, header->magic.begin());
  header->version = kRecordLayoutVersion;
  header->header_bytes = static_cast<uint32_t>(layout_.header_bytes());
  header->record_bytes = sizeof(FlowRecord);
  header->rings = layout_.rings;
  header->capacity = layout_.capacity;
  header->ring_bytes = layout_.ring_bytes();
  header->pid = static_cast<uint32_t>(getpid());
  header->started_us = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                                 std::chrono::system_clock::now().time_since_epoch())
                                                 .count());
  for (uint32_t ring = 0; ring < layout_.rings; ++ring) {
    const RecordPlaces at = RecordPlaces::of(layout_, records_.data(), tails_.data(), ring);
    new (at.head) RingHead;
    new (at.tail) RingTail;
    rings_.emplace_back(*at.head, *at.tail, at.records, layout_.capacity);
    followers_.emplace_back(*at.head, at.records, layout_.capacity);
  }
}

// Made beside and renamed: nobody finds a socket that doesn't listen yet, or with another mode, and what a
// killed shuntd left is replaced.
Result<> RecordSegment::listen_at(const std::string& path) {
  const std::string beside = path + "~";
  const auto address = record_socket_address(beside);
  if (!address) return address.error();
  listener_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener_) return system_error(path, "can't make a socket");
  unlink(beside.c_str());
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address.value()), sizeof(sockaddr_un)) != 0)
    return system_error(path, "can't make the socket file");
  struct stat made{};
  if (chmod(beside.c_str(), kSocketMode) != 0 || listen(listener_.get(), kBacklog) != 0 ||
      lstat(beside.c_str(), &made) != 0 || rename(beside.c_str(), path.c_str()) != 0) {
    const Error error = system_error(path, "can't listen");
    unlink(beside.c_str());
    return error;
  }
  path_ = path;
  device_ = made.st_dev;
  inode_ = made.st_ino;
  return Ok{};
}

RecordSegment::~RecordSegment() {
  struct stat found{};
  if (!listener_ || path_.empty() || lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) unlink(path_.c_str());
}

void RecordSegment::serve() {
  // As many as the backlog holds: whoever comes meanwhile finds listen_fd() readable again.
  for (int i = 0; i <= kBacklog; ++i) {
    UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return;
    answer(std::move(connection));
  }
}

void RecordSegment::answer(UniqueFd connection) {
  if (has_reader()) {
    const std::string who = seated_ != 0 ? "process " + std::to_string(seated_) : "another process";
    send_message(connection.get(), who + " reads the flow records already; there is one reader at a time",
                 {});
    return;
  }
  const std::array<int, kRecordDescriptors> descriptors = {records_fd_.get(), tails_fd_.get()};
  if (!send_message(connection.get(), std::string(kRecordGreeting), descriptors)) return;
  seated_ = peer_of(connection.get());
  seat_ = std::move(connection);
}

bool RecordSegment::has_reader() const {
  return seat_ && !hung_up(seat_.get());
}

pid_t RecordSegment::reader_pid() const {
  return has_reader() ? seated_ : 0;
}

// What is pushed while this runs waits for the next call, so that it ends however quick the worker is.
void RecordSegment::follow(const std::function<void(const FlowRecord&)>& take) {
  std::array<FlowRecord, kFollowBatch> batch;
  for (RecordRingFollower& follower : followers_) {
    for (uint64_t shown = 0; shown < layout_.capacity;) {
      const auto records = follower.copy(batch);
      if (records.empty()) break;
      std::ranges::for_each(records, take);
      shown += records.size();
    }
  }
}

// A tail that makes no sense is what an earlier reader left: begin anew, as a reader would.
void RecordSegment::make_room() {
  if (has_reader()) return;
  for (uint32_t ring = 0; ring < layout_.rings; ++ring) {
    const RecordPlaces at = RecordPlaces::of(layout_, records_.data(), tails_.data(), ring);
    const uint64_t read = at.tail->read.load(std::memory_order_relaxed);
    const uint64_t pushed = at.head->pushed.load(std::memory_order_acquire);
    const uint64_t half = std::max<uint64_t>(layout_.capacity / 2, 1);
    if (pushed - read <= half) continue;
    at.tail->read.store(pushed - read > layout_.capacity ? pushed : pushed - half, std::memory_order_release);
  }
}

void RecordSegment::set_generation(uint64_t generation) {
  reinterpret_cast<RecordHeader*>(records_.data())->generation.store(generation, std::memory_order_relaxed);
}

RecordSegment::Counts RecordSegment::counts(uint32_t ring) const {
  const RecordPlaces at = RecordPlaces::of(layout_, records_.data(), tails_.data(), ring);
  // The tail first: one that is read later may be ahead of the head that was read before it.
  const uint64_t read = at.tail->read.load(std::memory_order_acquire);
  const uint64_t pushed = at.head->pushed.load(std::memory_order_acquire);
  return {pushed, at.head->dropped.load(std::memory_order_relaxed),
          std::min(pushed - read, layout_.capacity)};
}

}  // namespace shunt
