#include "insight/watch/node_answers.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "insight/watch/answer_fields.h"
#include "stats/outcome.h"

namespace shunt::insight {
namespace {

constexpr int64_t kMicroseconds = 1'000'000;
constexpr uint64_t kWholeShare = 256;  // of `accept`
constexpr std::string_view kGivenLess = "given less: ";

uint16_t small(const AnswerFields& from, const char* key) {
  return static_cast<uint16_t>(std::min<uint64_t>(from.count(key), std::numeric_limits<uint16_t>::max()));
}

std::string key_of(const std::string& service, const std::string& pool = {},
                   const std::string& backend = {}) {
  return SeriesName{{}, service, pool, backend}.key();
}

// How flows ended and what was tried again.
KpiCounts flow_counts(const AnswerFields& from) {
  KpiCounts counts;
  from.each_count("outcomes", [&](const std::string& name, uint64_t count) {
    const auto found = std::ranges::find(kOutcomeNames, name);  // a newer shuntd may know more
    if (found != kOutcomeNames.end())
      counts.ended(static_cast<FlowOutcome>(found - kOutcomeNames.begin())) = count;
  });
  counts[KpiCount::syn_retransmits] = from.count("syn_retransmits");
  counts[KpiCount::reconnects] = from.count("reconnects");
  counts[KpiCount::data_retransmits] = from.count("data_retransmits");
  return counts;
}

// Beside them what stands in the answers of services and backends alike.
KpiCounts with_traffic(KpiCounts counts, const AnswerFields& from) {
  // Those that found nobody were opened by their clients all the same.
  counts[KpiCount::opened] =
      from.count("new_flows") + counts.ended(FlowOutcome::no_backend) + counts.ended(FlowOutcome::shed);
  counts[KpiCount::packets] = from.count("packets");
  counts[KpiCount::bytes] = from.count("bytes");
  counts[KpiCount::reply_packets] = from.count("reply_packets");
  counts[KpiCount::reply_bytes] = from.count("reply_bytes");
  return counts;
}

struct Condition {
  BackendState state;
  std::string reason;
};

// What people want of it first, then what its checks say.
Condition condition_of(const AnswerFields& from, double weight) {
  const std::string admin = from.text("admin");
  const std::string state = from.text("state");
  const std::string reason = from.text("reason");
  if (admin == "disabled" || state == "disabled") return {BackendState::disabled, reason};
  if (admin == "draining" || weight == 0) return {BackendState::drain, reason};
  if (state == "down") return {BackendState::down, reason};
  if (state == "unknown") return {BackendState::starting, "no check has told yet"};
  const size_t less = reason.find(kGivenLess);
  if (less != std::string::npos) return {BackendState::up, reason.substr(less)};
  const uint64_t accept = from.count("accept");
  if (state == "up" && accept > 0 && accept < kWholeShare)
    return {BackendState::starting, "gets more flows step by step (slow start)"};
  return {state == "up" ? BackendState::up : BackendState::unknown, ""};
}

class Parser {
 public:
  explicit Parser(const RawAnswers& raw) : raw_(raw) {}
  Result<NodeAnswers> parse();

 private:
  void read_node();
  void read_outcomes();
  void read_service(const AnswerFields& from);
  void read_backend(const AnswerFields& from);
  std::optional<KpiCounts> totals(const std::string& key, const AnswerFields& from) const {
    const auto found = flows_.find(key);
    if (found == flows_.end()) return std::nullopt;
    return with_traffic(found->second, from);
  }
  // Of the API's paths, the one that gave the answer that is wrong.
  Result<Ok> checked(const char* path) const {
    if (note_.empty()) return Ok{};
    return Error{path, note_};
  }

  const RawAnswers& raw_;
  std::string note_;
  NodeAnswers answers_;
  std::unordered_map<std::string, KpiCounts> flows_;
};

void Parser::read_node() {
  const AnswerFields node = AnswerFields(raw_.status, "", note_).object("node");
  answers_.at_us = raw_.at_us;
  answers_.started_us = node.time_us("started");
  answers_.generation = node.count("generation");
}

void Parser::read_outcomes() {
  AnswerFields(raw_.outcomes, "", note_).each("services", [&](const AnswerFields& service) {
    const std::string name = service.text("name");
    flows_[key_of(name)] = flow_counts(service);
    service.each("backends", [&](const AnswerFields& backend) {
      flows_[key_of(name, backend.text("pool"), backend.text("name"))] = flow_counts(backend);
    });
  });
}

void Parser::read_service(const AnswerFields& from) {
  if (answers_.services.size() >= kMostSeries) {
    ++answers_.passed_over;
    return;
  }
  ServiceAnswer service;
  service.name = from.text("name");
  service.number = small(from, "number");
  service.sample = static_cast<uint32_t>(std::min<uint64_t>(from.count("sample"), 1U << 16U));
  service.address = from.text("address");
  service.port = small(from, "port");
  service.protocol = from.text("protocol");
  service.mode = from.text("forward");
  service.scheduler = from.text("scheduler");
  service.active = from.count("active_flows");
  service.totals = totals(key_of(service.name), from);
  answers_.services.push_back(std::move(service));
}

void Parser::read_backend(const AnswerFields& from) {
  if (answers_.services.size() + answers_.backends.size() >= kMostSeries) {
    ++answers_.passed_over;
    return;
  }
  BackendAnswer backend;
  backend.service = from.text("service");
  backend.pool = from.text("pool");
  backend.name = from.text("name");
  backend.number = small(from, "number");
  backend.address = from.text("address");
  backend.port = small(from, "port");
  backend.weight = from.number("weight");
  Condition condition = condition_of(from, backend.weight);
  backend.state = condition.state;
  backend.reason = std::move(condition.reason);
  backend.since_s = from.time_us("since") / kMicroseconds;
  backend.active = from.count("active_flows");
  backend.totals = totals(key_of(backend.service, backend.pool, backend.name), from);
  answers_.backends.push_back(std::move(backend));
}

Result<NodeAnswers> Parser::parse() {
  read_node();
  if (const auto good = checked("/api/v1/status"); !good) return good.error();
  read_outcomes();
  if (const auto good = checked("/api/v1/outcomes"); !good) return good.error();
  AnswerFields(raw_.services, "", note_).each("services", [this](const auto& from) { read_service(from); });
  if (const auto good = checked("/api/v1/services"); !good) return good.error();
  AnswerFields(raw_.backends, "", note_).each("backends", [this](const auto& from) { read_backend(from); });
  if (const auto good = checked("/api/v1/backends"); !good) return good.error();
  return std::move(answers_);
}

}  // namespace

Result<NodeAnswers> parse_answers(const RawAnswers& raw) {
  return Parser(raw).parse();
}

}  // namespace shunt::insight
