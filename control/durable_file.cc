#include "control/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/unique_fd.h"

namespace shunt {
namespace {

Error failed(const std::string& path, const char* what) {
  return Error{path, std::string(what) + ": " + std::strerror(errno)};
}

Result<> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(path, "can't be written");
    text.remove_prefix(static_cast<size_t>(written));
  }
  return Ok{};
}

// As the file that it will replace.
void take_over_owner(int fd, const std::string& from) {
  struct stat status{};
  if (stat(from.c_str(), &status) != 0) return;
  // Without the right to give a file away it stays ours: what counts is the text.
  if (fchown(fd, status.st_uid, status.st_gid) == 0) fchmod(fd, status.st_mode & 07777U);
}

Result<> write_new(const std::string& beside, const std::string& path, std::string_view text) {
  const UniqueFd fd(open(beside.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) return failed(beside, "can't be written");
  take_over_owner(fd.get(), path);
  if (auto written = write_all(fd.get(), text, beside); !written) return written;
  if (fsync(fd.get()) != 0) return failed(beside, "can't be written");
  return Ok{};
}

}  // namespace

Result<> write_durably(const std::string& name, std::string_view text) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(name, error);
  if (error) path = name;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::exists(folder, error)) {
    std::filesystem::create_directories(folder, error);
    if (error) return Error{folder.string(), "can't be made: " + error.message()};
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  const std::string beside = path.string() + ".new";
  if (auto written = write_new(beside, path.string(), text); !written) {
    unlink(beside.c_str());
    return written;
  }
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const Error why = failed(path.string(), "can't be replaced");
    unlink(beside.c_str());
    return why;
  }
  const UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) fsync(directory.get());  // the name, after a power failure
  return Ok{};
}

Result<std::optional<std::string>> read_if_there(const std::string& path, size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return std::optional<std::string>{};
  if (fd.get() < 0) return failed(path, "can't be read");
  std::string text;
  char buffer[65'536];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "can't be read");
    if (got == 0) return std::optional(std::move(text));
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > limit) return Error{path, "is larger than " + std::to_string(limit) + " bytes"};
  }
}

}  // namespace shunt
