// What `shuntctl trace` asks and is told, as plain values. Part of status.h; the same rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"

namespace shunt {

// A client's packet. Both addresses are of one family.
struct TraceQuestion {
  IpAddress client;
  uint16_t client_port = 0;
  IpAddress address;
  uint16_t port = 0;
  bool udp = false;  // else TCP
};

// What a worker's tables know of the flow.
struct TracedFlow {
  uint32_t worker = 0;
  bool waits = false;  // in probation
  std::string state;   // of kConnectionStates
  double idle_seconds = 0;
};

// How a new flow's backend is chosen.
struct TracedChoice {
  std::string by;  // slot, turn, connections, response_time
  uint32_t slot = 0;
  uint32_t slots = 0;       // of the table
  std::string owner;        // of the slot
  uint32_t accept = 0;      // of the owner: 0 to 256
  uint32_t probe = 0;       // the one that found the backend, from 1; 0: none did
  bool forgetting = false;  // openings are lost there, so all go by slot
};

// What leaves, and how.
struct TracedWay {
  std::string port;
  MacAddress source_mac;
  MacAddress destination_mac;
  IpAddress source;  // of the first IP header
  IpAddress destination;
  uint16_t destination_port = 0;  // of nat; else 0
  uint32_t added_bytes = 0;       // the outer header
  uint32_t longest = 0;           // the longest IP packet of a client that fits
  uint32_t mtu = 0;               // of the way out
};

struct TracedWorker {
  uint32_t worker = 0;
  std::string pool;
  std::string backend;  // empty: none
};

struct TraceReport {
  std::string packet;   // syn, ack, datagram
  std::string in_port;  // by which the client's packets come, if they come as answers go
  std::string end;      // sent, kernel, cut, answered, dropped
  std::string drop;     // the reason; empty: none
  std::string service;  // empty: none
  std::string forward;  // empty without a service, like the next
  std::string scheduler;
  std::optional<uint32_t> worker;     // whose flow it is; nothing: the device's RSS decides
  std::vector<TracedWorker> workers;  // who it would go to, at each worker that may get it
  std::optional<TracedFlow> known;
  std::optional<TracedChoice> choice;
  std::string pool;
  std::string backend;  // empty: none
  std::optional<TracedWay> way;
  std::vector<std::string> steps;  // all of it in words, in the order of a packet's way
};

}  // namespace shunt
