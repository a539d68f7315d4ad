// shunt-detect: the detector over files. scripts/detect builds and calls it.
#include <CLI/CLI.hpp>
#include <iostream>

#include "insight/detect/detect_report.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Scores the anomaly detector on the Numenta benchmark, or looks for anomalies in one file"};
  std::string nab;
  std::string csv;
  auto* nab_option =
      app.add_option("--nab", nab, "folder of the Numenta Anomaly Benchmark (data, labels, config)");
  app.add_option("--csv", csv, "a file of `timestamp,value` rows")->excludes(nab_option);
  CLI11_PARSE(app, argc, argv);
  if (nab.empty() == csv.empty()) {
    std::cerr << "shunt-detect: one of --nab DIR and --csv FILE is wanted\n";
    return 2;
  }
  const auto result = nab.empty() ? shunt::report_csv(csv, std::cout) : shunt::report_nab(nab, std::cout);
  if (result) return 0;
  std::cerr << "shunt-detect: " << result.error().text() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    std::cerr << "shunt-detect: " << failure.what() << "\n";
    return 1;
  }
}
