#include "control/discovery_memory.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/discovery_entries.h"

namespace shunt {
namespace {

constexpr int kVersion = 1;
constexpr uintmax_t kLargestFile = 16U << 20U;

int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<RememberedAnswer> read_answer(const nlohmann::json& file) {
  if (!file.is_object() || file.value("version", 0) != kVersion) return std::nullopt;
  RememberedAnswer answer;
  answer.source = file.at("source").get<std::string>();
  answer.at = WallTime(std::chrono::seconds(file.at("at").get<int64_t>()));
  DiscoveryEntries entries;
  for (const nlohmann::json& entry : file.at("backends"))
    entries.add_json(entry, "backend");
  DiscoveryAnswer read = entries.take();
  if (read.skipped_count > 0) return std::nullopt;
  answer.backends = std::move(read.backends);
  return answer;
}

}  // namespace

DiscoveryMemory::DiscoveryMemory(const std::string& state_dir)
    : folder_(state_dir.empty() ? "" : state_dir + "/discovered") {}

std::string DiscoveryMemory::path(const std::string& pool) const {
  return folder_ + "/" + pool + ".json";
}

Result<std::optional<RememberedAnswer>> DiscoveryMemory::load(const std::string& pool) const {
  if (folder_.empty()) return std::optional<RememberedAnswer>();
  std::error_code failure;
  const auto size = std::filesystem::file_size(path(pool), failure);
  if (failure == std::errc::no_such_file_or_directory) return std::optional<RememberedAnswer>();
  if (failure) return Error{path(pool), failure.message()};
  if (size > kLargestFile) return Error{path(pool), "is larger than 16 MiB"};
  std::ifstream stream(path(pool), std::ios::binary);
  try {
    const auto answer = read_answer(nlohmann::json::parse(stream));
    if (!answer) return Error{path(pool), "isn't an answer of discovery"};
    return answer;
  } catch (const nlohmann::json::exception& broken) {
    return Error{path(pool), shown(broken.what())};
  }
}

Result<> DiscoveryMemory::save(const std::string& pool, const RememberedAnswer& answer) const {
  if (folder_.empty()) return Ok{};
  std::error_code failure;
  std::filesystem::create_directories(folder_, failure);
  if (failure) return Error{folder_, failure.message()};
  nlohmann::json file = {{"version", kVersion}, {"source", answer.source}, {"at", seconds_of(answer.at)}};
  file["backends"] = nlohmann::json::array();
  for (const BackendConfig& backend : answer.backends)
    file["backends"].push_back(backend_json(backend));
  const std::string fresh = path(pool) + ".new";
  {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    stream << file.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    stream.close();
    if (!stream) return Error{fresh, "can't be written"};
  }
  std::filesystem::rename(fresh, path(pool), failure);
  if (failure) return Error{path(pool), failure.message()};
  return Ok{};
}

void DiscoveryMemory::forget(const std::string& pool) const {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove(path(pool), ignored);
}

}  // namespace shunt
