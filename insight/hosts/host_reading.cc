// The few of some 1,000 lines that count.
#include "insight/hosts/host_reading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>

#include "insight/hosts/metrics_text.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostFilesystems = 1'000;

// In memory, or full by nature: as in configs/prometheus/rules/recorded_hosts.yml.
bool is_disk(std::string_view type) {
  static constexpr std::array<std::string_view, 5> kNone = {"tmpfs", "ramfs", "squashfs", "iso9660",
                                                            "devtmpfs"};
  return std::find(kNone.begin(), kNone.end(), type) == kNone.end();
}

void add(std::optional<double>& sum, double value) {
  sum = sum.value_or(0) + value;
}

std::optional<double> used_share(double free, double all) {
  if (!(all > 0) || !(free >= 0) || !std::isfinite(all)) return std::nullopt;
  return std::clamp(1 - free / all, 0.0, 1.0);
}

struct Filesystem {
  std::optional<double> free;
  std::optional<double> all;
};

class Collector {
 public:
  void take(const MetricSample& sample) {
    if (!std::isfinite(sample.value)) return;
    if (sample.name == "node_cpu_seconds_total") {
      const std::string_view mode = sample.label("mode");
      add(reading_.cpu_s, sample.value);
      if (mode == "idle" || mode == "iowait") add(reading_.idle_s, sample.value);
    } else if (sample.name == "node_boot_time_seconds") {
      reading_.started_s = sample.value;
    } else if (sample.name == "node_memory_MemTotal_bytes") {
      memory_.all = sample.value;
    } else if (sample.name == "node_memory_MemAvailable_bytes") {
      memory_.free = sample.value;
    } else if (sample.name == "node_filesystem_avail_bytes" || sample.name == "node_filesystem_size_bytes") {
      take_filesystem(sample);
    } else if (sample.label("device") != "lo") {
      if (sample.name == "node_network_receive_bytes_total") add(reading_.received_bytes, sample.value);
      if (sample.name == "node_network_transmit_bytes_total") add(reading_.sent_bytes, sample.value);
    }
  }

  HostReading finish() {
    if (memory_.free && memory_.all) reading_.memory = used_share(*memory_.free, *memory_.all);
    for (const auto& [name, filesystem] : filesystems_) {
      if (!filesystem.free || !filesystem.all) continue;
      const std::optional<double> used = used_share(*filesystem.free, *filesystem.all);
      if (used) reading_.disk = std::max(reading_.disk.value_or(0), *used);
    }
    return reading_;
  }

 private:
  void take_filesystem(const MetricSample& sample) {
    if (!is_disk(sample.label("fstype"))) return;
    const std::string name =
        std::string(sample.label("device")) + '\n' + std::string(sample.label("mountpoint"));
    if (filesystems_.size() >= kMostFilesystems && !filesystems_.contains(name)) return;
    Filesystem& filesystem = filesystems_[name];
    (sample.name == "node_filesystem_size_bytes" ? filesystem.all : filesystem.free) = sample.value;
  }

  HostReading reading_;
  Filesystem memory_;
  std::map<std::string, Filesystem> filesystems_;
};

// What grew between two readings, a second.
std::optional<double> rate(const std::optional<double>& before, const std::optional<double>& now,
                           double seconds) {
  if (!before || !now || *now < *before || !(seconds > 0)) return std::nullopt;
  return (*now - *before) / seconds;
}

}  // namespace

Result<HostReading> read_host(std::string_view text, int64_t at_ms) {
  Collector collector;
  const MetricsTally tally = parse_metrics(text, [&](const MetricSample& sample) { collector.take(sample); });
  HostReading reading = collector.finish();
  reading.at_ms = at_ms;
  if (!reading.cpu_s && !reading.memory && !reading.disk)
    return Error{"", "it is no node_exporter's answer: " + std::to_string(tally.samples) +
                         " samples, none of CPU, memory or disks, and " + std::to_string(tally.bad_lines) +
                         " lines that can't be read"};
  return reading;
}

HostNumbers host_numbers(const std::optional<HostReading>& before, const HostReading& now) {
  HostNumbers numbers;
  numbers.memory = now.memory;
  numbers.disk = now.disk;
  numbers.read_s = now.at_ms / 1'000;
  if (!before || before->started_s != now.started_s) return numbers;
  const double seconds = static_cast<double>(now.at_ms - before->at_ms) / 1e3;
  const std::optional<double> all = rate(before->cpu_s, now.cpu_s, seconds);
  if (all && *all > 0 && before->idle_s && now.idle_s)
    // The kernel's iowait may fall a little.
    numbers.cpu = std::clamp(1 - (*now.idle_s - *before->idle_s) / (*now.cpu_s - *before->cpu_s), 0.0, 1.0);
  numbers.received = rate(before->received_bytes, now.received_bytes, seconds);
  numbers.sent = rate(before->sent_bytes, now.sent_bytes, seconds);
  return numbers;
}

}  // namespace shunt::insight
