// Where each value of a Config stood in its file, and which values could be read at all.
//
// Kept beside the Config while it is validated, then thrown away. Rules between values ask has() or given()
// first, so that one mistake isn't reported twice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config.h"

namespace shunt {

class Origin {
 public:
  SourcePosition header;  // of the section

  // `key` is an option row's, which lives for ever. `elements`: of a list.
  void add(std::string_view key, SourcePosition value, std::vector<SourcePosition> elements = {}) {
    entries_.push_back({key, value, std::move(elements)});
  }
  void add_given(std::string_view key) { given_.push_back(key); }
  // In the file, good or bad.
  bool given(std::string_view key) const {
    return std::find(given_.begin(), given_.end(), key) != given_.end();
  }
  // In the file, and read without an error.
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Of the value; of the section where the value is a default.
  SourcePosition of(std::string_view key) const {
    const Entry* entry = find(key);
    return entry == nullptr ? header : entry->value;
  }
  SourcePosition of(std::string_view key, size_t element) const {
    const Entry* entry = find(key);
    return entry != nullptr && element < entry->elements.size() ? entry->elements[element] : of(key);
  }

 private:
  struct Entry {
    std::string_view key;
    SourcePosition value;
    std::vector<SourcePosition> elements;
  };
  const Entry* find(std::string_view key) const {
    for (const Entry& entry : entries_) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
  std::vector<Entry> entries_;
  std::vector<std::string_view> given_;
};

struct PoolOrigin : Origin {
  Origin health;
  Origin discovery;
  std::vector<Origin> backends;
};

struct ServiceOrigin : Origin {
  Origin timeouts;
};

// Same order and sizes as in the Config.
struct ConfigOrigin {
  Origin node;
  Origin dataplane;
  std::vector<Origin> ports;
  std::vector<PoolOrigin> pools;
  std::vector<ServiceOrigin> services;
  Origin api;
  Origin icmp;
  Origin routes;
  Origin fragments;
  Origin cluster;
  Origin telemetry;
  Origin log;
};

}  // namespace shunt
