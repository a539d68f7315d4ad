// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, with Ethernet frames and times in
// nanoseconds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shunt {

struct PcapngPacket {
  uint32_t interface = 0;  // by the order of their blocks
  uint64_t ns = 0;         // since 1970
  uint32_t wire_bytes = 0;
  bool is_outbound = false;
  std::span<const uint8_t> bytes;  // the frame's beginning
  std::string_view comment;        // UTF-8
};

// Each appends one block.
void write_pcapng_section(std::string& to, std::string_view application);
void write_pcapng_interface(std::string& to, std::string_view name, uint32_t snap_bytes);
void write_pcapng_packet(std::string& to, const PcapngPacket& packet);
// What an interface lost: packets that found no room.
void write_pcapng_lost(std::string& to, uint32_t interface, uint64_t ns, uint64_t lost);

}  // namespace shunt
