#include "insight/api/page_files.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "http/http_gzip.h"

namespace shunt::insight {
namespace {

namespace fs = std::filesystem;

constexpr int kSmallest = 9;  // of gzip's levels
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".wasm", "application/wasm"},
}};
// Nothing from elsewhere, nothing inline, and no other page may frame it.
constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";
constexpr const char* kHowToBuild =
    "shunt-insight runs, but its page isn't built.\n\n"
    "Build it with: cd dashboard && npm ci && npm run build\n"
    "and start shunt-insight again, or name the folder in [api] page_dir.\n"
    "The API is there: /api/v1/openapi.json\n";

std::string type_of(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  for (const auto& [end, type] : kTypes) {
    if (extension == end) return std::string(type);
  }
  return "application/octet-stream";
}

// Vite's names: index-B3f9_aQx.js, Alerts-By-nVeGx.js: a dash and eight characters of base64url.
bool has_hash(const std::string& name) {
  constexpr size_t kHash = 8;
  const std::string stem = fs::path(name).stem().string();
  return name.starts_with("/assets/") && stem.size() > kHash + 1 && stem[stem.size() - kHash - 1] == '-';
}

std::string tag_of(const std::string& bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string tag = "\"";
  for (size_t i = 0; i < 12; ++i) {
    tag += kHex[digest[i] >> 4U];
    tag += kHex[digest[i] & 15U];
  }
  return tag + "\"";
}

std::optional<std::string> whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void secure(ApiResponse& response) {
  response.fields["Content-Security-Policy"] = kPolicy;
  response.fields["Referrer-Policy"] = "no-referrer";
  response.fields["X-Frame-Options"] = "DENY";
}

// A place that the page itself knows, rather than a file: names of backends may have dots.
bool is_in_page(const std::string& path) {
  if (path == "/api" || path.starts_with("/api/") || path.starts_with("/assets/")) return false;
  if (path.rfind('/') == 0) return path.find('.') == std::string::npos;
  const bool is_odd = std::ranges::any_of(
      path, [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == '\\'; });
  return !is_odd && path.find("//") == std::string::npos && (path + "/").find("/../") == std::string::npos;
}

}  // namespace

std::string PageFiles::find_beside(const std::string& program) {
  const fs::path folder = fs::path(program).parent_path();
  for (const fs::path& place : {folder / "../share/shunt/dashboard", folder / "dashboard/dist",
                                folder / "../dashboard/dist", folder / "../../dashboard/dist"}) {
    std::error_code ignored;
    if (fs::is_regular_file(place / "index.html", ignored)) return fs::weakly_canonical(place).string();
  }
  return {};
}

Result<PageFiles::File> PageFiles::read(const std::string& path, const std::string& name) {
  std::optional<std::string> bytes = whole_file(path);
  if (!bytes) return Error{path, "can't be read"};
  File file;
  file.type = type_of(name);
  file.tag = tag_of(*bytes);
  file.is_lasting = has_hash(name);
  if (std::optional<std::string> made = whole_file(path + ".gz"))
    file.gzip = std::make_shared<const std::string>(*std::move(made));
  else if (std::optional<std::string> packed = gzip(*bytes, kSmallest))
    file.gzip = std::make_shared<const std::string>(*std::move(packed));
  file.plain = std::make_shared<const std::string>(*std::move(bytes));
  return file;
}

Result<PageFiles> PageFiles::load(const std::string& dir) {
  PageFiles page;
  if (dir.empty()) return page;
  std::error_code error;
  uint64_t bytes = 0;
  for (fs::recursive_directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
    if (at->is_symlink() || !at->is_regular_file() || at->path().extension() == ".gz") continue;
    const std::string name = "/" + fs::relative(at->path(), dir).generic_string();
    bytes += at->file_size();
    if (page.files_.size() >= kMostFiles || bytes > kMostBytes)
      return Error{"[api] page_dir " + dir, "has more than 2,000 files or 32 MiB: this is no page"};
    Result<File> file = read(at->path().string(), name);
    if (!file) return file.error();
    page.files_[name] = file.take();
  }
  if (error) return Error{"[api] page_dir " + dir, error.message()};
  if (!page.files_.contains("/index.html")) return Error{"[api] page_dir " + dir, "has no index.html"};
  return page;
}

ApiResponse PageFiles::answer_file(const File& file, const ApiCall& call) const {
  ApiResponse response;
  response.content_type = file.type;
  secure(response);
  response.fields["ETag"] = file.tag;
  response.fields["Cache-Control"] = file.is_lasting ? "public, max-age=31536000, immutable" : "no-cache";
  if (file.gzip) response.fields["Vary"] = "Accept-Encoding";
  if (!call.if_none_match.empty() && call.if_none_match.find(file.tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  const bool is_packed = file.gzip && takes_gzip(call.accept_encoding);
  if (is_packed) response.fields["Content-Encoding"] = "gzip";
  response.shared_body = is_packed ? file.gzip : file.plain;
  return response;
}

ApiResponse PageFiles::answer(const ApiCall& call) const {
  const std::string path = percent_decoded(call.path);
  auto found = files_.find(path == "/" ? "/index.html" : path);
  if (found == files_.end() && is_in_page(path)) found = files_.find("/index.html");
  if (found != files_.end()) return answer_file(found->second, call);
  if (!files_.empty() || !is_in_page(path)) return problem(404, "there is nothing at this path");
  ApiResponse response = text_answer(kHowToBuild);
  secure(response);
  return response;
}

}  // namespace shunt::insight
