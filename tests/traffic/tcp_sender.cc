// Requests over TCP: connect, ask, read the answer, close; or keep the connection for some requests more.
//
// A connection's last request says so, and the server closes: the client's port is free at once. What is kept
// is taken by the next request, the youngest first. Bound: TrafficOptions::max_open requests, and as many
// kept ones.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/traffic/http_message.h"
#include "tests/traffic/sender.h"

namespace shunt {
namespace {

constexpr uint64_t kCloseNs = kNsPerSecond;  // for the server to close after the last answer

class TcpSender;

class TcpExchange final : public Pollable {
 public:
  enum class State : uint8_t { connecting, answering, kept, closing };

  TcpExchange(TcpSender& owner, uint64_t number, Fd socket)
      : owner_(owner), number_(number), socket_(std::move(socket)) {}

  void on_ready(uint32_t events, uint64_t now_ns) override;
  // The request begins: at once on a kept connection, else once it is open.
  void take(const Ticket& ticket, uint64_t now_ns);
  // Called when a timer of request `asked` is over: does nothing if that has gone on.
  void time_out(uint32_t asked, State state, uint64_t now_ns);

  State state() const { return state_; }
  const Ticket& ticket() const { return ticket_; }
  int descriptor() const { return socket_.get(); }

 private:
  void connected(uint64_t now_ns);
  void ask(uint64_t now_ns);
  void receive(uint64_t now_ns);
  void answered(uint64_t now_ns);
  // The last thing that is done: the object is gone afterwards.
  void end(Outcome outcome, uint64_t now_ns);

  TcpSender& owner_;
  const uint64_t number_;
  Fd socket_;
  State state_ = State::connecting;
  uint32_t asked_ = 0;  // requests so far
  Ticket ticket_;
  AnswerReader reader_;
};

class TcpSender final : public Sender {
 public:
  explicit TcpSender(const SenderWorld& world) : world_(world), ends_(world.options) {
    const std::string head = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: shunt-traffic\r\n",
                                         world.options.path, world.options.target.text());
    text_ = head + "\r\n";
    last_text_ = head + "Connection: close\r\n\r\n";
  }

  void begin(const Ticket& ticket) override {
    world_.tally.begin(ticket);
    ++under_way_;
    while (!kept_.empty()) {
      const auto found = exchanges_.find(kept_.back());
      kept_.pop_back();
      if (found == exchanges_.end() || found->second->state() != TcpExchange::State::kept) continue;
      return found->second->take(ticket, ticket.begun_ns);
    }
    open(ticket);
  }

  uint64_t under_way() const override { return under_way_; }

  void end_all(uint64_t now_ns) override {
    for (const auto& [number, exchange] : exchanges_) {
      const auto state = exchange->state();
      if (state == TcpExchange::State::connecting || state == TcpExchange::State::answering)
        finished(exchange->ticket(), Outcome::unfinished, {}, now_ns);
    }
    exchanges_.clear();
    kept_.clear();
  }

 private:
  friend class TcpExchange;

  void open(const Ticket& ticket) {
    OpenedSocket opened = ends_.open(SOCK_STREAM);
    if (!opened.socket.is_open())
      return finished(ticket, outcome_of_errno(opened.error, true), {}, monotonic_ns());
    world_.tally.count_connection();
    const uint64_t number = next_number_++;
    const int descriptor = opened.socket.get();
    auto exchange = std::make_unique<TcpExchange>(*this, number, std::move(opened.socket));
    world_.poller.add(descriptor, EPOLLOUT, exchange.get());
    exchange->take(ticket, ticket.begun_ns);
    exchanges_[number] = std::move(exchange);
  }

  void finished(const Ticket& ticket, Outcome outcome, std::string_view backend, uint64_t now_ns) {
    --under_way_;
    world_.tally.end(ticket, outcome, backend, now_ns);
  }

  void watch_time(uint64_t number, uint32_t asked, TcpExchange::State state, uint64_t at_ns) {
    world_.timers.at(at_ns, [this, number, asked, state](uint64_t now_ns) {
      const auto found = exchanges_.find(number);
      if (found != exchanges_.end()) found->second->time_out(asked, state, now_ns);
    });
  }

  SenderWorld world_;
  LocalEnds ends_;
  std::string text_;
  std::string last_text_;
  uint64_t next_number_ = 0;
  uint64_t under_way_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<TcpExchange>> exchanges_;
  std::vector<uint64_t> kept_;  // some of them may be gone
};

void TcpExchange::on_ready(uint32_t events, uint64_t now_ns) {
  if (state_ == State::connecting) return connected(now_ns);
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) receive(now_ns);
}

void TcpExchange::take(const Ticket& ticket, uint64_t now_ns) {
  ticket_ = ticket;
  if (state_ == State::kept) return ask(now_ns);
  owner_.watch_time(number_, asked_, State::connecting, now_ns + owner_.world_.options.connect_timeout_ns);
}

void TcpExchange::connected(uint64_t now_ns) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return end(outcome_of_errno(error, true), now_ns);
  owner_.world_.poller.change(socket_.get(), EPOLLIN, this);
  ask(now_ns);
}

void TcpExchange::ask(uint64_t now_ns) {
  ++asked_;
  state_ = State::answering;
  reader_ = {};
  const std::string& text = asked_ == owner_.world_.options.keep ? owner_.last_text_ : owner_.text_;
  // It fits: the send buffer is empty.
  const ssize_t sent = send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(text.size()))
    return end(outcome_of_errno(sent < 0 ? errno : EIO, false), now_ns);
  owner_.watch_time(number_, asked_, State::answering, now_ns + owner_.world_.options.answer_timeout_ns);
}

void TcpExchange::receive(uint64_t now_ns) {
  std::array<char, 65536> bytes;  // NOLINT: filled by recv
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (state_ != State::answering) return end(Outcome::ok, now_ns);  // nobody waits for it
  if (got < 0) return end(outcome_of_errno(errno, false), now_ns);
  const auto read = got > 0 ? reader_.add({bytes.data(), static_cast<size_t>(got)}) : reader_.closed();
  if (read == AnswerReader::State::whole) return answered(now_ns);
  if (got == 0) return end(Outcome::early_close, now_ns);
  if (read == AnswerReader::State::wrong) end(Outcome::wrong_answer, now_ns);
}

void TcpExchange::answered(uint64_t now_ns) {
  const bool good = reader_.status() >= 200 && reader_.status() < 400;
  owner_.finished(ticket_, good ? Outcome::ok : Outcome::error_status, reader_.backend(), now_ns);
  const bool goes_on = asked_ < owner_.world_.options.keep && reader_.keep_alive();
  state_ = goes_on ? State::kept : State::closing;
  if (goes_on) {
    owner_.kept_.push_back(number_);
  } else {
    owner_.watch_time(number_, asked_, State::closing, now_ns + kCloseNs);
  }
}

void TcpExchange::time_out(uint32_t asked, State state, uint64_t now_ns) {
  if (asked != asked_ || state != state_) return;
  end(state == State::connecting ? Outcome::connect_timeout : Outcome::answer_timeout, now_ns);
}

void TcpExchange::end(Outcome outcome, uint64_t now_ns) {
  if (state_ == State::connecting || state_ == State::answering)
    owner_.finished(ticket_, outcome, {}, now_ns);
  owner_.exchanges_.erase(number_);
}

}  // namespace

std::unique_ptr<Sender> make_tcp_sender(const SenderWorld& world) {
  return std::make_unique<TcpSender>(world);
}

}  // namespace shunt
