// PacketMaker: packets of a few flows of every kind that meets the data plane, from the fuzzer's choices: to
// VIPs, replies, ICMP errors about them, pings, fragments in any order, extension headers, what is too big,
// what was encapsulated already, ARP and neighbour solicitations.
#pragma once

#include <string>
#include <vector>

#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"

namespace shunt::fuzz {

class PacketMaker {
 public:
  // `right`: every length and checksum is; else some are not, and frames are cut and overwritten.
  PacketMaker(Input& input, bool right) : input_(input), right_(right) {}

  Bytes next(uint8_t port);

 private:
  packet::Packet towards_vip(uint8_t port);
  packet::Packet reply(uint8_t port);
  // What a VIP, or a nat backend, sends to a client: what routers on the way complain about.
  packet::Packet answer_of(const packet::Packet& request);
  Bytes icmp_error(uint8_t port);
  Bytes echo(uint8_t port);
  Bytes fragment(uint8_t port);
  Bytes extended(uint8_t port);
  Bytes encapsulated_again(uint8_t port);
  Bytes neighbour_question(uint8_t port);
  Bytes other(uint8_t port);

  void vary(packet::Packet& packet);
  void tag(packet::Packet& packet);
  void damage(Bytes& frame);
  Bytes filler(uint32_t at_most);

  Input& input_;
  bool right_;
};

// The ICMP message of this type and code, as it stands behind an IP header between these addresses.
Bytes icmp_message(const packet::Packet& carrier, uint8_t type, uint8_t code, uint32_t word,
                   const Bytes& rest);

}  // namespace shunt::fuzz
