#include "stats/record_reader.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "stats/record_socket.h"

namespace shunt {
namespace {

Error system_error(const std::string& where, const std::string& what) {
  return {where, what + ": " + std::strerror(errno)};
}

Result<UniqueFd> connect_to(const std::string& path, std::chrono::milliseconds patience) {
  const auto address = record_socket_address(path);
  if (!address) return address.error();
  UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!connection) return system_error(path, "can't make a socket");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timeval limit{seconds.count(), std::chrono::microseconds(patience - seconds).count()};
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);  // a full backlog
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address.value()), sizeof(sockaddr_un)) ==
      0)
    return connection;
  if (errno == ENOENT) return Error{path, "no shuntd has this runtime_dir"};
  if (errno == ECONNREFUSED) return Error{path, "the shuntd that made it is gone"};
  return system_error(path, "can't connect");
}

struct Handed {
  UniqueFd records;
  UniqueFd tails;
};

// A refusal is shuntd's own words.
Result<Handed> receive_memory(const std::string& path, int connection) {
  std::array<char, 512> text{};
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(kRecordDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t bytes = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (bytes < 0 && errno == EAGAIN) return Error{path, "shuntd doesn't answer"};
  if (bytes < 0) return system_error(path, "can't receive");
  std::array<int, kRecordDescriptors> descriptors = {-1, -1};
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    std::memcpy(descriptors.data(), CMSG_DATA(rights),
                std::min(rights->cmsg_len - CMSG_LEN(0), sizeof descriptors));
  }
  Handed handed{UniqueFd(descriptors[0]), UniqueFd(descriptors[1])};
  const std::string_view said(text.data(), static_cast<size_t>(bytes));
  if (said.empty()) return Error{path, "shuntd closed the connection"};
  if (said != kRecordGreeting) return Error{path, std::string(said)};
  if (!handed.records || !handed.tails) return Error{path, "shuntd's answer came without its memory"};
  return handed;
}

std::optional<uint64_t> size_of(int fd) {
  struct stat found{};
  if (fstat(fd, &found) != 0 || found.st_size < 0) return std::nullopt;
  return static_cast<uint64_t>(found.st_size);
}

std::string differs(const char* what, uint64_t theirs, uint64_t ours) {
  return std::string(what) + " is " + std::to_string(theirs) + ", this reader knows " + std::to_string(ours);
}

// What is wrong with it; empty: nothing.
std::string objection(const RecordHeader& header, uint64_t records_bytes, uint64_t tails_bytes) {
  if (!std::ranges::equal(header.magic, kRecordMagic)) return "these aren't flow records of shunt";
  if (header.version != kRecordLayoutVersion)
    return differs("the layout's version", header.version, kRecordLayoutVersion);
  if (header.record_bytes != sizeof(FlowRecord))
    return differs("a record's size", header.record_bytes, sizeof(FlowRecord));
  const RecordLayout layout{header.rings, header.capacity};
  if (!layout.valid())
    return std::to_string(header.rings) + " rings of " + std::to_string(header.capacity) +
           " records can't be";
  if (header.header_bytes != layout.header_bytes())
    return differs("the header's size", header.header_bytes, layout.header_bytes());
  if (header.ring_bytes != layout.ring_bytes())
    return differs("a ring's size", header.ring_bytes, layout.ring_bytes());
  if (records_bytes != layout.records_bytes())
    return "the records have " + std::to_string(records_bytes) + " bytes, their header says " +
           std::to_string(layout.records_bytes());
  if (tails_bytes != layout.tails_bytes())
    return "the tails have " + std::to_string(tails_bytes) + " bytes, the header says " +
           std::to_string(layout.tails_bytes());
  return "";
}

}  // namespace

Result<RecordReader> RecordReader::attach(const std::string& path, std::chrono::milliseconds patience) {
  auto connection = connect_to(path, patience);
  if (!connection) return connection.error();
  auto handed = receive_memory(path, connection.value().get());
  if (!handed) return handed.error();
  return map(path, std::move(handed.value().records), std::move(handed.value().tails), connection.take());
}

Result<RecordReader> RecordReader::map(const std::string& where, UniqueFd records, UniqueFd tails,
                                       UniqueFd connection) {
  const auto records_bytes = size_of(records.get());
  const auto tails_bytes = size_of(tails.get());
  if (!records_bytes || !tails_bytes) return system_error(where, "can't ask for a size");
  if (*records_bytes < sizeof(RecordHeader) || *tails_bytes == 0) return Error{where, "is too short"};
  RecordReader reader;
  reader.connection_ = std::move(connection);
  reader.records_ = SharedMapping(records.get(), *records_bytes, false);
  reader.tails_ = SharedMapping(tails.get(), *tails_bytes, true);
  if (!reader.records_ || !reader.tails_) return system_error(where, "can't map");
  const std::string wrong = objection(reader.header(), *records_bytes, *tails_bytes);
  if (!wrong.empty()) return Error{where, wrong};
  const RecordLayout layout{reader.header().rings, reader.header().capacity};
  for (uint32_t ring = 0; ring < layout.rings; ++ring) {
    const RecordPlaces at = RecordPlaces::of(layout, reader.records_.data(), reader.tails_.data(), ring);
    reader.rings_.emplace_back(*at.head, *at.tail, at.records, layout.capacity);
  }
  return reader;
}

bool RecordReader::connected() const {
  pollfd asked{connection_.get(), POLLIN | POLLRDHUP, 0};
  return poll(&asked, 1, 0) == 0;
}

}  // namespace shunt
