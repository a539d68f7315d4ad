// The answers of NameResolver. libc's ns_parserr checks lengths and compression; TTLs of SRV aren't in
// c-ares 1.18.
//
// Not by dns_message.h: that one is for health checks, which want an answer's code and its values as text, of
// any type, and look at 64 records. Here it is all the addresses, SRV's fields and TTLs of a name, over
// aliases.
#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "http/name_resolver.h"

namespace shunt {
namespace {

constexpr uint32_t kMostTtl = 0x7fffffff;  // RFC 2181 8: above, 0

std::string folded(std::string name) {
  while (name.ends_with('.') && name.size() > 1)
    name.pop_back();
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name;
}

// The name that stands at `at`; nothing where it is malformed.
std::optional<std::string> name_at(const ns_msg& message, const uint8_t* at) {
  std::array<char, NS_MAXDNAME> text{};
  if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), at, text.data(), text.size()) < 0)
    return std::nullopt;
  return folded(text.data());
}

class AnswerReader {
 public:
  AnswerReader(const ns_msg& message, const std::string& name, RecordType type)
      : message_(message), type_(type), names_{folded(name)} {}

  // False where the record is malformed.
  bool read(const ns_rr& record) {
    if (ns_rr_class(record) != ns_c_in || !names_.contains(folded(ns_rr_name(record)))) return true;
    const unsigned kind = ns_rr_type(record);
    const uint8_t* data = ns_rr_rdata(record);
    const size_t size = ns_rr_rdlen(record);
    if (kind == ns_t_cname) {
      const auto target = name_at(message_, data);
      if (!target) return false;
      names_.insert(*target);
    } else if (kind != static_cast<unsigned>(type_)) {
      return true;
    } else if (!read_data(data, size)) {
      return false;
    }
    const uint32_t ttl = ns_rr_ttl(record);
    least_ttl_ = std::min(least_ttl_, ttl > kMostTtl ? 0 : ttl);
    return true;
  }

  NameRecords take() {
    const bool found = !answer_.addresses.empty() || !answer_.services.empty();
    answer_.ttl = std::chrono::seconds(found ? least_ttl_ : 0);
    return std::move(answer_);
  }

 private:
  bool read_data(const uint8_t* data, size_t size) {
    switch (type_) {
      case RecordType::a:
        if (size != NS_INADDRSZ) return false;
        answer_.addresses.push_back(IpAddress::v4(load<be32>(data)));
        return true;
      case RecordType::aaaa:
        if (size != NS_IN6ADDRSZ) return false;
        answer_.addresses.push_back(IpAddress::v6(data));
        return true;
      case RecordType::srv:
        break;
    }
    constexpr size_t kFixed = 6;
    if (size <= kFixed) return false;
    const auto target = name_at(message_, data + kFixed);
    if (!target) return false;
    answer_.services.push_back(
        {load<be16>(data).host(), load<be16>(data + 2).host(), load<be16>(data + 4).host(), *target});
    return true;
  }

  const ns_msg& message_;
  RecordType type_;
  std::set<std::string> names_;
  uint32_t least_ttl_ = kMostTtl;
  NameRecords answer_;
};

}  // namespace

Result<NameRecords> parse_name_records(const uint8_t* message, size_t size, const std::string& name,
                                       RecordType type) {
  const auto malformed = [&] { return Error{"dns " + name, "the answer is malformed"}; };
  ns_msg parsed{};
  if (size > NS_MAXMSG || ns_initparse(message, static_cast<int>(size), &parsed) != 0) return malformed();
  AnswerReader reader(parsed, name, type);
  const unsigned records = ns_msg_count(parsed, ns_s_an);
  if (records > NameResolver::kMostRecords)
    return Error{"dns " + name,
                 "the answer has more than " + std::to_string(NameResolver::kMostRecords) + " records"};
  for (unsigned i = 0; i < records; ++i) {
    ns_rr record{};
    if (ns_parserr(&parsed, ns_s_an, static_cast<int>(i), &record) != 0 || !reader.read(record))
      return malformed();
  }
  return reader.take();
}

}  // namespace shunt
