// dns: one question over UDP; good when the answer's code and records are those expected. What isn't an
// answer to the question (another id, another name) is passed over.
#include <sys/random.h>

#include <algorithm>

#include "control/dns_message.h"
#include "control/health_probe.h"

namespace shunt {
namespace {

constexpr int kForeignAnswers = 16;

uint16_t random_id() {
  uint16_t id = 0;
  static_cast<void>(getrandom(&id, sizeof id, GRND_NONBLOCK));
  return id;
}

std::string rcode_text(uint8_t rcode) {
  constexpr const char* kNames[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return rcode < std::size(kNames) ? kNames[rcode] : "code " + std::to_string(rcode);
}

// In the form of DnsAnswer::values.
std::string wanted_value(const HealthSettings& settings) {
  std::string text = settings.answer;
  if (settings.query_type == DnsType::txt) return text;
  if (settings.query_type == DnsType::a || settings.query_type == DnsType::aaaa)
    return IpAddress::parse(text).value_or(IpAddress{}).text();
  if (text.ends_with('.')) text.pop_back();
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

HealthResult judge(const HealthSettings& settings, const DnsAnswer& answer) {
  if (!answer.malformed.empty()) return bad("malformed answer: " + answer.malformed);
  const std::string code = rcode_text(answer.rcode);
  if (answer.rcode != static_cast<uint8_t>(settings.rcode)) return bad(code);
  const std::string shown = code + ", " + std::to_string(answer.values.size()) +
                            (answer.values.size() == 1 ? " record" : " records");
  if (settings.answer.empty()) return good(shown);
  if (std::ranges::find(answer.values, wanted_value(settings)) != answer.values.end())
    return good(shown + ", the wanted one among them");
  return bad(shown + ", not the wanted one" + (answer.truncated ? " (cut to fit UDP)" : ""));
}

}  // namespace

boost::asio::awaitable<HealthResult> probe_dns(HealthProbe& probe) {
  HealthResult result = open_udp(probe);
  if (!result.ok()) co_return result;
  const HealthSettings& settings = probe.target.config;
  const DnsQuestion question{random_id(), settings.query, settings.query_type};
  result = co_await send_datagram(probe, dns_query(question));
  if (!result.ok()) co_return result;
  for (int foreign = 0; foreign < kForeignAnswers; ++foreign) {
    std::string message;
    result = co_await receive_datagram(probe, message);
    if (!result.ok()) co_return result;
    const DnsAnswer answer = parse_dns_answer(message, question);
    if (answer.is_ours) co_return judge(settings, answer);
  }
  co_return bad("only answers to what wasn't asked");
}

}  // namespace shunt
