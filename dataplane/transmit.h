// transmit: the end of every packet. Collects what leaves per port and flushes it once per loop, copies what
// is punted, frees what is dropped, and keeps the ledger.
//
// Owner: one Worker. Bound: kTransmitBuffer frames a port; what the device doesn't take stays for the next
// loop, what finds no room is dropped `transmit_full`.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/frame_io.h"
#include "dataplane/frame_ring.h"
#include "dataplane/icmp_answer.h"
#include "dataplane/ipv4_pieces.h"
#include "dataplane/rate_limit.h"
#include "dataplane/stages.h"
#include "dataplane/worker_state.h"

namespace shunt {

inline constexpr unsigned kTransmitBuffer = 512;
inline constexpr uint64_t kRefusalPatienceNs = 100'000'000U;

// A worker's two ways to the punt thread: what keeps the network alive, and the rest.
struct PuntRings {
  FrameRing urgent{256 * 1024};
  FrameRing rest{1024 * 1024};
};

// The rings between workers, by (from, to): packets of nat flows that came in at a worker that doesn't own
// them, fragments for the worker that gathers their datagram, ICMP errors about a flow that another one may
// know. A record's mark is the number of workers that have seen it. Copies, as on the way to the punt
// thread.
class HandOverRings {
 public:
  explicit HandOverRings(unsigned workers) : workers_(workers) {
    const size_t bytes = std::max<size_t>(64 * 1024, 1024 * 1024 / workers);
    for (unsigned i = 0; i < workers * workers; ++i)
      rings_.push_back(std::make_unique<FrameRing>(workers > 1 ? bytes : 64));
  }
  unsigned workers() const { return workers_; }
  FrameRing& ring(unsigned from, unsigned to) { return *rings_[from * workers_ + to]; }

 private:
  unsigned workers_;
  std::vector<std::unique_ptr<FrameRing>> rings_;
};

template <FrameIo Io>
class Transmitter {
 public:
  Transmitter(Io& io, unsigned ports, PuntRings& rings, HandOverRings& hand_over)
      : io_(io), rings_(rings), hand_over_(hand_over), buffers_(ports) {}

  void send(uint8_t port, const Frame& frame, WorkerState& worker, const Now& now) {
    Buffer& buffer = buffers_[port];
    if (buffer.count == kTransmitBuffer) [[unlikely]] {
      flush(port, worker, now);
      if (buffer.count == kTransmitBuffer) {
        worker.counters.ports[port].transmit_full.add(1);
        worker.ledger.drop(DropReason::transmit_full);
        return free_later(frame.handle);
      }
    }
    io_.seal(frame);
    buffer.handles[buffer.count] = frame.handle;
    buffer.bytes[buffer.count] = frame.bytes;
    ++buffer.count;
    ++worker.ledger.entered;
  }

  void run(Burst& burst, WorkerState& worker, const Now& now) {
    for (const unsigned port : bits_of(burst.ways_out))
      send_all(burst, burst.leaving[port] & burst.live, static_cast<uint8_t>(port), worker, now);
    if (const uint64_t others = burst.left(); others != 0) [[unlikely]]
      end_others(burst, others, worker, now);
  }

  // Frames that a device took; what it didn't take goes first the next time.
  unsigned flush(uint8_t port, WorkerState& worker, const Now& now) {
    Buffer& buffer = buffers_[port];
    if (buffer.count == 0) return 0;
    const unsigned sent = io_.send(port, buffer.handles.data(), buffer.count);
    uint64_t sent_bytes = 0;
    for (unsigned i = 0; i < sent; ++i)
      sent_bytes += buffer.bytes[i];
    buffer.remove_first(sent);
    give_up_on_a_refused_frame(buffer, sent, port, worker, now);
    worker.ledger.left += sent;
    worker.ledger.sent += sent;
    worker.counters.ports[port].sent_packets.add(sent);
    worker.counters.ports[port].sent_bytes.add(sent_bytes);
    return sent;
  }

  void flush_all(WorkerState& worker, const Now& now) {
    for (unsigned port = 0; port < buffers_.size(); ++port)
      flush(static_cast<uint8_t>(port), worker, now);
    free_now();
  }

  // At the end of the run: what no device takes any more is dropped and counted.
  void abandon(WorkerState& worker) {
    flush_all(worker, Now{});
    for (Buffer& buffer : buffers_) {
      worker.ledger.left += buffer.count;
      worker.ledger.drop(DropReason::transmit_full, buffer.count);
      io_.free(buffer.handles.data(), buffer.count);
      buffer.count = 0;
    }
  }

 private:
  struct Buffer {
    unsigned count = 0;
    uint64_t refused_since_ns = 0;  // the device took nothing since then; 0: it does
    std::array<void*, kTransmitBuffer> handles;
    std::array<uint32_t, kTransmitBuffer> bytes;  // of their frames: once sent, those are the device's

    void remove_first(unsigned frames) {
      count -= frames;
      if (count == 0) return;
      std::memmove(handles.data(), handles.data() + frames, count * sizeof handles[0]);
      std::memmove(bytes.data(), bytes.data() + frames, count * sizeof bytes[0]);
    }
  };

  // A device that takes nothing is down or full, and gets time; but a frame that it will never take must not
  // keep those behind it for ever.
  void give_up_on_a_refused_frame(Buffer& buffer, unsigned sent, uint8_t port, WorkerState& worker,
                                  const Now& now) {
    if (sent > 0 || buffer.count == 0) {
      buffer.refused_since_ns = 0;
      return;
    }
    if (buffer.refused_since_ns == 0) buffer.refused_since_ns = now.ns;
    if (now.ns - buffer.refused_since_ns < kRefusalPatienceNs) return;
    buffer.refused_since_ns = 0;
    free_later(buffer.handles[0]);
    buffer.remove_first(1);
    ++worker.ledger.left;
    worker.ledger.drop(DropReason::transmit_full);
    worker.counters.ports[port].transmit_full.add(1);
  }

  // Packets that all leave by one port.
  void send_all(const Burst& burst, uint64_t packets, uint8_t port, WorkerState& worker, const Now& now) {
    Buffer& buffer = buffers_[port];
    unsigned count = buffer.count;
    if (count > kTransmitBuffer - kBurstSize) [[unlikely]] {
      for (const unsigned i : bits_of(packets))
        send(port, burst.packet[i].frame(), worker, now);
      return;
    }
    burst.each_of(packets, [&](const Packet& packet) {
      const Frame frame = packet.frame();
      buffer.handles[count] = frame.handle;
      buffer.bytes[count] = frame.bytes;
      ++count;
      io_.seal(frame);
    });
    worker.ledger.entered += count - buffer.count;
    buffer.count = count;
  }

  // What doesn't go out of a port.
  void end_others(const Burst& burst, uint64_t others, WorkerState& worker, const Now& now) {
    for (const unsigned i : bits_of(others)) {
      switch (burst.fate[i]) {
        case Fate::punt:
        case Fate::punt_urgent:
          punt(burst, i, worker, now);
          break;
        case Fate::hand_over:
          hand_over(burst, i, worker);
          break;
        case Fate::hold:
          break;  // its copy was counted
        case Fate::cut:
          send_in_pieces(burst, i, worker, now);
          break;
        case Fate::drop:
          worker.ledger.drop(burst.reason[i]);
          break;
        case Fate::answer:
          answer(burst, i, worker, now);
          break;
      }
      free_later(burst.packet[i].handle);
    }
    free_now();
  }

  // Of the ledger the packet itself is the last piece, and the others are new. Without a buffer for one of
  // them the packet is lost, and those that are gone are all new.
  void send_in_pieces(const Burst& burst, unsigned i, WorkerState& worker, const Now& now) {
    const Packet& whole = burst.packet[i];
    const unsigned l2_bytes = whole.view.l3_offset;
    Ipv4Pieces pieces(whole.view.ip(whole.data), whole.view.ip_bytes, burst.fits[i]);
    while (const uint16_t bytes = pieces.bytes()) {
      Frame frame;
      if (!io_.allocate(frame, l2_bytes + bytes)) return worker.ledger.drop(DropReason::transmit_full);
      std::memcpy(frame.data, whole.data, l2_bytes);
      pieces.write(frame.data + l2_bytes);
      Packet piece = whole;
      piece.set_frame(frame);
      piece.view.ip_bytes = bytes;
      piece.view.is_fragment = true;
      piece.view.l4_offset = 0;
      if (!burst.is_reply(i) && whole.destination->outer_bytes != 0) rewrite_fragment(piece, worker);
      pieces.advance();
      worker.ledger.originated += pieces.bytes() != 0 ? 1U : 0U;
      send(burst.pieces_port[i], piece.frame(), worker, now);
    }
  }

  void punt(const Burst& burst, unsigned i, WorkerState& worker, const Now& now) {
    const bool urgent = burst.fate[i] == Fate::punt_urgent;
    const Frame frame = burst.packet[i].frame();
    FrameRing& ring = urgent ? rings_.urgent : rings_.rest;
    const bool room =
        (urgent || limit_.take(now)) &&
        ring.push(burst.port, burst.is_to_host(i) ? kRestoredMark : 0, {frame.data, frame.bytes});
    if (room) {
      ++worker.ledger.entered;
    } else {
      worker.ledger.drop(DropReason::punt_full);
    }
  }

  // The packet is dropped by the reason that asked for the answer, or because its source has had enough.
  [[gnu::noinline]] void answer(const Burst& burst, unsigned i, WorkerState& worker, const Now& now) {
    const Packet& packet = burst.packet[i];
    const AnswerPlan plan = plan_answer(burst, i);
    DropReason why = burst.reason[i];
    if (plan.frame_bytes != 0) {
      if (worker.answer_limit.take(worker.table_key, plan.to, why, now.second)) {
        originate(plan, packet, burst.port, worker, now);
      } else {
        why = DropReason::answer_limit;
      }
    }
    if (packet.service != nullptr) worker.count_service_drop(packet.service->id, why);
    worker.ledger.drop(why);
  }

  // A packet of shunt's own. Without a buffer it isn't made: who asked asks again.
  void originate(const AnswerPlan& plan, const Packet& asking, uint8_t port, WorkerState& worker,
                 const Now& now) {
    Frame frame;
    if (!io_.allocate(frame, plan.frame_bytes)) return;
    write_answer(plan, asking, frame.data);
    ++worker.ledger.originated;
    if (!plan.to_host) return send(port, frame, worker, now);
    if (rings_.urgent.push(port, kOwnAnswerMark, {frame.data, frame.bytes})) {
      ++worker.ledger.entered;
    } else {
      worker.ledger.drop(DropReason::punt_full);
    }
    free_later(frame.handle);
  }

  void hand_over(const Burst& burst, unsigned i, WorkerState& worker) {
    const Frame frame = burst.packet[i].frame();
    const auto passed = static_cast<uint8_t>(burst.passed + 1);
    if (hand_over_.ring(worker.index, burst.owner[i]).push(burst.port, passed, {frame.data, frame.bytes})) {
      ++worker.ledger.entered;
    } else {
      worker.ledger.drop(DropReason::ring_full);
    }
  }

  void free_later(void* handle) {
    if (done_count_ == done_.size()) free_now();
    done_[done_count_++] = handle;
  }
  void free_now() {
    if (done_count_ != 0) io_.free(done_.data(), done_count_);
    done_count_ = 0;
  }

  Io& io_;
  PuntRings& rings_;
  HandOverRings& hand_over_;
  PuntLimit limit_;
  std::vector<Buffer> buffers_;
  std::array<void*, kBurstSize> done_;
  unsigned done_count_ = 0;
};

}  // namespace shunt
