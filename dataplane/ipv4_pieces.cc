#include "dataplane/ipv4_pieces.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/packet_view.h"

namespace shunt {
namespace {

constexpr unsigned kUnit = 8;
constexpr uint8_t kCopied = 0x80;  // of an option's type
constexpr unsigned kMore = 0x2000;
constexpr unsigned kOffset = 0x1fff;

// Appends the options that belong into every piece, with pads; the header's bytes.
unsigned copy_options(const uint8_t* ip, unsigned header_bytes, uint8_t* to) {
  unsigned bytes = kIpv4HeaderBytes;
  for (unsigned at = kIpv4HeaderBytes; at < header_bytes && ip[at] != 0;) {
    const unsigned length = ip[at] == 1 ? 1U : ip[at + 1];  // parse has checked that they fit
    if ((ip[at] & kCopied) != 0) {
      std::memcpy(to + bytes, ip + at, length);
      bytes += length;
    }
    at += length;
  }
  return (bytes + 3) / 4 * 4;
}

}  // namespace

Ipv4Pieces::Ipv4Pieces(const uint8_t* ip, unsigned ip_bytes, unsigned longest)
    : ip_(ip), longest_(longest), first_header_bytes_((ip[0] & 0x0fU) * 4U) {
  data_bytes_ = ip_bytes - first_header_bytes_;
  std::memcpy(later_header_.data(), ip, kIpv4HeaderBytes);
  later_header_bytes_ = copy_options(ip, first_header_bytes_, later_header_.data());
  later_header_[0] = static_cast<uint8_t>(0x40U | later_header_bytes_ / 4);
}

unsigned Ipv4Pieces::part_bytes() const {
  const unsigned left = data_bytes_ - done_;
  const unsigned room = longest_ - header_bytes();
  return left <= room ? left : room / kUnit * kUnit;
}

uint16_t Ipv4Pieces::bytes() const {
  return done_ == data_bytes_ ? uint16_t{0} : static_cast<uint16_t>(header_bytes() + part_bytes());
}

void Ipv4Pieces::write(uint8_t* to) const {
  const unsigned header = header_bytes();
  std::memcpy(to, done_ == 0 ? ip_ : later_header_.data(), header);
  std::memcpy(to + header, ip_ + first_header_bytes_ + done_, part_bytes());
  const unsigned whole = load<be16>(ip_ + 6).host();
  const unsigned offset = (whole & kOffset) + done_ / kUnit;
  const unsigned more = is_last() ? whole & kMore : kMore;
  store(to + 2, be16(bytes()));
  store(to + 6, be16(static_cast<uint16_t>((whole & ~(kOffset | kMore)) | more | offset)));
  store(to + 10, uint16_t{0});
  store(to + 10, checksum(to, header));
}

void Ipv4Pieces::advance() {
  done_ += part_bytes();
}

}  // namespace shunt
