#include "tests/traffic/backend_udp.h"

#include <memory>

namespace shunt {
namespace {

constexpr int kBufferBytes = 16 << 20;
constexpr unsigned kBatch = 256;

}  // namespace

BackendUdp::BackendUdp(Fd socket, BackendCore& core) : socket_(std::move(socket)), core_(core) {
  ask_for_destination(socket_.get());
  grow_buffers(socket_.get(), kBufferBytes);
  core_.poller.add(socket_.get(), EPOLLIN, this);
}

void BackendUdp::on_ready(uint32_t /*events*/, uint64_t now_ns) {
  for (unsigned i = 0; i < kBatch; ++i) {
    if (!receive(now_ns)) return;
  }
}

// False where nothing more has come.
bool BackendUdp::receive(uint64_t now_ns) {
  std::array<char, kMaxDatagram> bytes;  // NOLINT: filled by recvmsg
  auto datagram = std::make_shared<Datagram>();
  iovec vector{bytes.data(), bytes.size()};
  msghdr header{datagram->peer.get(),     sizeof datagram->peer.storage, &vector, 1,
                datagram->control.data(), datagram->control.size(),      0};
  const ssize_t got = recvmsg(socket_.get(), &header, MSG_DONTWAIT);
  if (got < 0) return false;
  datagram->bytes.assign(bytes.data(), static_cast<size_t>(got));
  datagram->peer.size = header.msg_namelen;
  datagram->control_bytes = header.msg_controllen;
  BackendMetrics& metrics = core_.metrics;
  metrics.udp_bytes += static_cast<uint64_t>(got);
  if (core_.random.with_probability(core_.knobs.udp_loss) ||
      core_.random.with_probability(core_.knobs.hang)) {
    ++metrics.udp_lost;
    return true;
  }
  ++metrics.in_work;
  const bool taken =
      core_.line.submit(core_.knobs.latency.draw_ns(core_.random), now_ns, [this, datagram](uint64_t) {
        --core_.metrics.in_work;
        answer(*datagram);
      });
  if (taken) return true;
  --metrics.in_work;
  ++metrics.udp_lost;
  return true;
}

void BackendUdp::answer(Datagram& datagram) {
  iovec vector{datagram.bytes.data(), datagram.bytes.size()};
  msghdr header{datagram.peer.get(),     datagram.peer.size,     &vector, 1,
                datagram.control.data(), datagram.control_bytes, 0};
  send_from_destination(header);
  if (sendmsg(socket_.get(), &header, MSG_DONTWAIT) >= 0) {
    ++core_.metrics.udp_answered;
  } else {
    ++core_.metrics.udp_lost;
  }
}

}  // namespace shunt
