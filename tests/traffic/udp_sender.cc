// Requests over UDP: a datagram with a number of its own, answered by the same bytes. One socket for each
// request, or for `keep` of them one after the other.
//
// What comes late, after its request was given up, finds no socket any more. Bound: TrafficOptions::max_open.
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/traffic/random.h"
#include "tests/traffic/sender.h"

namespace shunt {
namespace {

class UdpSender;

class UdpExchange final : public Pollable {
 public:
  UdpExchange(UdpSender& owner, uint64_t number, Fd socket)
      : owner_(owner), number_(number), socket_(std::move(socket)) {}

  void on_ready(uint32_t events, uint64_t now_ns) override;
  void take(const Ticket& ticket);
  void time_out(uint32_t asked, uint64_t now_ns);

  bool waits() const { return waits_; }
  const Ticket& ticket() const { return ticket_; }

 private:
  // The last thing that is done: the object is gone afterwards.
  void end(Outcome outcome, uint64_t now_ns);

  UdpSender& owner_;
  const uint64_t number_;
  Fd socket_;
  Ticket ticket_;
  std::string text_;
  uint32_t asked_ = 0;
  bool waits_ = false;
};

class UdpSender final : public Sender {
 public:
  explicit UdpSender(const SenderWorld& world)
      : world_(world), ends_(world.options), random_(world.options.profile.seed ^ world.tally.start_ns()) {}

  void begin(const Ticket& ticket) override {
    world_.tally.begin(ticket);
    ++under_way_;
    while (!kept_.empty()) {
      const auto found = exchanges_.find(kept_.back());
      kept_.pop_back();
      if (found != exchanges_.end()) return found->second->take(ticket);
    }
    open(ticket);
  }

  uint64_t under_way() const override { return under_way_; }

  void end_all(uint64_t now_ns) override {
    for (const auto& [number, exchange] : exchanges_) {
      if (exchange->waits()) finished(exchange->ticket(), Outcome::unfinished, now_ns);
    }
    exchanges_.clear();
    kept_.clear();
  }

 private:
  friend class UdpExchange;

  void open(const Ticket& ticket) {
    OpenedSocket opened = ends_.open(SOCK_DGRAM);
    if (!opened.socket.is_open())
      return finished(ticket, outcome_of_errno(opened.error, true), monotonic_ns());
    world_.tally.count_connection();
    const uint64_t number = next_number_++;
    const int descriptor = opened.socket.get();
    const auto made = exchanges_.try_emplace(
        number, std::make_unique<UdpExchange>(*this, number, std::move(opened.socket)));
    world_.poller.add(descriptor, EPOLLIN, made.first->second.get());
    made.first->second->take(ticket);
  }

  void finished(const Ticket& ticket, Outcome outcome, uint64_t now_ns) {
    --under_way_;
    world_.tally.end(ticket, outcome, {}, now_ns);
  }

  // No datagram of this run, and hardly one of another, is the same.
  std::string next_text() {
    std::string text(world_.options.datagram_bytes, '.');
    for (size_t at = 0; at < std::min<size_t>(text.size(), 16); at += 8) {
      const uint64_t bits = random_.bits();
      std::memcpy(text.data() + at, &bits, std::min<size_t>(8, text.size() - at));
    }
    return text;
  }

  SenderWorld world_;
  LocalEnds ends_;
  Random random_;
  uint64_t next_number_ = 0;
  uint64_t under_way_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<UdpExchange>> exchanges_;
  std::vector<uint64_t> kept_;
};

void UdpExchange::take(const Ticket& ticket) {
  ticket_ = ticket;
  waits_ = true;
  ++asked_;
  text_ = owner_.next_text();
  const uint64_t now_ns = ticket.begun_ns;
  if (send(socket_.get(), text_.data(), text_.size(), MSG_NOSIGNAL) < 0)
    return end(errno == EAGAIN ? Outcome::no_local_memory : outcome_of_errno(errno, false), now_ns);
  owner_.world_.timers.at(now_ns + owner_.world_.options.answer_timeout_ns,
                          [&owner = owner_, number = number_, asked = asked_](uint64_t then_ns) {
                            const auto found = owner.exchanges_.find(number);
                            if (found != owner.exchanges_.end()) found->second->time_out(asked, then_ns);
                          });
}

void UdpExchange::on_ready(uint32_t /*events*/, uint64_t now_ns) {
  std::array<char, 9216> bytes;  // NOLINT: filled by recv
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) end(outcome_of_errno(errno, false), now_ns);
    return;
  }
  if (!waits_ || std::string_view(bytes.data(), static_cast<size_t>(got)) != text_)
    return end(Outcome::wrong_answer, now_ns);
  if (asked_ >= owner_.world_.options.keep) return end(Outcome::ok, now_ns);
  waits_ = false;
  owner_.finished(ticket_, Outcome::ok, now_ns);
  owner_.kept_.push_back(number_);
}

void UdpExchange::time_out(uint32_t asked, uint64_t now_ns) {
  if (waits_ && asked == asked_) end(Outcome::answer_timeout, now_ns);
}

void UdpExchange::end(Outcome outcome, uint64_t now_ns) {
  if (waits_) owner_.finished(ticket_, outcome, now_ns);
  owner_.exchanges_.erase(number_);
}

}  // namespace

std::unique_ptr<Sender> make_udp_sender(const SenderWorld& world) {
  return std::make_unique<UdpSender>(world);
}

}  // namespace shunt
