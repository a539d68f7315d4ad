// WorkerRates: what a worker did of late, from its counters read a second apart.
//
// Owner: the control thread, one for each worker. Bound: one reading is kept. Nothing is measured here; the
// worker does, in one burst of many (dataplane/worker.h).
#pragma once

#include <array>
#include <cstdint>

#include "stats/traffic_counters.h"

namespace shunt {

class WorkerRates {
 public:
  // Call it several times a second: what comes less than a second after the reading before is passed over.
  void read(const WorkerCounters& counters, uint64_t now_ns);

  // Share of the last second spent on packets, 0 to 1.
  double busy() const { return busy_; }
  // Packets of a non-empty receive call, in the last second that had one.
  double packets_per_burst() const { return packets_per_burst_; }
  // Of a packet that the stage was given, in the last second that measured one.
  double ticks_per_packet(Stage stage) const { return stages_[static_cast<size_t>(stage)]; }
  // All stages, for each packet that receive was given.
  double ticks_per_packet() const { return all_stages_; }

 private:
  struct Cost {
    uint64_t ticks = 0;
    uint64_t packets = 0;
  };
  struct Reading {
    uint64_t at_ns = 0;  // 0: none yet
    uint64_t busy_ns = 0;
    uint64_t bursts = 0;
    uint64_t packets = 0;
    std::array<Cost, kStages> stages;
  };
  static Reading reading_of(const WorkerCounters& counters, uint64_t now_ns);

  Reading last_;
  double busy_ = 0;
  double packets_per_burst_ = 0;
  double all_stages_ = 0;
  std::array<double, kStages> stages_{};
};

}  // namespace shunt
