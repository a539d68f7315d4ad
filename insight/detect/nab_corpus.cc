// Reads the benchmark's files.
#include "insight/detect/nab_corpus.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace shunt {
namespace {

using Json = nlohmann::json;

Result<Json> read_json(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  if (!text) return text.error();
  Json json = Json::parse(text.value(), nullptr, false);
  if (!json.is_object()) return Error{path, "not a JSON object"};
  return json;
}

std::optional<size_t> row_at(const TimeSeries& series, const Json& time, size_t from) {
  if (!time.is_string()) return std::nullopt;
  const auto time_s = parse_timestamp(time.get<std::string>());
  if (!time_s) return std::nullopt;
  const auto start = series.time_s.begin() + static_cast<std::ptrdiff_t>(from);
  const auto row = std::find(start, series.time_s.end(), *time_s);
  if (row == series.time_s.end()) return std::nullopt;
  return static_cast<size_t>(row - series.time_s.begin());
}

Result<NabFile> read_file(const std::string& directory, const std::string& name, const Json& windows) {
  Result<TimeSeries> series = read_time_series(directory + "/data/" + name);
  if (!series) return series.error();
  NabFile file{series.take(), {}};
  file.series.name = name;
  size_t from = 0;
  for (const Json& window : windows) {
    const bool is_pair = window.is_array() && window.size() == 2;
    const auto first = is_pair ? row_at(file.series, window[0], from) : std::nullopt;
    const auto last = first ? row_at(file.series, window[1], *first) : std::nullopt;
    if (!last)
      return Error{directory + "/labels/combined_windows.json", name + ": no rows for " + window.dump()};
    file.windows.push_back({*first, *last});
    from = *last;
  }
  return file;
}

Result<std::vector<NabProfile>> read_profiles(const std::string& path) {
  const Result<Json> json = read_json(path);
  if (!json) return json.error();
  std::vector<NabProfile> profiles;
  for (const auto& [name, row] : json.value().items()) {
    const Json costs = row.is_object() ? row.value("CostMatrix", Json::object()) : Json::object();
    NabProfile profile{name, 0, 0, 0};
    for (const auto& [key, weight] : {std::pair{"tpWeight", &profile.true_positive},
                                      {"fnWeight", &profile.false_negative},
                                      {"fpWeight", &profile.false_positive}}) {
      if (!costs.contains(key) || !costs[key].is_number()) return Error{path, name + ": no " + key};
      *weight = costs[key].get<double>();
    }
    profiles.push_back(profile);
  }
  return profiles;
}

}  // namespace

NabProfile NabCorpus::profile(const std::string& name) const {
  for (const NabProfile& one : profiles)
    if (one.name == name) return one;
  return NabProfile{name};
}

size_t NabCorpus::windows() const {
  size_t sum = 0;
  for (const NabFile& file : files)
    sum += file.windows.size();
  return sum;
}

size_t NabCorpus::rows() const {
  size_t sum = 0;
  for (const NabFile& file : files)
    sum += file.series.size();
  return sum;
}

Result<NabCorpus> read_nab_corpus(const std::string& directory) {
  NabCorpus corpus;
  const Result<Json> labels = read_json(directory + "/labels/combined_windows.json");
  if (!labels) return labels.error();
  for (const auto& [name, windows] : labels.value().items()) {
    Result<NabFile> file = read_file(directory, name, windows);
    if (!file) return file.error();
    corpus.files.push_back(file.take());
  }
  if (corpus.files.empty()) return Error{directory + "/labels/combined_windows.json", "names no file"};
  Result<std::vector<NabProfile>> profiles = read_profiles(directory + "/config/profiles.json");
  if (!profiles) return profiles.error();
  corpus.profiles = profiles.take();
  return corpus;
}

}  // namespace shunt
