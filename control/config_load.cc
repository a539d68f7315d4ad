// The passes: parse, read, validate.
#include "control/config_load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/result.h"
#include "control/config_read.h"
#include "control/config_validate.h"
#include "control/report.h"
#include "control/toml_error.h"

namespace shunt {
namespace {

constexpr size_t kLargestFile = 64U << 20U;

std::optional<toml::table> parse(std::string_view text, Report& report) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& failure) {
    report_toml_error(failure, report);
    return std::nullopt;
  }
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_file(const std::string& path) {
  const auto failed = [&] { return Error{path, std::string("can't be read: ") + std::strerror(errno)}; };
  const OpenFile file(path);
  if (file.fd() < 0) return failed();
  struct stat status{};
  if (fstat(file.fd(), &status) == 0 && S_ISDIR(status.st_mode))
    return Error{path, "can't be read: it is a folder"};
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    const ssize_t got = read(file.fd(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kLargestFile) return Error{path, "can't be read: it is larger than 64 MiB"};
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "shunt";
  return name.data();
}

}  // namespace

LoadResult load_config(std::string_view toml_text, std::string file_name) {
  LoadResult result;
  Report report(toml_text, file_name);
  if (const auto root = parse(toml_text, report)) {
    auto [config, origin] = read_config(*root, report);
    validate_config(config, origin, report);
    config.file = std::move(file_name);
    result.config = std::move(config);
  }
  result.errors = report.take_errors();
  result.warnings = report.take_warnings();
  if (!result.errors.empty()) result.config.reset();
  return result;
}

LoadResult load_config_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    LoadResult result;
    result.errors.push_back(
        {path, {}, text.error().what, {}, DiagnosticId::unreadable_file, Severity::error, {}, 0});
    return result;
  }
  LoadResult result = load_config(text.value(), path);
  if (result.config && result.config->node.name.empty()) result.config->node.name = host_name();
  return result;
}

}  // namespace shunt
