#include "tests/tools/http_probe.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/tools/http_request.h"
#include "tests/tools/poller.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kOk = 200;
constexpr uint64_t kPauseNs =
    10 * kNsPerMs;  // between two requests of until_ok, so that a refusal isn't hammered

struct HttpCounts {
  uint64_t requests = 0;
  uint64_t answered_ok = 0;
  uint64_t longest_ns = 0;  // from SYN to the end of a response
  std::map<unsigned, uint64_t> statuses;
  std::map<std::string, uint64_t> failures;
  std::map<std::string, uint64_t> backends;  // by the first line of a 200's body

  void add(const HttpRequest& request) {
    const HttpOutcome& outcome = request.outcome();
    ++requests;
    if (!outcome.failure.empty()) {
      ++failures[std::string(outcome.failure)];
      return;
    }
    ++statuses[outcome.status];
    longest_ns = std::max(longest_ns, since(request.ended_ns(), request.begun_ns()));
    if (outcome.status != kOk) return;
    ++answered_ok;
    ++backends[outcome.first_line];
  }

  Json json() const {
    Json by_status = Json::object();
    for (const auto& [status, count] : statuses)
      by_status[std::to_string(status)] = count;
    Json by_backend = Json::object();
    for (const auto& [backend, count] : backends) {
      by_backend[backend] = {{"requests", count},
                             {"share", static_cast<double>(count) / static_cast<double>(answered_ok)}};
    }
    return {{"requests", requests},  {"ok", answered_ok},    {"failed", requests - answered_ok},
            {"statuses", by_status}, {"failures", failures}, {"longest_ms", to_ms(longest_ns)},
            {"backends", by_backend}};
  }
};

class HttpRun {
 public:
  explicit HttpRun(const HttpOptions& options) : options_(options) {
    text_ = "GET " + options.path + " HTTP/1.0\r\nHost: " + options.target.text() +
            "\r\nUser-Agent: shunt-probe\r\nConnection: close\r\n\r\n";
  }

  int run_all() {
    const uint64_t start_ns = monotonic_ns();
    while (counts_.requests < options_.requests) {
      while (begun_ < options_.requests && open_.size() < options_.concurrent)
        begin(monotonic_ns());
      turn();
    }
    Json report = counts_.json();
    report["elapsed_s"] = to_seconds(since(monotonic_ns(), start_ns));
    print(report);
    return counts_.answered_ok == options_.requests ? 0 : 1;
  }

  int run_until_ok() {
    const uint64_t start_ns = monotonic_ns();
    uint64_t first_ok_ns = 0;
    uint64_t row = 0;
    while (row < options_.in_a_row && since(monotonic_ns(), start_ns) < options_.until_ok_ns) {
      const uint64_t ok_before = counts_.answered_ok;
      begin(monotonic_ns());
      while (!open_.empty())
        turn();
      if (counts_.answered_ok == ok_before) {
        row = 0;
        pause();
      } else if (++row == 1) {
        first_ok_ns = monotonic_ns();
      }
    }
    const bool in_time = row >= options_.in_a_row;
    Json report = counts_.json();
    report["in_time"] = in_time;
    report["took_ms"] = in_time ? Json(to_ms(since(first_ok_ns, start_ns))) : Json(nullptr);
    print(report);
    return in_time ? 0 : 1;
  }

 private:
  void begin(uint64_t now_ns) {
    const IpAddress* source =
        options_.sources.empty() ? nullptr : &options_.sources[begun_ % options_.sources.size()];
    open_.push_back(std::make_unique<HttpRequest>(poller_, options_.target, source, text_, now_ns));
    ++begun_;
  }

  void turn() {
    poller_.wait(1);
    const uint64_t now_ns = monotonic_ns();
    for (const auto& request : open_) {
      if (!request->done() && since(now_ns, request->begun_ns()) > options_.each_timeout_ns)
        request->give_up();
      if (request->done()) counts_.add(*request);
    }
    std::erase_if(open_, [](const auto& request) { return request->done(); });
  }

  void pause() {
    const uint64_t until_ns = monotonic_ns() + kPauseNs;
    while (monotonic_ns() < until_ns)
      poller_.wait(1);
  }

  static void print(const Json& report) {
    std::printf("%s\n", report.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
    std::fprintf(stderr, "%llu requests, %llu answered 200\n",
                 static_cast<unsigned long long>(report["requests"].get<uint64_t>()),
                 static_cast<unsigned long long>(report["ok"].get<uint64_t>()));
  }

  const HttpOptions& options_;
  Poller poller_;
  std::string text_;
  uint64_t begun_ = 0;
  HttpCounts counts_;
  std::vector<std::unique_ptr<HttpRequest>> open_;
};

}  // namespace

int run_http(const HttpOptions& options) {
  raise_file_limit();
  HttpRun run(options);
  return options.until_ok_ns != 0 ? run.run_until_ok() : run.run_all();
}

}  // namespace shunt
