#include "tests/tools/udp_flows.h"

#include <algorithm>
#include <cerrno>
#include <span>

namespace shunt {
namespace {

constexpr int kBufferBytes = 4 << 20;

// After a pause of the machine what is due is sent in portions, so that the catching up floods nobody's
// queue.
uint64_t portion(uint64_t rate) {
  return std::max<uint64_t>(64, rate / 250);
}

bool is_icmp(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EPROTO ||
         error == EMSGSIZE;
}

}  // namespace

class UdpFlow final : public Pollable {
 public:
  UdpFlow(UdpFlows& owner, uint32_t its_number, uint64_t its_nonce)
      : owner_(owner), number(its_number), nonce(its_nonce) {}

  void on_ready(uint32_t /*events*/, uint64_t now_ns) override { owner_.receive(*this, now_ns); }

  // False if it was seen before.
  bool mark_seen(uint64_t sequence) {
    const size_t word = sequence / 64;
    const uint64_t bit = uint64_t{1} << (sequence % 64);
    if (word >= seen_.size()) seen_.resize(word + 1);
    const bool is_new = (seen_[word] & bit) == 0;
    seen_[word] |= bit;
    return is_new;
  }

 private:
  UdpFlows& owner_;
  std::vector<uint64_t> seen_;

 public:
  const uint32_t number;
  const uint64_t nonce;
  Fd socket;
  bool broken = false;
  bool silent = false;  // this silence is counted
  uint32_t backend = kNoBackend;
  uint32_t excused = kNoBackend;  // the lost backend that it is counted with
  uint64_t sent = 0;
  uint64_t next = 0;  // one more than the highest sequence answered
  uint64_t waiting_since_ns = 0;
  std::string local;
};

UdpFlows::UdpFlows(const ProbeOptions& options, const RunOrigin& origin, Poller& poller,
                   const LostBackends& lost)
    : options_(options), origin_(origin), poller_(poller), tally_(lost), beat_(options.interval_ns) {
  flows_.reserve(options.udp);
}

UdpFlows::~UdpFlows() = default;

void UdpFlows::open_up_to(uint32_t count, uint64_t now_ns) {
  while (flows_.size() < count) {
    const auto number = static_cast<uint32_t>(flows_.size());
    flows_.push_back(std::make_unique<UdpFlow>(*this, number, origin_.nonce(number, true)));
    UdpFlow& flow = *flows_.back();
    auto socket = open_towards(SOCK_DGRAM, options_.target, options_.source_of(number));
    if (!socket) {
      end(flow, BreakKind::connect_failed, socket.error().text(), now_ns);
      continue;
    }
    flow.socket = socket.take();
    flow.local = local_endpoint(flow.socket.get()).text();
    grow_buffers(flow.socket.get(), kBufferBytes);
    poller_.add(flow.socket.get(), EPOLLIN, &flow);
    ++tally_.opened;
    if (options_.udp_rate != 0) continue;
    send(flow, now_ns);
    beat_.sent(number, now_ns, now_ns);
  }
}

uint64_t UdpFlows::due_by(uint64_t load_ns) const {
  return std::min(load_ns, options_.duration_ns) / 1000 * options_.udp_rate / 1'000'000;
}

void UdpFlows::send_due(uint64_t now_ns, uint64_t load_ns) {
  if (stopped_) return;
  if (options_.udp_rate != 0) {
    const uint64_t until = std::min(due_by(load_ns), attempts_ + portion(options_.udp_rate));
    for (; attempts_ < until; ++attempts_)
      send(*flows_[attempts_ % flows_.size()], now_ns);
    return;
  }
  while (const auto due = beat_.next(now_ns)) {
    send(*flows_[due->flow], now_ns);
    beat_.sent(due->flow, due->at_ns, now_ns);
  }
}

void UdpFlows::send(UdpFlow& flow, uint64_t now_ns) {
  std::array<uint8_t, kMaxMessageBytes> bytes;
  const std::span<uint8_t> frame(bytes.data(), options_.message_bytes);
  write_question(frame, {flow.nonce, flow.sent, now_ns, {}});
  ssize_t sent = ::send(flow.socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
  if (sent < 0 && is_icmp(errno)) {  // of an earlier one: that the kernel says so sent nothing
    ++datagrams_.icmp_errors;
    sent = ::send(flow.socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
  }
  if (sent < 0) {
    ++datagrams_.send_failed;
    return;
  }
  ++flow.sent;
  ++tally_.sent;
  if (flow.waiting_since_ns == 0) flow.waiting_since_ns = now_ns;
}

void UdpFlows::receive(UdpFlow& flow, uint64_t now_ns) {
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> received{};
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers_[i].data(), buffers_[i].size()};
    received[i].msg_hdr.msg_iov = &vectors[i];
    received[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = recvmmsg(flow.socket.get(), received.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got < 0 && is_icmp(errno)) ++datagrams_.icmp_errors;
  for (size_t i = 0; got > 0 && i < static_cast<size_t>(got); ++i) {
    const auto answer = read_answer(std::span<const uint8_t>(buffers_[i].data(), received[i].msg_len));
    if (answer && answer->nonce == flow.nonce && answer->sequence < flow.sent) {
      take(flow, *answer, now_ns);
    } else {
      end(flow, BreakKind::corrupt, "not an answer of ours", now_ns);
    }
  }
}

void UdpFlows::take(UdpFlow& flow, const Message& answer, uint64_t now_ns) {
  if (!flow.mark_seen(answer.sequence)) {
    ++datagrams_.duplicates;
    return;
  }
  if (answer.sequence < flow.next) ++datagrams_.reordered;
  flow.next = std::max(flow.next, answer.sequence + 1);
  const uint32_t backend = tally_.backend(answer.backend);
  judge_backend(flow, backend, now_ns);
  ++tally_.received;
  ++tally_.counts(backend).messages;
  tally_.saw_stall(since(now_ns, answer.sent_ns));
  if (flow.waiting_since_ns != 0) tally_.saw_silence(since(now_ns, flow.waiting_since_ns));
  flow.waiting_since_ns = 0;
  flow.silent = false;
}

void UdpFlows::judge_backend(UdpFlow& flow, uint32_t backend, uint64_t now_ns) {
  if (backend == flow.backend) return;
  if (flow.backend == kNoBackend) {
    ++tally_.counts(backend).flows;
  } else {
    end(flow, BreakKind::backend_changed, "to " + tally_.counts(backend).name, now_ns);
  }
  flow.backend = backend;
}

void UdpFlows::check_silence(uint64_t now_ns) {
  if (stopped_) return;
  for (const auto& flow : flows_) {
    if (flow->waiting_since_ns == 0) continue;
    const uint64_t silence_ns = since(now_ns, flow->waiting_since_ns);
    tally_.saw_silence(silence_ns);
    if (silence_ns <= options_.silence_ns || flow->silent) continue;
    flow->silent = true;
    end(*flow, BreakKind::silence, std::to_string(flow->sent - flow->next) + " unanswered", now_ns);
  }
}

void UdpFlows::judge_unanswered(uint64_t now_ns) {
  for (const auto& flow : flows_) {
    if (flow->sent > 0 && flow->next == 0)
      end(*flow, BreakKind::silence, "no answer in the whole run", now_ns);
  }
}

uint64_t UdpFlows::dropped_here() const {
  uint64_t count = 0;
  for (const auto& flow : flows_)
    count += flow->socket.is_open() ? dropped_by_socket(flow->socket.get()) : 0;
  return count;
}

void UdpFlows::end(UdpFlow& flow, BreakKind kind, std::string detail, uint64_t now_ns) {
  if (flow.broken || (flow.backend != kNoBackend && flow.backend == flow.excused)) return;
  flow.broken = tally_.add_break(
      {kind, flow.number, flow.local, {}, flow.next, since(now_ns, origin_.start_ns), std::move(detail)},
      flow.backend);
  if (!flow.broken) flow.excused = flow.backend;
}

}  // namespace shunt
