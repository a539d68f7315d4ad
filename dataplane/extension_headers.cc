#include "dataplane/extension_headers.h"

#include "dataplane/fragment_part.h"
#include "dataplane/packet_view.h"

namespace shunt {
namespace {

constexpr unsigned kFragmentHeaderBytes = 8;

// RFC 8200 4.3 to 4.6, RFC 6564: the second byte counts words of 8 bytes, or (RFC 4302 2.2) of 4 in AH.
unsigned header_bytes(uint8_t type, const uint8_t* header) {
  if (type == kExtensionFragment) return kFragmentHeaderBytes;
  if (type == kExtensionAuthentication) return (header[1] + 2U) * 4U;
  return (header[1] + 1U) * 8U;
}

// Goes from header to header until something else comes, or the end of what a later fragment has.
class Walk {
 public:
  Walk(const uint8_t* ip, unsigned ip_bytes) : ip_(ip), ip_bytes_(ip_bytes) {
    found_.protocol = ip[6];
    found_.end = kIpv6HeaderBytes;
  }

  ExtensionHeaders run() {
    unsigned headers = 0;
    while (!is_done_ && is_extension_header(found_.protocol)) {
      if (++headers > kMaxExtensionHeaders) {
        refuse();
      } else {
        step();
      }
    }
    return found_;
  }

 private:
  void step() {
    const uint8_t type = found_.protocol;
    const unsigned at = found_.end;
    // RFC 8200 4.1: hop-by-hop options come first or not at all.
    if (type == kExtensionHopByHop && at != kIpv6HeaderBytes) return refuse();
    if (at + kFragmentHeaderBytes > ip_bytes_) return end_too_soon();
    const uint8_t* const header = ip_ + at;
    const unsigned bytes = header_bytes(type, header);
    if (at + bytes - kIpv6HeaderBytes > kMaxExtensionBytes) return refuse();
    if (at + bytes > ip_bytes_) return end_too_soon();
    found_.protocol = header[0];
    found_.end = static_cast<uint16_t>(at + bytes);
    if (type == kExtensionFragment) return pass_fragment_header(at);
    if (type == kExtensionAuthentication) found_.binds_addresses = true;
    if (type == kExtensionRouting) {
      if (header[2] == 0) return refuse();
      if (header[3] != 0) found_.binds_addresses = true;  // the pseudo header has the last of its addresses
    }
  }

  void pass_fragment_header(unsigned at) {
    if (has_fragment_header_) return refuse();
    has_fragment_header_ = true;
    const FragmentWord word = FragmentWord::of_ipv6(ip_ + at);
    if (!word.is_fragment()) return;
    found_.fragment_at = static_cast<uint16_t>(at);
    is_done_ = word.offset_bytes != 0;  // what follows is the middle of something
  }

  // RFC 7112: the first fragment has the whole chain, or the datagram goes no further.
  void end_too_soon() {
    refuse();
    if (found_.fragment_at != 0) found_.fault = DropReason::fragment;
  }
  void refuse() {
    is_done_ = true;
    found_.has_fault = true;
  }

  const uint8_t* ip_;
  unsigned ip_bytes_;
  ExtensionHeaders found_;
  bool has_fragment_header_ = false;
  bool is_done_ = false;
};

}  // namespace

ExtensionHeaders walk_extension_headers(const uint8_t* ip, unsigned ip_bytes) {
  return Walk(ip, ip_bytes).run();
}

}  // namespace shunt
