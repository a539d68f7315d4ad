// The passes: parse, read, validate.
#include "control/config_load.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

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
    auto source = std::make_shared<ConfigSource>();
    auto [read, origin] = read_config(*root, report);
    read.file = file_name;
    validate_config(read, origin, report);
    source->config = read;
    result.config = std::move(read);
    source->file = std::move(file_name);
    source->text = toml_text;
    source->digest = text_digest(toml_text);
    result.source = std::move(source);
  }
  result.errors = report.take_errors();
  result.warnings = report.take_warnings();
  if (!result.errors.empty()) {
    result.config.reset();
    result.source.reset();
  }
  return result;
}

LoadResult load_config_text(std::string_view toml_text, std::string file_name) {
  LoadResult result = load_config(toml_text, std::move(file_name));
  if (!result.config || !result.config->node.name.empty()) return result;
  ConfigSource named = *result.source;
  result.config->node.name = named.config.node.name = host_name();
  result.source = std::make_shared<const ConfigSource>(std::move(named));
  return result;
}

std::string text_digest(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-256");
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4U];
    hex += "0123456789abcdef"[byte & 15U];
  }
  return hex;
}

LoadResult load_config_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    LoadResult result;
    result.errors.push_back(
        {path, {}, text.error().what, {}, DiagnosticId::unreadable_file, Severity::error, {}, 0});
    return result;
  }
  return load_config_text(text.value(), path);
}

}  // namespace shunt
