#include "tests/traffic/backend_connection.h"

#include <array>
#include <cerrno>

#include "tests/tools/duration.h"

namespace shunt {
namespace {

constexpr size_t kMaxIn = kMaxHeadBytes + kMaxRequestBody;

}  // namespace

BackendConnection::BackendConnection(Fd socket, BackendListener& owner, uint64_t number, uint64_t now_ns)
    : socket_(std::move(socket)), owner_(owner), core_(owner.core_), number_(number), active_ns_(now_ns) {
  if (owner_.is_control_) return;
  ++core_.metrics.connections;
  ++core_.metrics.open_connections;
}

BackendConnection::~BackendConnection() {
  if (!owner_.is_control_) --core_.metrics.open_connections;
}

bool BackendConnection::is_idle(uint64_t now_ns) const {
  return !working_ && since(now_ns, active_ns_) > BackendListener::kIdleNs;
}

void BackendConnection::on_ready(uint32_t events, uint64_t now_ns) {
  active_ns_ = now_ns;
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) receive();
  step(now_ns);
}

void BackendConnection::receive() {
  std::array<char, 16384> buffer;  // NOLINT: filled by recv
  const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    in_.append(buffer.data(), static_cast<size_t>(got));
  } else if (got == 0) {
    peer_closed_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    state_ = State::reset;
  }
}

// All that can be done now. The connection may be gone afterwards.
void BackendConnection::step(uint64_t now_ns) {
  stepping_ = true;
  while (state_ == State::open && !working_ && out_.empty() && ask_next(now_ns)) {
    send_out();
  }
  send_out();
  stepping_ = false;
  if (state_ == State::last_answer && out_.empty()) state_ = State::ended;
  if (state_ == State::open && peer_closed_ && out_.empty() && (!working_ || hangs_)) state_ = State::ended;
  if (state_ == State::ended) set_reset_on_close(socket_.get(), false);
  if (state_ == State::ended || state_ == State::reset) return owner_.end(number_);
  watch();
}

// Takes the next request out of what has come; false where there is none yet.
bool BackendConnection::ask_next(uint64_t now_ns) {
  const QuestionRead read = read_question_text(in_);
  if (read.state == QuestionRead::State::more) return false;
  if (read.state == QuestionRead::State::wrong) {
    refuse(read.status);
    return true;
  }
  keep_alive_ = read.question.keep_alive;
  if (owner_.is_control_) {
    ask_control(read.question, now_ns);
  } else {
    ask(read.question, now_ns);
  }
  in_.erase(0, read.question.bytes);
  return true;
}

void BackendConnection::refuse(unsigned status) {
  keep_alive_ = false;
  if (!owner_.is_control_) core_.metrics.count_request("other", std::to_string(status));
  put({status, "text/plain", "no request that this server takes\n"}, true);
}

void BackendConnection::ask_control(const HttpQuestion& question, uint64_t now_ns) {
  put(core_.routes.answer_control(question), question.method != "HEAD");
  owner_.on_control_(now_ns);
}

void BackendConnection::ask(const HttpQuestion& question, uint64_t now_ns) {
  const std::string_view route = route_of(question.path);
  if (route == "/health" || route == "/metrics") {  // what watches the backend sees it as it is
    put_counted(route, core_.routes.answer(question), question.method != "HEAD", now_ns, now_ns);
    return;
  }
  if (core_.knobs.crash_after != 0 && --core_.knobs.crash_after == 0) {
    core_.knobs.crash_now = true;
    core_.crash_if_told();
  }
  answer_later(question, now_ns);
}

void BackendConnection::answer_later(const HttpQuestion& question, uint64_t now_ns) {
  const std::string_view route = route_of(question.path);
  const Fate fate = draw_fate();
  if (fate == Fate::hang) {
    core_.metrics.count_request(route, "hang");
    working_ = hangs_ = true;
    return;
  }
  BackendAnswer answer =
      fate == Fate::error ? BackendAnswer{500, "text/plain", "as told\n"} : core_.routes.answer(question);
  working_ = true;
  ++core_.metrics.in_work;
  // The connection may be gone by then; the work is done all the same, as servers do.
  const bool taken =
      core_.line.submit(core_.knobs.latency.draw_ns(core_.random), now_ns,
                        [&owner = owner_, number = number_, route, fate, answer = std::move(answer),
                         with_body = question.method != "HEAD", now_ns](uint64_t end_ns) {
                          --owner.core_.metrics.in_work;
                          const auto found = owner.connections_.find(number);
                          if (found == owner.connections_.end()) {
                            owner.core_.metrics.count_request(route, "gone");
                          } else {
                            found->second->finish_work(route, fate, answer, with_body, now_ns, end_ns);
                          }
                        });
  if (taken) return;
  --core_.metrics.in_work;
  working_ = false;
  put_counted(route, {503, "text/plain", "the line is full\n"}, true, now_ns, now_ns);
}

BackendConnection::Fate BackendConnection::draw_fate() {
  const Knobs& knobs = core_.knobs;
  double drawn = core_.random.uniform();
  if (drawn < knobs.reset) return Fate::reset;
  drawn -= knobs.reset;
  if (drawn < knobs.hang) return Fate::hang;
  drawn -= knobs.hang;
  return drawn < knobs.errors ? Fate::error : Fate::answer;
}

void BackendConnection::finish_work(std::string_view route, Fate fate, const BackendAnswer& answer,
                                    bool with_body, uint64_t asked_ns, uint64_t now_ns) {
  working_ = false;
  active_ns_ = now_ns;
  if (fate == Fate::reset) {
    core_.metrics.count_request(route, "reset");
    state_ = State::reset;
  } else {
    put_counted(route, answer, with_body, asked_ns, now_ns);
  }
  if (!stepping_) step(now_ns);
}

void BackendConnection::put_counted(std::string_view route, const BackendAnswer& answer, bool with_body,
                                    uint64_t asked_ns, uint64_t now_ns) {
  core_.metrics.count_request(route, std::to_string(answer.status));
  core_.metrics.add_duration(since(now_ns, asked_ns));
  put(answer, with_body);
}

void BackendConnection::put(const BackendAnswer& answer, bool with_body) {
  out_ = answer_text(answer, core_.routes.id(), keep_alive_, with_body);
  if (!keep_alive_) state_ = State::last_answer;
}

void BackendConnection::send_out() {
  if (out_.empty() || state_ == State::reset) return;
  const ssize_t sent = send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) state_ = State::reset;
    return;
  }
  sent_ += static_cast<size_t>(sent);
  if (sent_ < out_.size()) return;
  out_.clear();
  sent_ = 0;
}

void BackendConnection::watch() {
  uint32_t events = 0;
  if (!peer_closed_ && in_.size() < kMaxIn) events |= EPOLLIN;
  if (!out_.empty()) events |= EPOLLOUT;
  if (events != watched_) core_.poller.change(socket_.get(), events, this);
  watched_ = events;
}

}  // namespace shunt
