#include "control/ctl_token.h"

#include <charconv>
#include <map>
#include <optional>

#include "control/ctl_json.h"
#include "http/api_time.h"
#include "http/api_tokens.h"

namespace shunt {
namespace {

using WallClock = std::chrono::system_clock;
constexpr int64_t kMostSeconds = 100LL * 366 * 86'400;

CtlExit usage(const CtlIo& io, const std::string& what) {
  io.err << "shuntctl: " << what << '\n';
  return kExitUsage;
}

// "30d", "12h", "90m", from `now` on.
std::optional<WallClock::time_point> span_from(const std::string& text, WallClock::time_point now) {
  static const std::map<std::string, int64_t> kUnits = {{"m", 60}, {"h", 3'600}, {"d", 86'400}};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = kUnits.find(std::string(end, text.data() + text.size()));
  if (error != std::errc{} || unit == kUnits.end() || number < 1 || number > kMostSeconds / unit->second)
    return std::nullopt;
  return now + std::chrono::seconds(number * unit->second);
}

}  // namespace

CtlExit print_token(const TokenWish& wish, const CtlIo& io) {
  ApiRole role{};
  if (!parse_role(wish.role, role)) return usage(io, "--role is reader, operator or admin");
  std::optional<WallClock::time_point> expires;
  if (!wish.expires.empty()) {
    expires = span_from(wish.expires, io.now);
    if (!expires) expires = parse_rfc3339(wish.expires);
    if (!expires)
      return usage(io, "--expires is a span like 30d, 12h or 90m, or a time like 2027-01-31T12:00:00Z");
    if (*expires <= io.now) return usage(io, "--expires is over already");
  }
  const auto made = make_token(wish.name, role, expires);
  if (!made) return usage(io, made.error().text());
  if (wish.json) {
    ctl::Json json = {{"token", made.value().token}, {"line", made.value().line}};
    io.out << json.dump(2) << '\n';
    return kExitOk;
  }
  io.out << "The token, shown this once:\n  " << made.value().token
         << "\nThe line for the file of [api] token_file:\n  " << made.value().line << '\n';
  return kExitOk;
}

}  // namespace shunt
