#include "tests/tools/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

Json kinds_json(const BreakLog& log) {
  Json kinds = Json::object();
  for (size_t i = 0; i < kBreakKinds; ++i) {
    const auto kind = static_cast<BreakKind>(i);
    kinds[std::string(name(kind))] = log.count(kind);
  }
  return kinds;
}

Json backends_json(const Tally& tally, const char* flows) {
  Json backends = Json::object();
  for (const BackendCounts& backend : tally.backends()) {
    backends[backend.name] = {{flows, backend.flows},
                              {"messages", backend.messages},
                              {"broken", backend.broken},
                              {"ended_with_backend", backend.with_backend}};
  }
  return backends;
}

void describe_breaks(Json& list, const char* protocol, const BreakLog& log, bool with_backend) {
  for (const Break& what : log.described()) {
    list.push_back({{"protocol", protocol},
                    {"kind", name(what.kind)},
                    {"ended_with_backend", with_backend},
                    {"flow", what.flow},
                    {"local", what.local},
                    {"backend", what.backend},
                    {"sequence", what.sequence},
                    {"at_s", to_seconds(what.at_ns)},
                    {"detail", what.detail}});
  }
}

Json tcp_json(const TcpFlows& tcp) {
  const Tally& tally = tcp.tally();
  return {{"wanted", tcp.wanted()},
          {"opened", tally.opened},
          {"open", tcp.open_now()},
          {"messages_sent", tally.sent},
          {"messages_received", tally.received},
          {"unanswered", tcp.unanswered()},
          {"longest_stall_ms", to_ms(tally.longest_stall_ns)},
          {"longest_silence_ms", to_ms(tally.longest_silence_ns)},
          {"broken", kinds_json(tally.broken)},
          {"ended_with_backend", kinds_json(tally.with_backend)},
          {"backends", backends_json(tally, "connections")}};
}

Json udp_json(const UdpFlows& udp) {
  const Tally& tally = udp.tally();
  return {{"wanted", udp.wanted()},
          {"opened", tally.opened},
          {"icmp_errors", udp.datagrams().icmp_errors},
          {"send_failed", udp.datagrams().send_failed},
          {"dropped_here", udp.dropped_here()},
          {"longest_stall_ms", to_ms(tally.longest_stall_ns)},
          {"longest_silence_ms", to_ms(tally.longest_silence_ns)},
          {"broken", kinds_json(tally.broken)},
          {"ended_with_backend", kinds_json(tally.with_backend)},
          {"backends", backends_json(tally, "flows")}};
}

void summarize(std::ostream& out, const char* protocol, const Tally& tally, uint32_t wanted) {
  if (wanted == 0) return;
  out << protocol << ": " << tally.opened << " of " << wanted << " opened, " << tally.broken.total()
      << " broken, " << tally.with_backend.total() << " ended with their backend; sent " << tally.sent
      << ", answered " << tally.received << "; longest stall " << to_ms(tally.longest_stall_ns)
      << " ms, longest silence " << to_ms(tally.longest_silence_ns) << " ms\n";
  for (const BackendCounts& backend : tally.backends()) {
    out << "  " << backend.name << ": " << backend.flows << " flows, " << backend.messages << " messages\n";
  }
  for (const Break& what : tally.broken.described()) {
    out << "  broken: " << name(what.kind) << ", flow " << what.flow << " from " << what.local << ", backend "
        << (what.backend.empty() ? "unknown" : what.backend) << ", message " << what.sequence << ", at "
        << to_seconds(what.at_ns) << " s: " << what.detail << "\n";
  }
}

}  // namespace

std::string report_json(const ReportInput& input) {
  const Tally& udp = input.udp.tally();
  Json breaks = Json::array();
  describe_breaks(breaks, "tcp", input.tcp.tally().broken, false);
  describe_breaks(breaks, "udp", udp.broken, false);
  describe_breaks(breaks, "tcp", input.tcp.tally().with_backend, true);
  describe_breaks(breaks, "udp", udp.with_backend, true);
  const Json report = {
      {"state", input.run.state},
      {"target", input.options.target.text()},
      {"elapsed_s", to_seconds(input.run.elapsed_ns)},
      {"longest_pause_ms", to_ms(input.run.longest_pause_ns)},
      {"broken", input.broken()},
      {"ended_with_backend", input.tcp.tally().with_backend.total() + udp.with_backend.total()},
      {"lost_backends", input.lost.names()},
      {"udp_sent", udp.sent},
      {"udp_received", udp.received},
      {"udp_lost", input.udp.lost()},
      {"udp_duplicates", input.udp.datagrams().duplicates},
      {"udp_reordered", input.udp.datagrams().reordered},
      {"tcp", tcp_json(input.tcp)},
      {"udp", udp_json(input.udp)},
      {"breaks", breaks},
  };
  return report.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string report_text(const ReportInput& input) {
  std::ostringstream out;
  summarize(out, "tcp", input.tcp.tally(), input.tcp.wanted());
  summarize(out, "udp", input.udp.tally(), input.udp.wanted());
  if (input.udp.wanted() != 0) {
    const DatagramCounts& datagrams = input.udp.datagrams();
    out << "  lost " << input.udp.lost() << " (of these " << input.udp.dropped_here()
        << " dropped here), duplicates " << datagrams.duplicates << ", reordered " << datagrams.reordered
        << ", ICMP errors " << datagrams.icmp_errors << "\n";
  }
  out << (input.broken() == 0 ? "nothing broken" : std::to_string(input.broken()) + " broken") << " in "
      << to_seconds(input.run.elapsed_ns) << " s\n";
  return out.str();
}

Result<> write_atomically(const std::string& file, const std::string& content) {
  const std::string beside = file + ".new";
  FILE* out = std::fopen(beside.c_str(), "we");
  if (out == nullptr) return errno_error(beside);
  const bool written = std::fwrite(content.data(), 1, content.size(), out) == content.size();
  if (std::fclose(out) != 0 || !written) return errno_error(beside);
  if (std::rename(beside.c_str(), file.c_str()) != 0) return errno_error(file);
  return Ok{};
}

}  // namespace shunt
