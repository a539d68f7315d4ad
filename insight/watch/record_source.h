// RecordSource: where the flow records of one shuntd come from.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "stats/flow_record.h"

namespace shunt::insight {

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Tries to get hold of them, or notices that they ended. Never waits.
  virtual void turn(int64_t now_us) = 0;
  virtual bool is_attached() const = 0;
  virtual std::string error() const = 0;  // why it isn't; empty where it is
  virtual uint32_t rings() const = 0;     // 0 where it isn't attached
  // The oldest unread ones of a ring, as many as fit; they are there again until done().
  virtual size_t copy(uint32_t ring, std::span<FlowRecord> out) = 0;
  virtual void done(uint32_t ring, size_t count) = 0;
  virtual uint64_t dropped() const = 0;  // by shuntd, for want of room, since this attached
  virtual uint64_t generation()
      const = 0;  // of the configuration in use: numbers may mean something else with it
  virtual uint64_t attachments() const = 0;  // how often it got hold of them
};

}  // namespace shunt::insight
