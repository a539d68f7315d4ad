// RecordNames: what the numbers in a shuntd's flow records are called.
//
// A number means the same until its service or backend has gone and every table has forgotten it, so names
// stay until a later reading gives the number to another, and go when shuntd starts anew. Bound: kMostNames;
// more than that begins anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "insight/kpi/roll_up.h"
#include "insight/kpi/series_name.h"
#include "insight/watch/node_answers.h"
#include "stats/flow_record.h"

namespace shunt::insight {

// A series, with what insight/kpi knows it by.
struct RecordSeries {
  std::shared_ptr<const SeriesName> name;
  RollUp::Handle handle{UINT32_MAX, 0};  // asked for when it is refused
};

struct RecordName {
  RecordSeries* service = nullptr;  // nothing: not known
  RecordSeries* backend = nullptr;  // nothing: none, or not known
  uint32_t sample = 0;
  bool is_complete = false;  // everything that the record names is known
};

class RecordNames {
 public:
  static constexpr size_t kMostNames = 100'000;

  explicit RecordNames(std::string node) : node_(std::move(node)) {}

  void update(const NodeAnswers& answers);
  void forget();
  RecordName find(const FlowRecord& record);
  uint64_t generation() const { return generation_; }  // that the names are of; 0: none yet

 private:
  struct Service {
    RecordSeries whole;
    uint32_t sample = 0;
    std::unordered_map<uint16_t, RecordSeries> backends;
  };
  static void rename(RecordSeries& series, SeriesName name);

  std::string node_;
  std::unordered_map<uint16_t, Service> services_;
  size_t names_ = 0;
  int64_t started_us_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace shunt::insight
