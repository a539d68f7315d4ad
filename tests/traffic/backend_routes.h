// The routes of shunt-test-backend: a question in, an answer out. No sockets, no time.
#pragma once

#include <string>
#include <string_view>

#include "tests/traffic/backend_metrics.h"
#include "tests/traffic/http_message.h"
#include "tests/traffic/knobs.h"

namespace shunt {

struct BackendAnswer {
  unsigned status = 200;
  std::string_view type = "text/plain";
  std::string body;
};

// "/", "/health", "/metrics", "/api/data", "/control"; "other" for any other path: the metrics' label.
std::string_view route_of(std::string_view path);

class BackendRoutes {
 public:
  BackendRoutes(std::string id, Knobs& knobs, const BackendMetrics& metrics)
      : id_(std::move(id)), knobs_(knobs), metrics_(metrics) {}

  // What clients may ask.
  BackendAnswer answer(const HttpQuestion& question) const;
  // What the control socket may ask besides: GET and POST /control.
  BackendAnswer answer_control(const HttpQuestion& question) const;
  const std::string& id() const { return id_; }

 private:
  BackendAnswer data(const HttpQuestion& question) const;
  BackendAnswer control(const HttpQuestion& question) const;

  std::string id_;
  Knobs& knobs_;
  const BackendMetrics& metrics_;
};

// A JSON object of exactly `bytes` bytes (two at least), the same for the same seed.
std::string data_document(uint64_t bytes, uint64_t seed);

// The whole message.
std::string answer_text(const BackendAnswer& answer, std::string_view id, bool keep_alive, bool with_body);

}  // namespace shunt
