// A question and its answer in DNS's wire form (RFC 1035 section 4), as far as a health check needs them.
//
// Pure. Whatever the bytes are, parsing ends: names follow at most kMostPointers pointers, each backwards,
// and at most kMostRecords records are looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"

namespace shunt {

inline constexpr size_t kMostRecords = 64;
inline constexpr int kMostPointers = 16;

struct DnsQuestion {
  uint16_t id = 0;
  std::string name;  // is_dns_name()
  DnsType type = DnsType::a;
};

struct DnsAnswer {
  bool is_ours = false;    // the id and the question are those that were asked; if not, nothing else is known
  std::string malformed;   // what is wrong with it; empty: nothing
  bool truncated = false;  // TC: there was more
  uint8_t rcode = 0;
  // Of the records of the question's type: addresses; names in small letters without the last dot (NS, CNAME,
  // PTR; of SOA, MX and SRV the server's); texts, their parts joined.
  std::vector<std::string> values;
};

// One question, recursion desired.
std::string dns_query(const DnsQuestion& question);
DnsAnswer parse_dns_answer(std::string_view message, const DnsQuestion& question);

}  // namespace shunt
