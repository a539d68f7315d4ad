#include "http/api_limits.h"

#include <algorithm>

namespace shunt {
namespace {

constexpr uint8_t kSubscriberBits = 64;  // RFC 6177: what one IPv6 site may have at least

}  // namespace

void TokenBucket::fill(Time now) {
  if (now <= at_) return;
  level_ = std::min(burst_, level_ + std::chrono::duration<double>(now - at_).count() * per_second_);
  at_ = now;
}

bool TokenBucket::has_one(Time now) {
  fill(now);
  return level_ >= 1;
}

bool TokenBucket::take(Time now) {
  if (!has_one(now)) return false;
  level_ -= 1;
  return true;
}

IpAddress PeerLimits::key_of(const IpAddress& peer) {
  return peer.is_v4() ? peer : Prefix{peer, kSubscriberBits}.network();
}

// Forgets the idlest peer without a connection: its buckets have had the longest time to fill.
bool PeerLimits::make_room() {
  auto idlest = peers_.end();
  for (auto peer = peers_.begin(); peer != peers_.end(); ++peer) {
    if (peer->second.connections > 0) continue;
    if (idlest == peers_.end() || peer->second.used < idlest->second.used) idlest = peer;
  }
  if (idlest == peers_.end()) return false;
  peers_.erase(idlest);
  return true;
}

bool PeerLimits::open(const IpAddress& peer, Time now) {
  const IpAddress key = key_of(peer);
  auto found = peers_.find(key);
  if (found == peers_.end()) {
    if (peers_.size() >= kMaxPeers && !make_room()) return false;
    found = peers_
                .emplace(key, Peer{0, TokenBucket(limits_.requests_per_second, limits_.request_burst, now),
                                   TokenBucket(limits_.failures_per_second, limits_.failure_burst, now), now})
                .first;
  }
  if (found->second.connections >= limits_.peer_connections) return false;
  ++found->second.connections;
  found->second.used = now;
  return true;
}

void PeerLimits::close(const IpAddress& peer) {
  const auto found = peers_.find(key_of(peer));
  if (found != peers_.end() && found->second.connections > 0) --found->second.connections;
}

bool PeerLimits::take_request(const IpAddress& peer, Time now) {
  const auto found = peers_.find(key_of(peer));
  if (found == peers_.end()) return false;
  found->second.used = now;
  return found->second.requests.take(now);
}

bool PeerLimits::may_try_token(const IpAddress& peer, Time now) {
  const auto found = peers_.find(key_of(peer));
  return found != peers_.end() && found->second.failures.has_one(now);
}

void PeerLimits::count_failure(const IpAddress& peer, Time now) {
  const auto found = peers_.find(key_of(peer));
  if (found != peers_.end()) found->second.failures.take(now);
}

}  // namespace shunt
