#include "tests/traffic/outcome.h"

#include <array>
#include <cerrno>

namespace shunt {
namespace {

struct Row {
  std::string_view name;
  std::string_view words;
};

constexpr std::array<Row, kOutcomes> kRows = {{{"ok", "answered"},
                                               {"refused", "refused"},
                                               {"reset", "reset"},
                                               {"unreachable", "unreachable"},
                                               {"connect_timeout", "timed out connecting"},
                                               {"answer_timeout", "timed out waiting for the answer"},
                                               {"early_close", "closed before the answer"},
                                               {"wrong_answer", "answered wrongly"},
                                               {"error_status", "answered with an error"},
                                               {"no_local_port", "without a free local port"},
                                               {"no_local_memory", "without local descriptors or buffers"},
                                               {"socket_error", "ended by another error"},
                                               {"not_begun", "not begun, too many being open"},
                                               {"unfinished", "unfinished"}}};

}  // namespace

std::string_view name(Outcome outcome) {
  return kRows[static_cast<size_t>(outcome)].name;
}

std::string_view words(Outcome outcome) {
  return kRows[static_cast<size_t>(outcome)].words;
}

Outcome outcome_of_errno(int error, bool connecting) {
  switch (error) {
    case ECONNREFUSED:
      return Outcome::refused;
    case ECONNRESET:
    case EPIPE:
      return connecting ? Outcome::refused : Outcome::reset;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAGAIN:
      return Outcome::no_local_port;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return Outcome::unreachable;
    case ETIMEDOUT:
      return connecting ? Outcome::connect_timeout : Outcome::answer_timeout;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Outcome::no_local_memory;
    default:
      return Outcome::socket_error;
  }
}

}  // namespace shunt
