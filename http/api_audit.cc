#include "http/api_audit.h"
#include "http/api_time.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace shunt {
namespace {

constexpr mode_t kMode = 0640;

std::string outcome_of(unsigned status) {
  if (status < 300) return "done";
  return status < 500 ? "refused" : "failed";
}

}  // namespace

std::string audit_text(const AuditLine& line) {
  nlohmann::ordered_json json;
  json["when"] = rfc3339(line.when);
  json["who"] = line.caller.who;
  json["role"] = role_name(line.caller.role);
  json["from"] = line.caller.from;
  json["method"] = line.method;
  json["path"] = line.target;
  json["outcome"] = outcome_of(line.status);
  json["status"] = line.status;
  json["generation"] = line.generation;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<> ApiAudit::open(const std::string& file) {
  UniqueFd fd;
  if (!file.empty()) {
    fd.reset(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode));
    if (!fd) return Error{"[log] audit_file", file + ": " + std::strerror(errno)};
  }
  fd_ = std::move(fd);
  broken_ = false;
  return Ok{};
}

bool ApiAudit::add(const AuditLine& line) {
  if (!fd_) return true;
  const std::string text = audit_text(line);
  if (write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    broken_ = false;
    return true;
  }
  ++lost_;
  return std::exchange(broken_, true);
}

}  // namespace shunt
