#include "dataplane/tcp_state.h"

#include <gtest/gtest.h>

namespace shunt {
namespace {

using enum TcpState;
constexpr bool kClient = false;
constexpr bool kBackend = true;
constexpr bool kData = true;
constexpr bool kBare = false;
constexpr uint8_t kAck = tcp_flag::kAck;
constexpr uint8_t kFin = tcp_flag::kFin | kAck;
constexpr uint8_t kRst = tcp_flag::kRst;
constexpr uint8_t kSyn = tcp_flag::kSyn;

struct Row {
  const char* what;
  TcpState before;
  uint8_t flags;
  bool payload;
  bool from;
  TcpState after;
};

constexpr Row kRows[] = {
    {"UDP has no state", none, 0, kData, kClient, none},
    {"UDP has no state, whatever stands there", none, kRst | kFin, kData, kBackend, none},
    {"data of the client", established, kAck, kData, kClient, established},
    {"data of the backend", established, kAck, kData, kBackend, established},
    {"data of what was revived", revived, kAck, kData, kClient, revived},
    {"what was revived closes", revived, kFin, kBare, kClient, fin_client},
    {"what was revived is reset", revived, kRst, kBare, kBackend, reset},
    {"no flags at all", established, 0, kBare, kClient, established},
    {"SYN opens elsewhere", established, kSyn, kBare, kClient, established},

    {"client's FIN", established, kFin, kBare, kClient, fin_client},
    {"client's FIN with data", established, kFin, kData, kClient, fin_client},
    {"FIN without ACK", established, tcp_flag::kFin, kBare, kClient, fin_client},
    {"client's FIN again", fin_client, kFin, kBare, kClient, fin_client},
    {"client's FIN again, with data", fin_client, kFin, kData, kClient, fin_client},
    {"ACK after the client's FIN is no proof", fin_client, kAck, kBare, kClient, fin_client},
    {"the client's FIN was spoofed", fin_client, kAck, kData, kClient, revived},
    {"answer after the client's FIN", fin_client, kAck, kData, kBackend, fin_client},
    {"backend's FIN after the client's", fin_client, kFin, kBare, kBackend, closing},
    {"SYN after the client's FIN", fin_client, kSyn, kBare, kClient, fin_client},
    {"SYN with data (TFO) after the client's FIN", fin_client, kSyn, kData, kClient, fin_client},

    {"backend's FIN", established, kFin, kBare, kBackend, fin_backend},
    {"upload after the backend's FIN", fin_backend, kAck, kData, kClient, fin_backend},
    {"data of the backend after its FIN", fin_backend, kAck, kData, kBackend, revived},
    {"client's FIN after the backend's", fin_backend, kFin, kBare, kClient, closing},
    {"backend's FIN again", fin_backend, kFin, kBare, kBackend, fin_backend},

    {"the last ACK of a closing, client's", closing, kAck, kBare, kClient, closing},
    {"the last ACK of a closing, backend's", closing, kAck, kBare, kBackend, closing},
    {"FIN again while closing", closing, kFin, kBare, kClient, closing},
    {"data of the client takes back its FIN only", closing, kAck, kData, kClient, fin_backend},
    {"data of the backend takes back its FIN only", closing, kAck, kData, kBackend, fin_client},
    {"SYN while closing", closing, kSyn, kBare, kClient, closing},

    {"client's RST", established, kRst, kBare, kClient, reset},
    {"backend's RST", established, kRst | kAck, kBare, kBackend, reset},
    {"RST with FIN", established, kRst | kFin, kBare, kClient, reset},
    {"RST with SYN", established, kRst | kSyn, kBare, kClient, reset},
    {"RST after a FIN", fin_client, kRst, kBare, kClient, reset},
    {"RST while closing", closing, kRst, kBare, kBackend, reset},
    {"RST again", reset, kRst, kBare, kClient, reset},
    {"the RST was spoofed: bare ACK", reset, kAck, kBare, kClient, revived},
    {"the RST was spoofed: data", reset, kAck, kData, kClient, revived},
    {"the RST was spoofed: the connection ends by FIN", reset, kFin, kBare, kClient, fin_client},
    {"what the backend had under way", reset, kAck, kData, kBackend, reset},
    {"a FIN that the backend had under way", reset, kFin, kBare, kBackend, reset},
    {"SYN after a RST", reset, kSyn, kBare, kClient, reset},
};

TEST(TcpState, FollowsEveryRow) {
  for (const Row& row : kRows) {
    EXPECT_EQ(next_state(row.before, row.flags, row.payload, row.from), row.after) << row.what;
  }
}

TEST(TcpState, ClosingIsWhatFollowsFinOrRst) {
  EXPECT_FALSE(is_closing(none));
  EXPECT_FALSE(is_closing(established));
  EXPECT_FALSE(is_closing(watched));
  EXPECT_FALSE(is_closing(revived));
  for (const TcpState state : {fin_client, fin_backend, closing, reset})
    EXPECT_TRUE(is_closing(state));
}

// Whatever comes, the result fits the table's three bits, and no packet without FIN or RST begins a closing.
TEST(TcpState, StaysInsideItsBits) {
  for (unsigned before = 0; before <= static_cast<unsigned>(reset); ++before) {
    for (unsigned flags = 0; flags < 256; ++flags) {
      for (unsigned rest = 0; rest < 4; ++rest) {
        const auto state = static_cast<TcpState>(before);
        const TcpState after =
            next_state(state, static_cast<uint8_t>(flags), (rest & 1U) != 0, (rest & 2U) != 0);
        ASSERT_LT(static_cast<unsigned>(after), kTcpStates);
        if ((flags & (tcp_flag::kFin | tcp_flag::kRst)) == 0 && !is_closing(state)) {
          ASSERT_EQ(after, state);
        }
        ASSERT_EQ(after == none, state == none);
      }
    }
  }
}

}  // namespace
}  // namespace shunt
