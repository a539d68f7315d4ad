#include "control/pcapng.h"

namespace shunt {
namespace {

enum class BlockType : uint32_t { section = 0x0a0d0d0a, interface = 1, statistics = 5, packet = 6 };
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kLinkEthernet = 1;
constexpr uint8_t kNanoseconds = 9;  // 10^-9 s
// Of epb_flags.
constexpr uint32_t kInbound = 1;
constexpr uint32_t kOutbound = 2;

template <typename T>
void put(std::string& to, T value) {
  for (size_t i = 0; i < sizeof value; ++i)
    to += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xffU);
}

void put_padded(std::string& to, std::string_view bytes) {
  to += bytes;
  while (to.size() % 4 != 0)
    to += '\0';
}

void put_option(std::string& to, uint16_t code, std::string_view value) {
  put(to, code);
  put(to, static_cast<uint16_t>(value.size()));
  put_padded(to, value);
}
void end_options(std::string& to) {
  put(to, uint32_t{0});
}

template <typename T>
std::string bytes_of(T value) {
  std::string bytes;
  put(bytes, value);
  return bytes;
}

void put_time(std::string& to, uint64_t ns) {
  put(to, static_cast<uint32_t>(ns >> 32U));
  put(to, static_cast<uint32_t>(ns));
}

// Type, length, body, length again.
void put_block(std::string& to, BlockType type, std::string_view body) {
  const auto length = static_cast<uint32_t>(body.size() + 12);
  put(to, static_cast<uint32_t>(type));
  put(to, length);
  to += body;
  put(to, length);
}

}  // namespace

void write_pcapng_section(std::string& to, std::string_view application) {
  std::string body;
  put(body, kByteOrderMagic);
  put(body, uint16_t{1});  // version 1.0
  put(body, uint16_t{0});
  put(body, UINT64_MAX);  // of a length that isn't known
  put_option(body, 4, application);
  end_options(body);
  put_block(to, BlockType::section, body);
}

void write_pcapng_interface(std::string& to, std::string_view name, uint32_t snap_bytes) {
  std::string body;
  put(body, kLinkEthernet);
  put(body, uint16_t{0});
  put(body, snap_bytes);
  put_option(body, 2, name);
  put_option(body, 9, bytes_of(kNanoseconds));
  end_options(body);
  put_block(to, BlockType::interface, body);
}

void write_pcapng_packet(std::string& to, const PcapngPacket& packet) {
  std::string body;
  put(body, packet.interface);
  put_time(body, packet.ns);
  put(body, static_cast<uint32_t>(packet.bytes.size()));
  put(body, packet.wire_bytes);
  put_padded(body, {reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()});
  put_option(body, 1, packet.comment);
  put_option(body, 2, bytes_of(packet.is_outbound ? kOutbound : kInbound));
  end_options(body);
  put_block(to, BlockType::packet, body);
}

void write_pcapng_lost(std::string& to, uint32_t interface, uint64_t ns, uint64_t lost) {
  std::string body;
  put(body, interface);
  put_time(body, ns);
  put_option(body, 5, bytes_of(lost));
  end_options(body);
  put_block(to, BlockType::statistics, body);
}

}  // namespace shunt
