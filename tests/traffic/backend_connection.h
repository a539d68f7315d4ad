// One client's connection to shunt-test-backend.
#pragma once

#include <cstdint>
#include <string>

#include "tests/tools/poller.h"
#include "tests/traffic/backend_http.h"

namespace shunt {

class BackendConnection final : public Pollable {
 public:
  BackendConnection(Fd socket, BackendListener& owner, uint64_t number, uint64_t now_ns);
  ~BackendConnection() override;
  void on_ready(uint32_t events, uint64_t now_ns) override;
  bool is_idle(uint64_t now_ns) const;

 private:
  enum class State : uint8_t { open, last_answer, ended, reset };
  enum class Fate : uint8_t { answer, error, reset, hang };

  void receive();
  void step(uint64_t now_ns);
  bool ask_next(uint64_t now_ns);
  void ask(const HttpQuestion& question, uint64_t now_ns);
  void ask_control(const HttpQuestion& question, uint64_t now_ns);
  void answer_later(const HttpQuestion& question, uint64_t now_ns);
  void refuse(unsigned status);
  Fate draw_fate();
  void put(const BackendAnswer& answer, bool with_body);
  void put_counted(std::string_view route, const BackendAnswer& answer, bool with_body, uint64_t asked_ns,
                   uint64_t now_ns);
  void finish_work(std::string_view route, Fate fate, const BackendAnswer& answer, bool with_body,
                   uint64_t asked_ns, uint64_t now_ns);
  void send_out();
  void watch();

  Fd socket_;
  BackendListener& owner_;
  BackendCore& core_;
  const uint64_t number_;
  std::string in_;
  std::string out_;
  size_t sent_ = 0;  // of out_
  State state_ = State::open;
  bool working_ = false;  // a request is in the line, or hangs
  bool stepping_ = false;
  bool peer_closed_ = false;
  bool keep_alive_ = true;
  bool hangs_ = false;
  uint32_t watched_ = EPOLLIN;
  uint64_t active_ns_;
};

}  // namespace shunt
