#include "control/api_view_routes.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "control/api_routes.h"
#include "control/flow_json.h"
#include "control/trace_json.h"
#include "http/api_address.h"
#include "stats/drop_reason.h"

namespace shunt {
namespace {

constexpr uint64_t kMostConnections = 2'000;  // of a page
constexpr uint64_t kUsualConnections = 100;
constexpr uint64_t kMostWorkers = 1'024;
constexpr const char* kPcapngType = "application/x-pcapng";
constexpr uint64_t kMostPackets = 1'000'000;
constexpr uint64_t kLongestCapture = 3'600;  // seconds
constexpr uint64_t kLeastSnap = 64;
constexpr uint64_t kMostSnap = 2'048;
// A cursor is a number of `next`, which JSON readers keep exactly up to 2^53.
constexpr uint64_t kLastCursor = (uint64_t{1} << 53U) - 1;

std::optional<ApiResponse> complaint_about_state(const std::string& state) {
  if (state.empty() || std::ranges::find(kConnectionStates, state) != kConnectionStates.end())
    return std::nullopt;
  return problem(400, "no flow is in a state \"" + state + "\"",
                 {{"choices", {kConnectionStates.begin(), kConnectionStates.end()}}});
}

// Into `question`, or what is wrong.
template <typename Question>
std::optional<ApiResponse> read_client(const ApiCall& call, Question& question) {
  if (!call.query.contains("client")) return std::nullopt;
  question.client = Prefix::parse(call.value("client"));
  if (question.client) return std::nullopt;
  return problem(400,
                 "client is an address or a prefix like 192.0.2.0/24, not \"" + call.value("client") + "\"");
}

std::optional<ApiResponse> read_numbers(const ApiCall& call, ConnectionQuestion& question) {
  QueryNumber limit = number_in(call, "limit", 1, kMostConnections, kUsualConnections);
  QueryNumber worker = number_in(call, "worker", 0, kMostWorkers - 1, 0);
  QueryNumber from = number_in(call, "from", 0, kLastCursor, 0);
  for (QueryNumber* number : {&limit, &worker, &from}) {
    if (number->complaint) return std::move(number->complaint);
  }
  question.limit = limit.value;
  question.from = from.value;
  if (call.query.contains("worker")) question.worker = static_cast<uint32_t>(worker.value);
  return std::nullopt;
}

ApiResponse connections(StatusSource& source, const ApiCall& call) {
  ConnectionQuestion question;
  question.service = call.value("service");
  question.pool = call.value("pool");
  question.backend = call.value("backend");
  question.state = call.value("state");
  if (auto complaint = complaint_about_service(source, call)) return *std::move(complaint);
  if (auto complaint = complaint_about_state(question.state)) return *std::move(complaint);
  if (auto complaint = read_client(call, question)) return *std::move(complaint);
  if (auto complaint = read_numbers(call, question)) return *std::move(complaint);
  return json_answer(connections_json(source.connections(question)));
}

ApiRoute connections_row(StatusSource& source) {
  ApiRoute row;
  row.method = "GET";
  row.pattern = "/api/v1/connections";
  row.role = ApiRole::reader;
  row.summary = "The flows that the workers' tables know now, page by page, with client addresses";
  row.answer = "Connections";
  row.parameters = {{"service", "text", "Only of this service"},
                    {"pool", "text", "Only with a backend of this pool"},
                    {"backend", "text", "Only with this backend: NAME or POOL/NAME"},
                    {"client", "text", "Only of this client: an address or a prefix"},
                    {"state", "text", "Only in this state"},
                    {"worker", "uint", "Only of this worker"},
                    {"limit", "uint", "About so many in a page: 1 to 2000, 100 by default"},
                    {"from", "uint", "`next` of the page before"}};
  row.handler = [&source](const ApiCall& call) { return connections(source, call); };
  return row;
}

// "192.0.2.7:40001" or "[2001:db8::7]:40001", of the query's parameter `name`.
std::optional<ApiResponse> read_end(const ApiCall& call, const char* name, IpAddress& address,
                                    uint16_t& port) {
  const std::string text = call.value(name);
  const Result<ApiAddress> parsed = ApiAddress::parse(text);
  if (!parsed || parsed.value().is_unix() || parsed.value().port == 0)
    return problem(400, std::string(name) + " is ADDRESS:PORT or [IPV6]:PORT, not \"" + text + "\"");
  address = parsed.value().ip;
  port = parsed.value().port;
  return std::nullopt;
}

ApiResponse trace(StatusSource& source, const ApiCall& call) {
  TraceQuestion question;
  if (auto complaint = read_end(call, "client", question.client, question.client_port))
    return *std::move(complaint);
  if (auto complaint = read_end(call, "to", question.address, question.port)) return *std::move(complaint);
  if (question.client.family() != question.address.family())
    return problem(400, "client and to are both IPv4 or both IPv6");
  const std::string protocol = call.value("protocol");
  if (!protocol.empty() && protocol != "tcp" && protocol != "udp")
    return problem(400, "protocol is tcp or udp, not \"" + protocol + "\"");
  question.udp = protocol == "udp";
  const Result<TraceReport> report = source.trace(question);
  if (!report) return problem(500, report.error().text());
  return json_answer(trace_json(report.value()));
}

ApiRoute trace_row(StatusSource& source) {
  ApiRoute row;
  row.method = "GET";
  row.pattern = "/api/v1/trace";
  row.role = ApiRole::reader;
  row.summary = "What would become of a client's packet now, and why";
  row.answer = "Trace";
  row.parameters = {{"client", "text", "ADDRESS:PORT or [IPV6]:PORT of the client"},
                    {"to", "text", "The same of the VIP"},
                    {"protocol", "text", "tcp, the default, or udp"}};
  row.handler = [&source](const ApiCall& call) { return trace(source, call); };
  return row;
}

// Those that a worker tells before it sends.
constexpr bool is_captured(DropReason reason) {
  constexpr std::array kElsewhere = {
      DropReason::fragment_limit, DropReason::answer_limit, DropReason::punt_full, DropReason::punt_failed,
      DropReason::transmit_full,  DropReason::ring_full,    DropReason::arp,       DropReason::nd};
  return std::ranges::find(kElsewhere, reason) == kElsewhere.end();
}

// "no_backend,ttl", or "all".
std::optional<ApiResponse> read_reasons(const ApiCall& call, CaptureQuestion& question) {
  if (!call.query.contains("drop")) return std::nullopt;
  std::vector<std::string> choices = {"all"};
  uint64_t all = 0;
  for (size_t i = 0; i < kDropReasons; ++i) {
    if (!is_captured(static_cast<DropReason>(i))) continue;
    all |= uint64_t{1} << i;
    choices.emplace_back(kDropReasonNames[i]);
  }
  std::istringstream words(call.value("drop") + ",");
  for (std::string word; std::getline(words, word, ',');) {
    const auto found = std::ranges::find(kDropReasonNames, word);
    const auto bit = uint64_t{1} << (found - kDropReasonNames.begin());
    if (word != "all" && (found == kDropReasonNames.end() || (bit & all) == 0))
      return problem(400, "drop is a list of reasons that can be captured, not \"" + word + "\"",
                     {{"choices", choices}});
    question.reasons |= word == "all" ? all : bit;
  }
  return std::nullopt;
}

std::optional<ApiResponse> read_bounds(const ApiCall& call, CaptureQuestion& question) {
  QueryNumber packets = number_in(call, "count", 1, kMostPackets, question.packets);
  QueryNumber seconds =
      number_in(call, "seconds", 1, kLongestCapture, static_cast<uint64_t>(question.time.count()));
  QueryNumber snap = number_in(call, "snap", kLeastSnap, kMostSnap, question.snap_bytes);
  for (QueryNumber* number : {&packets, &seconds, &snap}) {
    if (number->complaint) return std::move(number->complaint);
  }
  question.packets = packets.value;
  question.time = std::chrono::seconds(seconds.value);
  question.snap_bytes = static_cast<uint32_t>(snap.value);
  return std::nullopt;
}

ApiResponse capture(StatusSource& source, const ApiCall& call) {
  CaptureQuestion question;
  question.service = call.value("service");
  question.backend = call.value("backend");
  if (auto complaint = complaint_about_service(source, call)) return *std::move(complaint);
  if (auto complaint = read_client(call, question)) return *std::move(complaint);
  if (auto complaint = read_reasons(call, question)) return *std::move(complaint);
  if (auto complaint = read_bounds(call, question)) return *std::move(complaint);
  auto stream = source.capture(question, call.caller.name);
  if (!stream) return problem(409, stream.error().text());
  ApiResponse response;
  response.content_type = kPcapngType;
  response.stream = stream.take();
  return response;
}

ApiRoute capture_row(StatusSource& source) {
  ApiRoute row;
  row.method = "POST";
  row.pattern = "/api/v1/capture";
  row.role = ApiRole::admin;  // there is payload in it
  row.summary = "Copies packets, as they came and as they left, into a pcapng stream";
  row.answer_type = kPcapngType;
  row.writes = true;
  row.parameters = {{"service", "text", "Only of this service"},
                    {"backend", "text", "Only to or from this backend: NAME or POOL/NAME"},
                    {"client", "text", "Only of this client: an address or a prefix"},
                    {"drop", "text", "Only what is dropped: reasons, with commas, or all"},
                    {"count", "uint", "Ends after so many packets: 1 to 1000000, 10000 by default"},
                    {"seconds", "uint", "And after this time: 1 to 3600, 60 by default"},
                    {"snap", "uint", "Bytes of each frame: 64 to 2048, 256 by default"}};
  row.handler = [&source](const ApiCall& call) { return capture(source, call); };
  return row;
}

}  // namespace

std::vector<ApiRoute> view_routes(StatusSource& source) {
  return {connections_row(source), trace_row(source), capture_row(source)};
}

}  // namespace shunt
