// Ipv4Pieces: an IPv4 packet cut so that each piece fits (RFC 791, 3.2), one piece after the other.
//
// The packet may be a fragment itself. Options that say so are copied into every piece, the others stand in
// the first one only. Cost: one copy of the packet in all.
#pragma once

#include <array>
#include <cstdint>

namespace shunt {

class Ipv4Pieces {
 public:
  // `ip`: the whole packet, which must outlive this. `longest`: bytes that a piece may have, at least 68.
  Ipv4Pieces(const uint8_t* ip, unsigned ip_bytes, unsigned longest);

  // Of the next piece, header and all; 0: there is none.
  uint16_t bytes() const;
  // That piece. `to`: bytes() of room.
  void write(uint8_t* to) const;
  void advance();

 private:
  static constexpr unsigned kLongestHeader = 60;

  unsigned header_bytes() const { return done_ == 0 ? first_header_bytes_ : later_header_bytes_; }
  unsigned part_bytes() const;
  bool is_last() const { return done_ + part_bytes() == data_bytes_; }

  const uint8_t* ip_;
  unsigned longest_;
  unsigned first_header_bytes_;
  unsigned later_header_bytes_;
  unsigned data_bytes_;
  unsigned done_ = 0;  // bytes of data in pieces before
  std::array<uint8_t, kLongestHeader> later_header_{};
};

}  // namespace shunt
