// PassiveWatch: passive evidence of every pool that wants it: reads what the workers counted, tells the
// compiler what to trust.
//
// Owner: the control thread. Cost: once a second, one pass over the rows of these pools' backends.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/compiler.h"
#include "control/packet_engine.h"
#include "control/passive_evidence.h"

namespace shunt {

class PassiveWatch {
 public:
  using Tell = std::function<void(const std::string& pool, const PassiveEvidence::Change& change)>;

  using Users = std::vector<std::pair<const ServiceRecord*, uint8_t>>;

  PassiveWatch(const PacketEngine& engine, Compiler& compiler) : engine_(engine), compiler_(compiler) {}

  // Once a second. True: compile again.
  bool update(const Tell& tell);
  // Why a backend is given less; empty: it isn't.
  std::string reason(const std::string& pool, const std::string& backend) const;

 private:
  std::vector<PassiveSample> samples_of(const std::string& pool, const PoolRecord& record) const;
  void add_counts(const Users& users, uint16_t number, PassiveSample& sample) const;
  size_t networks_of(const std::string& pool, const std::string& backend) const;

  const PacketEngine& engine_;
  Compiler& compiler_;
  std::map<std::string, PassiveEvidence> pools_;
};

}  // namespace shunt
