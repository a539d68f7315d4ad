#include "bench/measure.h"

#include <cpuid.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

namespace shunt::bench {
namespace {

[[noreturn]] void usage(const char* program, std::string_view about, int status) {
  std::fprintf(status == 0 ? stdout : stderr,
               "%.*s\nusage: %s [--quick] [--filter TEXT] [--max-flows N]\n"
               "Results go to stdout as JSON, progress to stderr.\n",
               static_cast<int>(about.size()), about.data(), program);
  std::exit(status);
}

double nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double find_tsc_ghz() {
  unsigned denominator = 0;
  unsigned numerator = 0;
  unsigned crystal_hz = 0;
  unsigned unused = 0;
  if (__get_cpuid(0x15, &denominator, &numerator, &crystal_hz, &unused) != 0 && denominator != 0 &&
      numerator != 0 && crystal_hz != 0) {
    return static_cast<double>(crystal_hz) * numerator / denominator / 1e9;
  }
  const double began = nanoseconds();
  const uint64_t ticks = now_ticks();
  double elapsed = 0;
  while (elapsed < 50e6)
    elapsed = nanoseconds() - began;
  return static_cast<double>(now_ticks() - ticks) / elapsed;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3; at -= 3)
    text.insert(at - 3, ",");
  return text;
}

template <typename T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json to_json(const std::string& bench, const Row& row) {
  nlohmann::ordered_json out;
  out["bench"] = bench;
  out["case"] = row.test_case;
  out["flows"] = or_null(row.flows);
  out["forward"] = or_null(row.forward);
  out["family"] = or_null(row.family);
  out["ticks_min"] = rounded(row.ours.ticks_min);
  out["ticks_median"] = rounded(row.ours.ticks_median);
  out["rival"] = or_null(row.rival);
  out["rival_ticks_min"] = row.rival ? nlohmann::ordered_json(rounded(row.theirs.ticks_min)) : nullptr;
  out["rival_ticks_median"] = row.rival ? nlohmann::ordered_json(rounded(row.theirs.ticks_median)) : nullptr;
  out["ghz"] = rounded(row.ours.ghz);
  out["tsc_ghz"] = rounded(tsc_ghz());  // what a tick is
  for (const auto& [key, value] : row.extra) {
    if (const double* number = std::get_if<double>(&value)) {
      out[key] = rounded(*number);
    } else {
      out[key] = std::get<std::string>(value);
    }
  }
  return out;
}

// Ticks per operation.
double time_batch(const Candidate& candidate) {
  if (candidate.prepare) candidate.prepare();
  const uint64_t began = now_ticks();
  const uint64_t operations = candidate.run();
  const uint64_t ended = now_ticks();
  prove(operations > 0, candidate.name + " did something in a batch");
  return static_cast<double>(ended - began) / static_cast<double>(operations);
}

// How often somebody else was given the core of this thread.
long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// A batch that lost the core is taken again, a few times: it says how busy the machine is, and no more.
double time_undisturbed(const Candidate& candidate) {
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    const long before = preemptions();
    const double cost = time_batch(candidate);
    if (preemptions() == before || attempt == kAttempts) return cost;
  }
}

}  // namespace

std::vector<uint64_t> Options::sizes(const std::vector<uint64_t>& all,
                                     const std::vector<uint64_t>& quick_ones) const {
  std::vector<uint64_t> chosen = quick ? quick_ones : all;
  const uint64_t smallest = *std::ranges::min_element(all);
  std::erase_if(chosen, [this](uint64_t size) { return size > max_flows; });
  if (chosen.empty()) chosen.push_back(smallest);
  return chosen;
}

Options read_options(int argc, char** argv, std::string_view about) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--help" || argument == "-h") {
      usage(argv[0], about, 0);
    } else if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--filter" && has_value) {
      options.filter = argv[++i];
    } else if (argument == "--max-flows" && has_value) {
      const std::string_view text = argv[++i];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.max_flows);
      if (error != std::errc() || end != text.data() + text.size()) usage(argv[0], about, 2);
    } else {
      usage(argv[0], about, 2);
    }
  }
  return options;
}

void prove(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "not proved: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

double tsc_ghz() {
  static const double ghz = find_tsc_ghz();
  return ghz;
}

// Register + register: some cores add small constants while renaming, in no time at all.
double core_ghz() {
  constexpr unsigned kLoops = 40;
  constexpr unsigned kAddsPerLoop = 100;  // as .rept says
  uint64_t sum = 0;
  uint64_t best = UINT64_MAX;
  // The smaller of two: one may have met an interrupt.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const uint64_t began = now_ticks();
    for (unsigned loop = 0; loop < kLoops; ++loop)
      asm volatile(".rept 100\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(began) : "cc");
    best = std::min(best, now_ticks() - began);
  }
  // What reading the clock itself takes, once known, is taken off.
  static const uint64_t overhead = [] {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 100; ++i) {
      const uint64_t began = now_ticks();
      least = std::min(least, now_ticks() - began);
    }
    return least;
  }();
  return tsc_ghz() * kLoops * kAddsPerLoop / static_cast<double>(best - std::min(overhead, best - 1));
}

std::vector<Timing> measure(std::span<const Candidate> candidates, unsigned batches, unsigned warm_up,
                            unsigned batches_in_turn) {
  std::vector<std::vector<double>> costs(candidates.size());
  std::vector<std::vector<double>> clocks(candidates.size());
  for (unsigned round = 0; round * batches_in_turn < batches; ++round) {
    for (size_t turn = 0; turn < candidates.size(); ++turn) {
      const size_t which = (round + turn) % candidates.size();
      for (unsigned i = 0; i < warm_up; ++i)
        time_batch(candidates[which]);
      for (unsigned i = 0; i < batches_in_turn; ++i) {
        clocks[which].push_back(core_ghz());
        costs[which].push_back(time_undisturbed(candidates[which]));
        clocks[which].push_back(core_ghz());
      }
    }
  }
  std::vector<Timing> timings;
  for (size_t i = 0; i < candidates.size(); ++i)
    timings.push_back({std::ranges::min(costs[i]), median(costs[i]), median(clocks[i])});
  return timings;
}

std::string Row::name() const {
  std::string text = test_case;
  if (flows) text += " " + std::to_string(*flows);
  if (forward) text += " " + *forward;
  if (family) text += " " + *family;
  return text;
}

void Report::add(const Row& row) {
  std::string line = bench_ + " " + row.test_case;
  if (row.flows) line += " " + grouped(*row.flows);
  if (row.forward) line += " " + *row.forward;
  if (row.family) line += " " + *row.family;
  std::fprintf(stderr, "%-44s %9.1f /%9.1f", line.c_str(), row.ours.ticks_min, row.ours.ticks_median);
  if (row.rival) {
    std::fprintf(stderr, "  %-28s %9.1f /%9.1f  (%.2f)", row.rival->c_str(), row.theirs.ticks_min,
                 row.theirs.ticks_median, row.theirs.ticks_min / row.ours.ticks_min);
  }
  std::fprintf(stderr, "  %.2f GHz", row.ours.ghz);
  for (const auto& [key, value] : row.extra) {
    if (const double* number = std::get_if<double>(&value)) {
      std::fprintf(stderr, "  %s %.6g", key.c_str(), *number);
    } else {
      std::fprintf(stderr, "  %s %s", key.c_str(), std::get<std::string>(value).c_str());
    }
  }
  std::fputc('\n', stderr);
  rows_.push_back(row);
}

void Report::measure(Row row, std::span<const Candidate> candidates, unsigned warm_up,
                     unsigned batches_in_turn) {
  const std::vector<Timing> timings =
      bench::measure(candidates, options_.batches(), warm_up, batches_in_turn);
  row.ours = timings[0];
  if (candidates.size() == 1) add(row);
  for (size_t i = 1; i < candidates.size(); ++i) {
    row.rival = candidates[i].name;
    row.theirs = timings[i];
    add(row);
  }
}

int Report::print() const {
  std::cout << "[";
  for (size_t i = 0; i < rows_.size(); ++i)
    std::cout << (i == 0 ? "\n" : ",\n") << to_json(bench_, rows_[i]).dump();
  std::cout << "\n]\n" << std::flush;
  if (rows_.empty()) std::fprintf(stderr, "%s: no rows: --filter leaves nothing\n", bench_.c_str());
  return rows_.empty() || !std::cout ? 1 : 0;
}

}  // namespace shunt::bench
