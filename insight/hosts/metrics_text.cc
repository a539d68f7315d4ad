// One line after the other.
#include "insight/hosts/metrics_text.h"

#include <charconv>
#include <optional>

namespace shunt::insight {
namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

void skip_blanks(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t'))
    rest.remove_prefix(1);
}

std::string_view take_name(std::string_view& rest) {
  size_t length = 0;
  while (length < rest.size() && is_name(rest[length]))
    ++length;
  const std::string_view name = rest.substr(0, length);
  rest.remove_prefix(length);
  return name;
}

bool take(std::string_view& rest, char wanted) {
  if (rest.empty() || rest.front() != wanted) return false;
  rest.remove_prefix(1);
  return true;
}

// Behind the opening quote, up to the closing one.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string value;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return value;
    if (c != '\\') {
      value += c;
      continue;
    }
    if (rest.empty()) return std::nullopt;
    value += rest.front() == 'n' ? '\n' : rest.front();
    rest.remove_prefix(1);
  }
  return std::nullopt;
}

// Behind the opening brace, up to the closing one.
bool take_labels(std::string_view& rest, MetricSample& sample) {
  for (;;) {
    skip_blanks(rest);
    if (take(rest, '}')) return true;
    const std::string_view name = take_name(rest);
    skip_blanks(rest);
    if (name.empty() || sample.labels.size() >= kMostLabels || !take(rest, '=')) return false;
    skip_blanks(rest);
    if (!take(rest, '"')) return false;
    std::optional<std::string> value = take_quoted(rest);
    if (!value) return false;
    sample.labels.emplace_back(name, *std::move(value));
    skip_blanks(rest);
    if (!rest.empty() && rest.front() == '}') continue;
    if (!take(rest, ',')) return false;
  }
}

bool take_number(std::string_view& rest, double& value) {
  skip_blanks(rest);
  take(rest, '+');  // from_chars has no word for it
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return rest.empty() || rest.front() == ' ' || rest.front() == '\t';
}

bool parse_line(std::string_view line, MetricSample& sample) {
  if (line.size() > kMostLine) return false;
  sample.labels.clear();
  sample.name = take_name(line);
  if (sample.name.empty() || (sample.name.front() >= '0' && sample.name.front() <= '9')) return false;
  skip_blanks(line);
  if (take(line, '{') && !take_labels(line, sample)) return false;
  if (!take_number(line, sample.value)) return false;
  // A time may follow, in milliseconds.
  double time = 0;
  skip_blanks(line);
  if (!line.empty() && !take_number(line, time)) return false;
  skip_blanks(line);
  return line.empty();
}

}  // namespace

std::string_view MetricSample::label(std::string_view wanted) const {
  for (const auto& [key, text] : labels)
    if (key == wanted) return text;
  return {};
}

MetricsTally parse_metrics(std::string_view text, const std::function<void(const MetricSample&)>& on_sample) {
  MetricsTally tally;
  MetricSample sample;
  for (size_t lines = 0; !text.empty(); ++lines) {
    if (lines == kMostLines) {
      tally.cut = true;
      break;
    }
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    skip_blanks(line);
    if (line.empty() || line.front() == '#') continue;
    if (!parse_line(line, sample)) {
      ++tally.bad_lines;
      continue;
    }
    ++tally.samples;
    on_sample(sample);
  }
  return tally;
}

}  // namespace shunt::insight
