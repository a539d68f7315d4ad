#include "tests/tools/tcp_flows.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace shunt {

class TcpFlow final : public Pollable {
 public:
  enum class State : uint8_t { connecting, open, ended };

  TcpFlow(TcpFlows& owner, uint32_t its_number, uint64_t its_nonce)
      : owner_(owner), number(its_number), nonce(its_nonce) {}

  void on_ready(uint32_t events, uint64_t now_ns) override {
    if (state == State::connecting) owner_.connected(*this, now_ns);
    if (state == State::open && (events & ~static_cast<uint32_t>(EPOLLOUT)) != 0)
      owner_.receive(*this, now_ns);
  }

 private:
  TcpFlows& owner_;

 public:
  const uint32_t number;
  const uint64_t nonce;
  Fd socket;
  State state = State::connecting;
  uint32_t backend = kNoBackend;
  uint64_t opened_ns = 0;
  uint64_t sent = 0;      // messages; the next one's sequence
  uint64_t answered = 0;  // the next answer's sequence
  uint64_t waiting_since_ns =
      0;  // nothing was heard since then, although something was sent; 0: nothing owed
  std::string local;
  std::string in;    // the beginning of an answer
  std::string rest;  // what the socket didn't take of a message
};

TcpFlows::TcpFlows(const ProbeOptions& options, const RunOrigin& origin, Poller& poller,
                   const LostBackends& lost)
    : options_(options), origin_(origin), poller_(poller), tally_(lost), beat_(options.interval_ns) {
  flows_.reserve(options.tcp);
}

TcpFlows::~TcpFlows() = default;

void TcpFlows::open_up_to(uint32_t count, uint64_t now_ns) {
  while (flows_.size() < count) {
    const auto number = static_cast<uint32_t>(flows_.size());
    flows_.push_back(std::make_unique<TcpFlow>(*this, number, origin_.nonce(number, false)));
    TcpFlow& flow = *flows_.back();
    flow.opened_ns = now_ns;
    auto socket = open_towards(SOCK_STREAM, options_.target, options_.source_of(number));
    if (!socket) {
      ++open_;  // end() counts it out again
      end(flow, BreakKind::connect_failed, socket.error().text(), now_ns);
      continue;
    }
    flow.socket = socket.take();
    ++open_;
    poller_.add(flow.socket.get(), EPOLLOUT, &flow);
  }
}

void TcpFlows::connected(TcpFlow& flow, uint64_t now_ns) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(flow.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  flow.local = local_endpoint(flow.socket.get()).text();
  if (error != 0) {
    const BreakKind kind = error == ETIMEDOUT ? BreakKind::connect_timeout : BreakKind::connect_failed;
    return end(flow, kind, std::strerror(error), now_ns);
  }
  flow.state = TcpFlow::State::open;
  ++tally_.opened;
  poller_.change(flow.socket.get(), EPOLLIN | EPOLLRDHUP, &flow);
  if (stopped_) return;
  send(flow, now_ns);
  beat_.sent(flow.number, now_ns, now_ns);
}

void TcpFlows::send_due(uint64_t now_ns) {
  if (stopped_) return;
  while (const auto due = beat_.next(now_ns)) {
    TcpFlow& flow = *flows_[due->flow];
    if (flow.state != TcpFlow::State::open) continue;
    send(flow, now_ns);
    beat_.sent(due->flow, due->at_ns, now_ns);
  }
}

void TcpFlows::send(TcpFlow& flow, uint64_t now_ns) {
  if (!flow.rest.empty() && !send_rest(flow, now_ns)) return;  // the socket is full: this beat is left out
  std::array<uint8_t, kMaxMessageBytes> bytes;
  const std::span<uint8_t> frame(bytes.data(), options_.message_bytes);
  write_question(frame, {flow.nonce, flow.sent, now_ns, {}});
  flow.rest.assign(reinterpret_cast<const char*>(frame.data()), frame.size());
  ++flow.sent;
  ++tally_.sent;
  if (flow.waiting_since_ns == 0) flow.waiting_since_ns = now_ns;
  send_rest(flow, now_ns);
}

bool TcpFlows::send_rest(TcpFlow& flow, uint64_t now_ns) {
  const ssize_t sent = ::send(flow.socket.get(), flow.rest.data(), flow.rest.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    flow.rest.erase(0, static_cast<size_t>(sent));
  } else if (errno != EAGAIN && errno != EINTR) {
    end_by_errno(flow, errno, now_ns);
  }
  return flow.state == TcpFlow::State::open && flow.rest.empty();
}

void TcpFlows::receive(TcpFlow& flow, uint64_t now_ns) {
  const ssize_t got = recv(flow.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (got > 0) {
    flow.in.append(buffer_.data(), static_cast<size_t>(got));
    return read_frames(flow, now_ns);
  }
  if (got == 0) return end(flow, BreakKind::early_close, "the other side closed", now_ns);
  if (errno != EAGAIN && errno != EINTR) end_by_errno(flow, errno, now_ns);
}

void TcpFlows::read_frames(TcpFlow& flow, uint64_t now_ns) {
  size_t used = 0;
  while (flow.state == TcpFlow::State::open) {
    const std::span<const uint8_t> rest(reinterpret_cast<const uint8_t*>(flow.in.data()) + used,
                                        flow.in.size() - used);
    const auto size = frame_bytes(rest);
    if (size && (*size == 0 || *size > rest.size())) break;
    const auto answer = size ? read_answer(rest.first(*size)) : std::nullopt;
    if (!answer) return end(flow, BreakKind::corrupt, "not an answer of ours", now_ns);
    take(flow, *answer, now_ns);
    used += *size;
  }
  flow.in.erase(0, used);
}

void TcpFlows::take(TcpFlow& flow, const Message& answer, uint64_t now_ns) {
  if (answer.nonce != flow.nonce || answer.sequence >= flow.sent) {
    return end(flow, BreakKind::corrupt, "answers what wasn't asked here", now_ns);
  }
  if (answer.sequence != flow.answered) {
    const bool again = answer.sequence < flow.answered;
    return end(flow, again ? BreakKind::duplicate : BreakKind::gap, "got " + std::to_string(answer.sequence),
               now_ns);
  }
  const uint32_t backend = tally_.backend(answer.backend);
  if (flow.backend == kNoBackend) {
    flow.backend = backend;
    ++tally_.counts(backend).flows;
  }
  if (backend != flow.backend) {
    return end(flow, BreakKind::backend_changed, "to " + std::string(answer.backend), now_ns);
  }
  ++flow.answered;
  ++tally_.received;
  ++tally_.counts(backend).messages;
  tally_.saw_stall(since(now_ns, answer.sent_ns));
  tally_.saw_silence(since(now_ns, flow.waiting_since_ns));
  flow.waiting_since_ns = flow.answered < flow.sent ? now_ns : 0;
}

void TcpFlows::check_silence(uint64_t now_ns) {
  for (const auto& flow : flows_) {
    if (flow->state == TcpFlow::State::ended) continue;
    if (flow->state == TcpFlow::State::connecting) {
      if (since(now_ns, flow->opened_ns) <= options_.connect_timeout_ns) continue;
      end(*flow, BreakKind::connect_timeout, "no answer to SYN", now_ns);
    } else if (flow->waiting_since_ns != 0) {
      tally_.saw_silence(since(now_ns, flow->waiting_since_ns));
      if (since(now_ns, flow->waiting_since_ns) <= options_.silence_ns) continue;
      end(*flow, BreakKind::silence, std::to_string(flow->sent - flow->answered) + " unanswered", now_ns);
    }
  }
}

bool TcpFlows::settled() const {
  return std::all_of(flows_.begin(), flows_.end(), [](const auto& flow) {
    if (flow->state == TcpFlow::State::open) return flow->answered == flow->sent;
    return flow->state == TcpFlow::State::ended;
  });
}

uint64_t TcpFlows::unanswered() const {
  uint64_t count = 0;
  for (const auto& flow : flows_)
    count += flow->sent - flow->answered;
  return count;
}

void TcpFlows::close_all() {
  for (const auto& flow : flows_) {
    flow->state = TcpFlow::State::ended;
    flow->socket.close();
  }
}

void TcpFlows::end_by_errno(TcpFlow& flow, int error, uint64_t now_ns) {
  // The kernel says EPIPE for what follows the other side's orderly end.
  const BreakKind kind = error == ECONNRESET ? BreakKind::reset
                         : error == EPIPE    ? BreakKind::early_close
                                             : BreakKind::socket_error;
  end(flow, kind, std::strerror(error), now_ns);
}

void TcpFlows::end(TcpFlow& flow, BreakKind kind, std::string detail, uint64_t now_ns) {
  if (flow.waiting_since_ns != 0) tally_.saw_silence(since(now_ns, flow.waiting_since_ns));
  flow.state = TcpFlow::State::ended;
  flow.socket.close();
  --open_;
  tally_.add_break(
      {kind, flow.number, flow.local, {}, flow.answered, since(now_ns, origin_.start_ns), std::move(detail)},
      flow.backend);
}

}  // namespace shunt
