// DiscoveryEntries: builds a DiscoveryAnswer entry by entry; what is bad, double or too much is skipped and
// named.
//
// Bound: kMostPoolBackends entries. Also the JSON form of an entry, which files and etcd share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "control/discovery_source.h"

namespace shunt {

class DiscoveryEntries {
 public:
  // `backend.name` may be empty: default_name() then. `where` stands before the reason if it is skipped.
  void add(BackendConfig backend, std::string_view where);
  // {"address": "10.0.0.1", "port": 80, "weight": 1, "name": "web-1"}; address alone is required, another key
  // is an error.
  void add_json(const nlohmann::json& entry, std::string_view where, std::string name = {});
  void skip(std::string_view where, std::string_view why);

  DiscoveryAnswer take() { return std::move(answer_); }

 private:
  DiscoveryAnswer answer_;
  std::set<std::string> names_;
  std::set<std::pair<IpAddress, uint16_t>> addresses_;
};

// "10.0.0.1:80", "2001:db8::1-80" (a name has no brackets); the address where port is 0.
std::string default_backend_name(const IpAddress& address, uint16_t port);

// {"name": …, "address": …, "port": …, "weight": …, "draining": true}: as add_json() reads it.
nlohmann::json backend_json(const BackendConfig& backend);

// Bytes of others, for a log line: what isn't printable ASCII as ?, cut after 100.
std::string shown(std::string_view text);

}  // namespace shunt
