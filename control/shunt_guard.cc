// shunt-guard: the parent of shuntd (guard.h), or with --withdraw only the broom.
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/exit_codes.h"
#include "control/guard.h"

namespace {

constexpr const char* kHelp =
    R"(Usage: shunt-guard [--protocol N] shuntd --config FILE
       shunt-guard --withdraw [--protocol N]

Starts shuntd, and again when it dies. The routes of its VIPs are withdrawn when it stays away for longer than
[dataplane] restart_grace, or can't be started again. SIGTERM, SIGINT and SIGHUP are passed on.

  --protocol N  protocol of the routes (1 to 255); without it, what shuntd says ([routes] protocol)
  --withdraw    removes such routes (of protocol 90 by default), and ends: for systemd's ExecStopPost
  --version, --help

Exit status: shuntd's own; 1 the guard itself failed; 2 usage; 127 there is no such program.
)";

struct Wish {
  std::optional<uint8_t> protocol;
  bool withdraw = false;
  std::vector<std::string> command;
};

// An exit code, where that is all.
std::optional<int> read_arguments(int argc, char** argv, Wish& wish) {
  int next = 1;
  for (; next < argc && argv[next][0] == '-'; ++next) {
    const std::string_view word = argv[next];
    if (word == "--help") return std::fputs(kHelp, stdout) < 0 ? shunt::kExitFailure : shunt::kExitOk;
    if (word == "--version")
      return std::puts("shunt-guard " SHUNT_VERSION) < 0 ? shunt::kExitFailure : shunt::kExitOk;
    if (word == "--withdraw") {
      wish.withdraw = true;
    } else if (word == "--protocol" && next + 1 < argc) {
      const std::string_view digits = argv[++next];
      uint8_t number = 0;
      const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (failure != std::errc{} || end != digits.data() + digits.size() || number == 0) {
        std::fprintf(stderr, "shunt-guard: --protocol is 1 to 255, not %s\n", argv[next]);
        return shunt::kExitUsage;
      }
      wish.protocol = number;
    } else {
      std::fprintf(stderr, "shunt-guard: no option is called %s\n%s", argv[next], kHelp);
      return shunt::kExitUsage;
    }
  }
  wish.command.assign(argv + next, argv + argc);
  if (wish.withdraw != wish.command.empty()) {
    std::fprintf(stderr, "shunt-guard: either --withdraw or a command\n%s", kHelp);
    return shunt::kExitUsage;
  }
  return std::nullopt;
}

int fail(const shunt::Error& error) {
  std::fprintf(stderr, "shunt-guard: %s\n", error.text().c_str());
  return shunt::kExitFailure;
}

}  // namespace

int main(int argc, char** argv) {
  Wish wish;
  if (const auto exit_code = read_arguments(argc, argv, wish)) return *exit_code;
  if (wish.withdraw) {
    shunt::GuardOrders orders;
    orders.protocol = wish.protocol.value_or(orders.protocol);
    const auto removed = shunt::withdraw_routes(orders);
    return removed ? shunt::kExitOk : fail(removed.error());
  }
  std::optional<shunt::GuardOrders> orders;
  if (wish.protocol) orders = shunt::GuardOrders{*wish.protocol, {}, {}};
  shunt::Guard guard(std::move(wish.command), std::move(orders));
  auto exit_code = guard.run();
  return exit_code ? exit_code.value() : fail(exit_code.error());
}
