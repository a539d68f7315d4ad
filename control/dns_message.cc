#include "control/dns_message.h"

#include <algorithm>

#include "common/address.h"

namespace shunt {
namespace {

constexpr uint16_t kInternet = 1;
constexpr size_t kHeaderBytes = 12;
constexpr size_t kNameBytes = 255;

void put16(std::string& to, unsigned value) {
  to.push_back(static_cast<char>(value >> 8U));
  to.push_back(static_cast<char>(value & 0xffU));
}

// Bytes of a message in order; past its end everything is 0 and `ok` is false.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message) {}

  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  uint8_t byte() {
    if (at_ >= message_.size()) {
      ok_ = false;
      return 0;
    }
    return static_cast<uint8_t>(message_[at_++]);
  }
  uint16_t word() {
    const unsigned high = byte();
    return static_cast<uint16_t>(high << 8U | byte());
  }
  std::string_view bytes(size_t count) {
    if (message_.size() - at_ < count) {
      ok_ = false;
      at_ = message_.size();
      return {};
    }
    at_ += count;
    return message_.substr(at_ - count, count);
  }
  // RFC 1035 4.1.4. A pointer that doesn't point backwards, or too many: not ok.
  std::string name() {
    std::string text;
    size_t back_at = 0;
    size_t lowest = at_;
    for (int pointers = 0; ok_;) {
      const uint8_t length = byte();
      if (length == 0) break;
      if (length >= 0xc0) {
        const size_t target = (length & 0x3fU) << 8U | byte();
        if (back_at == 0) back_at = at_;
        if (target >= lowest || ++pointers > kMostPointers) ok_ = false;
        lowest = at_ = std::min(target, message_.size());
        continue;
      }
      if (length >= 0x40 || text.size() + length > kNameBytes) ok_ = false;
      if (!text.empty()) text.push_back('.');
      text += bytes(length);
    }
    if (back_at != 0) at_ = back_at;
    return text;
  }

 private:
  std::string_view message_;
  size_t at_ = 0;
  bool ok_ = true;
};

std::string normal(std::string_view name) {
  std::string text(name == "." ? "" : name);
  if (text.ends_with('.')) text.pop_back();
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string address_text(std::string_view bytes, bool is_v4) {
  if (bytes.size() != (is_v4 ? 4U : 16U)) return {};
  const auto* raw = reinterpret_cast<const uint8_t*>(bytes.data());  // NOLINT
  return is_v4 ? IpAddress::v4(load<be32>(raw)).text() : IpAddress::v6(raw).text();
}

std::string texts_of(std::string_view data) {
  std::string joined;
  while (!data.empty()) {
    const auto length = static_cast<uint8_t>(data[0]);
    joined += data.substr(1, length);
    data.remove_prefix(std::min<size_t>(data.size(), length + 1U));
  }
  return joined;
}

// What a record of that type says. `reader` stands at the data.
std::string value_of(DnsType type, Reader reader, size_t size) {
  switch (type) {
    case DnsType::a:
    case DnsType::aaaa:
      return address_text(reader.bytes(size), type == DnsType::a);
    case DnsType::txt:
      return texts_of(reader.bytes(size));
    case DnsType::mx:
      reader.bytes(2);
      break;
    case DnsType::srv:
      reader.bytes(6);
      break;
    case DnsType::ns:
    case DnsType::cname:
    case DnsType::soa:
    case DnsType::ptr:
      break;
  }
  return normal(reader.name());
}

void read_records(Reader& reader, DnsType type, size_t count, DnsAnswer& answer) {
  for (size_t i = 0; i < std::min(count, kMostRecords); ++i) {
    reader.name();
    const uint16_t of_type = reader.word();
    const uint16_t of_class = reader.word();
    reader.bytes(4);  // TTL
    const uint16_t size = reader.word();
    const Reader data = reader;
    reader.bytes(size);
    if (!reader.ok()) {
      if (!answer.truncated) answer.malformed = "a record that isn't whole";
      return;
    }
    if (of_type == static_cast<uint16_t>(type) && of_class == kInternet)
      answer.values.push_back(value_of(type, data, size));
  }
}

}  // namespace

std::string dns_query(const DnsQuestion& question) {
  std::string message;
  put16(message, question.id);
  put16(message, 0x0100);  // RD
  put16(message, 1);
  message.append(6, '\0');
  std::string_view rest = question.name == "." ? std::string_view() : std::string_view(question.name);
  if (rest.ends_with('.')) rest.remove_suffix(1);
  while (!rest.empty()) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    message.push_back(static_cast<char>(label.size()));
    message += label;
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  message.push_back('\0');
  put16(message, static_cast<uint16_t>(question.type));
  put16(message, kInternet);
  return message;
}

DnsAnswer parse_dns_answer(std::string_view message, const DnsQuestion& question) {
  DnsAnswer answer;
  if (message.size() < kHeaderBytes) return answer;
  Reader reader(message);
  const uint16_t id = reader.word();
  const uint16_t flags = reader.word();
  const uint16_t questions = reader.word();
  const uint16_t answers = reader.word();
  reader.bytes(4);
  if (id != question.id || (flags & 0x8000U) == 0) return answer;
  answer.rcode = flags & 0xfU;
  answer.truncated = (flags & 0x0200U) != 0;
  // A server that can't read the question may leave it away (FORMERR).
  if (questions == 0 && answer.rcode != 0) {
    answer.is_ours = true;
    return answer;
  }
  const std::string name = normal(reader.name());
  const uint16_t type = reader.word();
  const bool same = reader.word() == kInternet && type == static_cast<uint16_t>(question.type) &&
                    name == normal(question.name);
  if (questions != 1 || !reader.ok() || !same) return answer;
  answer.is_ours = true;
  read_records(reader, question.type, answers, answer);
  return answer;
}

}  // namespace shunt
