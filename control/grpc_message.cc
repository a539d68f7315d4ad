#include "control/grpc_message.h"

namespace shunt {
namespace {

constexpr size_t kPrefixBytes = 5;

// A base-128 number from the front of `bytes`.
std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    if (shift < 64) value |= uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

void put_varint(std::string& to, uint64_t value) {
  for (; value >= 0x80; value >>= 7U)
    to.push_back(static_cast<char>((value & 0x7fU) | 0x80U));
  to.push_back(static_cast<char>(value));
}

// How many bytes a field's value has, by its wire type; its length, if it has one, is taken.
std::optional<uint64_t> field_bytes(uint64_t wire_type, std::string_view& bytes) {
  switch (wire_type) {
    case 1:
      return 8;
    case 2:
      return take_varint(bytes);
    case 5:
      return 4;
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> status_field(std::string_view message) {
  uint64_t status = 0;
  while (!message.empty()) {
    const auto tag = take_varint(message);
    if (!tag || *tag >> 3U == 0) return std::nullopt;
    if ((*tag & 7U) == 0) {
      const auto value = take_varint(message);
      if (!value) return std::nullopt;
      if (*tag >> 3U == 1) status = *value;
      continue;
    }
    const auto size = field_bytes(*tag & 7U, message);
    if (!size || *size > message.size()) return std::nullopt;
    message.remove_prefix(*size);
  }
  return status;
}

}  // namespace

std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message.push_back(0x0a);  // field 1, bytes
    put_varint(message, service.size());
    message += service;
  }
  std::string framed(kPrefixBytes, '\0');  // not compressed
  framed[3] = static_cast<char>(message.size() >> 8U);
  framed[4] = static_cast<char>(message.size() & 0xffU);
  return framed + message;
}

std::optional<uint64_t> grpc_health_status(std::string_view body) {
  if (body.size() < kPrefixBytes || body[0] != 0) return std::nullopt;
  uint64_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i)
    size = size << 8U | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefixBytes);
  if (size != body.size()) return std::nullopt;
  return status_field(body);
}

}  // namespace shunt
