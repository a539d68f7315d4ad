#include "control/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

namespace shunt {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* type_text(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "untyped";
  }
}

// Of labels; in a help text a quote stands for itself.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (c == '"' && quotes)) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

template <typename Number>
void append_digits(std::string& out, Number number) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

// The shortest text that reads as the same double; whole numbers in full.
void append_number(std::string& out, double number) {
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number < 0 ? "-Inf" : "+Inf";
  } else if (number == std::floor(number) && std::abs(number) < kExact) {
    append_digits(out, static_cast<int64_t>(number));
  } else {
    append_digits(out, number);
  }
}

class TextWriter {
 public:
  TextWriter(std::string room, size_t bytes) : out_(std::move(room)) {
    out_.clear();
    out_.reserve(bytes);
  }

  void family(const MetricFamily& family) {
    name_ = family.name;
    out_.append("# HELP ").append(name_).append(" ");
    append_escaped(out_, family.help, false);
    out_.append("\n# TYPE ").append(name_).append(" ").append(type_text(family.type)).append("\n");
    for (const ClientMetric& metric : family.metric) {
      set_labels(metric);
      values(family.type, metric);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  // Once for all lines of the metric: `a="b",c="d"`.
  void set_labels(const ClientMetric& metric) {
    labels_.clear();
    for (const ClientMetric::Label& label : metric.label) {
      if (!labels_.empty()) labels_ += ',';
      labels_.append(label.name).append("=\"");
      append_escaped(labels_, label.value, true);
      labels_ += '"';
    }
  }
  void values(MetricType type, const ClientMetric& metric) {
    if (type == MetricType::Histogram) return histogram(metric.histogram);
    if (type == MetricType::Summary) return sums(metric.summary.sample_count, metric.summary.sample_sum);
    begin({});
    append_number(out_, type == MetricType::Counter ? metric.counter.value : metric.gauge.value);
    out_ += '\n';
  }
  void histogram(const ClientMetric::Histogram& histogram) {
    sums(histogram.sample_count, histogram.sample_sum);
    for (const ClientMetric::Bucket& bucket : histogram.bucket)
      this->bucket(bucket.upper_bound, bucket.cumulative_count);
    bucket(INFINITY, histogram.sample_count);
  }
  void bucket(double bound, uint64_t count) {
    out_.append(name_).append("_bucket{").append(labels_).append(labels_.empty() ? "le=\"" : ",le=\"");
    append_number(out_, bound);
    out_ += "\"} ";
    append_digits(out_, count);
    out_ += '\n';
  }
  void sums(uint64_t count, double sum) {
    begin("_count");
    append_digits(out_, count);
    out_ += '\n';
    begin("_sum");
    append_number(out_, sum);
    out_ += '\n';
  }
  void begin(std::string_view suffix) {
    out_.append(name_).append(suffix);
    if (!labels_.empty()) out_.append("{").append(labels_).append("}");
    out_ += ' ';
  }

  std::string out_;
  std::string_view name_;
  std::string labels_;
};

size_t series_in(MetricType type, const ClientMetric& metric) {
  if (type == MetricType::Histogram) return metric.histogram.bucket.size() + 3;
  return type == MetricType::Summary ? 2 : 1;
}

}  // namespace

std::string metrics_text(const std::vector<MetricFamily>& families, std::string room) {
  constexpr size_t kUsualLine = 128;
  size_t lines = 0;
  for (const MetricFamily& family : families) {
    if (!family.metric.empty()) lines += family.metric.size() * series_in(family.type, family.metric[0]);
  }
  TextWriter writer(std::move(room), lines * kUsualLine);
  for (const MetricFamily& family : families)
    writer.family(family);
  return writer.take();
}

size_t keep_series(std::vector<MetricFamily>& families, size_t most) {
  size_t kept = 0;
  size_t left_out = 0;
  for (MetricFamily& family : families) {
    size_t fitting = 0;
    for (const ClientMetric& metric : family.metric) {
      const size_t series = series_in(family.type, metric);
      const bool fits = left_out == 0 && kept + series <= most;
      (fits ? kept : left_out) += series;
      fitting += fits ? 1U : 0U;
    }
    family.metric.resize(fitting);
  }
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return left_out;
}

}  // namespace shunt
