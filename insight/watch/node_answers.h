// NodeAnswers: what a shuntd's API said at one reading, as values with types.
//
// Bound: kMostSeries services and backends together; the rest of an answer is passed over and counted.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "insight/kpi/kpi_cell.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct ServiceAnswer {
  std::string name;
  uint16_t number = 0;  // by which flow records name it
  uint32_t sample = 0;  // one flow in so many is watched; 0: none
  std::string address;  // as shuntd writes it: an address or a prefix
  uint16_t port = 0;    // 0: any
  std::string protocol;
  std::string mode;
  std::string scheduler;
  uint64_t active = 0;
  std::optional<KpiCounts> totals;  // nothing: one answer knew it, another didn't; it changed in between
};

struct BackendAnswer {
  std::string service;
  std::string pool;
  std::string name;
  uint16_t number = 0;
  std::string address;
  uint16_t port = 0;
  BackendState state = BackendState::unknown;
  std::string reason;  // empty where it is up
  int64_t since_s = 0;
  double weight = 0;
  uint64_t active = 0;
  std::optional<KpiCounts> totals;
};

struct NodeAnswers {
  int64_t at_us = 0;  // our clock, when its counters were read
  int64_t started_us = 0;
  uint64_t generation = 0;
  std::vector<ServiceAnswer> services;
  std::vector<BackendAnswer> backends;
  uint64_t passed_over = 0;
};

// The answers of one reading as they came; those that weren't asked for are null.
struct RawAnswers {
  int64_t at_us = 0;
  nlohmann::json status;
  nlohmann::json services;
  nlohmann::json backends;
  nlohmann::json outcomes;
  nlohmann::json drops;
  nlohmann::json events;
  nlohmann::json history;
  nlohmann::json discovery;
};

inline constexpr size_t kMostSeries = 10'000;

// The first thing that isn't as docs/api.md says, in words.
Result<NodeAnswers> parse_answers(const RawAnswers& raw);

}  // namespace shunt::insight
