// ApiLimits: every bound of the API server; PeerLimits: what one address has used of them.
//
// Owner: the control thread. Bound: kMaxPeers addresses (an IPv6 one is its /64) are known; beyond, those
// that have nothing open and are idle longest are forgotten, and where all are busy the new one is refused.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include "common/address.h"

namespace shunt {

struct ApiLimits {
  uint32_t header_bytes = 8 * 1024;
  uint32_t body_bytes = 8 * 1024 * 1024;     // of any route; each has its own bound below it
  size_t tcp_connections = 512;              // the ones beyond are told 503 and closed
  size_t peer_connections = 256;             // of one address
  size_t unix_connections = 256;             // of its own: TCP can't take them
  size_t viewers = 128;                      // WebSockets among the connections, half of each kind's at most
  std::chrono::milliseconds figures{1'000};  // between two readings of /api/v1/stream
  double requests_per_second = 200;          // of one address over TCP; beyond is 429
  double request_burst = 1'000;
  double failures_per_second = 1;  // wrong tokens of one address, before none is looked at
  double failure_burst = 10;
  std::chrono::milliseconds idle{
      30'000};  // to send a whole request after the last answer, or to take an answer
};

// A bucket that fills at a rate; time is given.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  TokenBucket(double per_second, double burst, Time now)
      : per_second_(per_second), burst_(burst), level_(burst), at_(now) {}

  bool take(Time now);
  bool has_one(Time now);

 private:
  void fill(Time now);
  double per_second_;
  double burst_;
  double level_;
  Time at_;
};

class PeerLimits {
 public:
  static constexpr size_t kMaxPeers = 4'096;
  using Time = TokenBucket::Time;

  explicit PeerLimits(const ApiLimits& limits) : limits_(limits) {}

  // Whether the address may have another connection; then close() has to follow.
  bool open(const IpAddress& peer, Time now);
  void close(const IpAddress& peer);
  // Of an address that has a connection.
  bool take_request(const IpAddress& peer, Time now);
  bool may_try_token(const IpAddress& peer, Time now);
  void count_failure(const IpAddress& peer, Time now);
  size_t size() const { return peers_.size(); }

 private:
  struct Peer {
    size_t connections = 0;
    TokenBucket requests;
    TokenBucket failures;
    Time used;
  };
  static IpAddress key_of(const IpAddress& peer);
  bool make_room();

  ApiLimits limits_;
  std::map<IpAddress, Peer> peers_;
};

}  // namespace shunt
