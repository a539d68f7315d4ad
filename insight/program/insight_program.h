// InsightProgram: shunt-insight as a whole: what watches, keeps, judges and shows, on one thread.
//
// start() makes everything or says why not; run() lasts until SIGTERM, SIGINT or stop(). SIGHUP reads tokens
// and certificate again. The warehouse may be away: rows wait for it, and everything else goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "insight/config/insight_config.h"

namespace shunt::insight {

class InsightProgram {
 public:
  explicit InsightProgram(InsightConfig config);
  ~InsightProgram();
  InsightProgram(const InsightProgram&) = delete;
  InsightProgram& operator=(const InsightProgram&) = delete;

  Result<Ok> start();
  void run();
  void stop();
  // Where it listens, as bound.
  const std::vector<std::string>& addresses() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace shunt::insight
