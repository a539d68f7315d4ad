#include "tests/tools/echo_faults.h"

#include <array>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "tests/tools/message.h"

namespace shunt {

Result<> parse_fault(std::string_view text, EchoFaults& faults) {
  const std::array<std::pair<std::string_view, uint64_t*>, 8> known = {{{"rst-after", &faults.rst_after},
                                                                        {"close-after", &faults.close_after},
                                                                        {"drop-reply", &faults.drop_reply},
                                                                        {"gap", &faults.gap},
                                                                        {"duplicate", &faults.duplicate},
                                                                        {"corrupt", &faults.corrupt},
                                                                        {"id-flip", &faults.id_flip},
                                                                        {"stall", &faults.stall_ms}}};
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view digits = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  for (const auto& [fault, value] : known) {
    if (fault != name) continue;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
    if (error == std::errc{} && end == digits.data() + digits.size() && *value > 0) return Ok{};
    return Error{std::string(name), "needs a number from 1 on, as in " + std::string(name) + "=3"};
  }
  return Error{std::string(name), "no such fault"};
}

unsigned Answerer::answer(std::span<uint8_t> frame, uint64_t number) {
  stall_once();
  const bool flipped = faults_.id_flip != 0 && number > faults_.id_flip;
  answer_in_place(frame, flipped ? "another-backend" : id_);
  if (number == faults_.corrupt) frame.back() ^= 1U;
  if (number == faults_.gap) return 0;
  if (faults_.drop_reply != 0 && number >= faults_.drop_reply) return 0;
  return number == faults_.duplicate ? 2 : 1;
}

void Answerer::stall_once() {
  if (stalled_ || faults_.stall_ms == 0) return;
  stalled_ = true;
  std::this_thread::sleep_for(std::chrono::milliseconds(faults_.stall_ms));
}

}  // namespace shunt
