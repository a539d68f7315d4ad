// FindingsSource: what the API reads of the findings, and the one thing it may tell them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "insight/findings/findings.h"

namespace shunt::insight {

class FindingsSource {
 public:
  virtual ~FindingsSource() = default;
  // As Findings has them (insight/findings/findings.h).
  virtual const std::deque<FoundAnomaly>& anomalies() const = 0;
  virtual const std::deque<FoundIncident>& incidents() const = 0;
  virtual const std::vector<LiveAlert>& alerts() const = 0;
  virtual const std::vector<AlertRule>& rules() const = 0;
  virtual const std::deque<AlertEvent>& alert_history() const = 0;
  virtual std::optional<Severity> worst(const std::string& service, const std::string& pool,
                                        const std::string& backend) const = 0;
  virtual size_t detectors() const = 0;
  virtual bool accept(int64_t anomaly) = 0;
};

// The real ones.
class FindingsView : public FindingsSource {
 public:
  explicit FindingsView(Findings& findings) : findings_(findings) {}
  const std::deque<FoundAnomaly>& anomalies() const override { return findings_.anomalies(); }
  const std::deque<FoundIncident>& incidents() const override { return findings_.incidents(); }
  const std::vector<LiveAlert>& alerts() const override { return findings_.alerts(); }
  const std::vector<AlertRule>& rules() const override { return findings_.rules(); }
  const std::deque<AlertEvent>& alert_history() const override { return findings_.alert_history(); }
  std::optional<Severity> worst(const std::string& service, const std::string& pool,
                                const std::string& backend) const override {
    return findings_.worst(service, pool, backend);
  }
  size_t detectors() const override { return findings_.detectors(); }
  bool accept(int64_t anomaly) override { return findings_.accept(anomaly); }

 private:
  Findings& findings_;
};

}  // namespace shunt::insight
