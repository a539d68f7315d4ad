// What scripts/detect prints: the benchmark's scores, or one file's rows with score, threshold and reason.
#pragma once

#include <ostream>
#include <string>

#include "common/result.h"

namespace shunt {

// The benchmark in `directory`. `standard: NN.NN` is the published protocol, one threshold swept over the
// corpus.
Result<> report_nab(const std::string& directory, std::ostream& out);

// A `timestamp,value` file: CSV, one line for each row: timestamp,value,score,threshold,alarm,expert,reason.
Result<> report_csv(const std::string& path, std::ostream& out);

}  // namespace shunt
