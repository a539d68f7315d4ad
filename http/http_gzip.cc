#include "http/http_gzip.h"

#include <zlib.h>

#include <limits>

namespace shunt {
namespace {

constexpr size_t kWorthIt = 1400;
constexpr int kGzip = 15 + 16;  // zlib's largest window, with gzip's header
constexpr int kMemory = 8;      // zlib's default

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter != ' ' && letter != '\t') out += letter;
  }
  return out;
}

bool is_refused(const std::string& weight) {
  return weight == ";q=0" ||
         (weight.starts_with(";q=0.") && weight.find_first_not_of('0', 5) == std::string::npos);
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  bool takes_any = false;
  while (!accept_encoding.empty()) {
    const std::string_view one = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(one.size() + 1, accept_encoding.size()));
    const std::string coding = without_blanks(one);
    const size_t end = std::min(coding.find(';'), coding.size());
    const std::string name = coding.substr(0, end);
    const bool is_wanted = !is_refused(coding.substr(end));
    if (name == "gzip" || name == "x-gzip") return is_wanted;
    if (name == "*") takes_any = is_wanted;
  }
  return takes_any;
}

std::optional<std::string> gzip(std::string_view text, int level) {
  if (text.size() < kWorthIt || text.size() > std::numeric_limits<uInt>::max()) return std::nullopt;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END || out.size() >= text.size() / 10 * 9) return std::nullopt;
  return out;
}

}  // namespace shunt
