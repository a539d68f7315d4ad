#include "tests/fuzz/player.h"

#include <algorithm>

#include "tests/fuzz/failure.h"
#include "tests/fuzz/frame_faults.h"
#include "tests/fuzz/world.h"

namespace shunt::fuzz {
namespace {

constexpr uint32_t kMostBackends = 3;
constexpr size_t kMtu = 1500;
constexpr size_t kLongestOfHost = 1400;

packet::Pipeline::Options options_of(Input& input) {
  // Small tables are full soon.
  packet::Pipeline::Options options;
  options.connections = input.below(2) == 0 ? 64 : 8;
  options.probation = 64;
  options.host_interfaces = input.below(8) != 7;
  return options;
}

bool is_ip(const Bytes& frame) {
  const size_t l2 = l2_bytes(frame);
  if (l2 > frame.size()) return false;
  const uint16_t type = packet::get16(frame, l2 - 2);
  return type == 0x0800 || type == 0x86dd;
}

const MacAddress& mac_of(uint8_t port) {
  static const MacAddress macs[] = {packet::mac(packet::kPort0Mac), packet::mac(packet::kPort1Mac)};
  return macs[port];
}

}  // namespace

Player::Player(Input& input)
    // Braces: in this order.
    : input_(input), pipeline_{rich_config(1 + input.below(kMostBackends)), options_of(input)} {
  pipeline_.set_kernel(rich_kernel());
}

void Player::feed(uint8_t port, const std::vector<Bytes>& frames) {
  for (const Bytes& frame : frames)
    all_right_ = all_right_ && (!is_ip(frame) || is_right(frame));
  check(pipeline_.run_burst(port, frames));
}

void Player::feed_from_host(uint8_t port, Bytes frame, bool to_vip) {
  if (frame.size() < 14 || frame.size() > kLongestOfHost) return;
  static const MacAddress to[] = {packet::mac(packet::kHost0Mac), packet::mac(packet::kHost1Mac)};
  const auto put_mac = [&frame](const MacAddress& mac, ptrdiff_t at) {
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin() + at);
  };
  if (to_vip) put_mac(to[port], 0);
  put_mac(mac_of(port), 6);
  all_right_ = all_right_ && (!is_ip(frame) || is_right(frame));
  if (!to_vip) of_host_.push_back(frame);
  check(pipeline_.from_host(port, frame));
}

Config Player::any_config() {
  Config config = rich_config(1 + input_.below(kMostBackends));
  for (PoolConfig& pool : config.pools) {
    pool.drain = seconds(input_.below(4));
    for (BackendConfig& backend : pool.backends)
      backend.weight = static_cast<uint16_t>(input_.below(4) == 3 ? 0 : 1);
  }
  const uint32_t without = input_.below(64);
  if (without < config.services.size())
    config.services.erase(config.services.begin() + static_cast<ptrdiff_t>(without));
  for (ServiceConfig& service : config.services) {
    if (service.forward != Forward::nat && input_.dry()) break;
    if (service.forward == Forward::nat) continue;
    if (input_.below(8) == 7) service.backup_pool = service.pool == "four" ? "far" : "four";
    if (service.address.address.is_v4() && input_.below(8) == 7) service.unserved = Unserved::punt;
  }
  return config;
}

void Player::change() {
  switch (input_.below(8)) {
    case 0:
      pipeline_.reload(any_config());
      break;
    case 1: {
      KernelView view = rich_kernel();
      if (input_.below(2) == 0) view.neighbours.clear();
      if (input_.below(4) == 3) view.routes.clear();
      pipeline_.set_kernel(view);
      break;
    }
    case 2:
      pipeline_.set_kernel(rich_kernel());
      break;
    case 3: {
      const uint32_t backend = 20 + input_.below(kMostBackends);
      const bool four = input_.below(2) == 0;
      pipeline_.set_health(four ? "four" : "six",
                           (four ? "10.0.0." : "2001:db8:1::") + std::to_string(backend),
                           input_.below(2) == 0);
      break;
    }
    case 4:
      pipeline_.io().set_device_room(input_.below(16));
      break;
    case 5:
      pipeline_.io().set_device_room(packet::FakeIo::kNoLimit);
      pipeline_.io().set_buffers(input_.below(4) == 3 ? input_.below(4) : packet::FakeIo::kNoLimit);
      break;
    case 6:
      pipeline_.wait(input_.half());
      check(pipeline_.loop());
      break;
    default:
      pipeline_.run_for(input_.below(4));
      break;
  }
}

void Player::settle() {
  pipeline_.io().set_device_room(packet::FakeIo::kNoLimit);
  pipeline_.wait(5'000);  // longer than anything is held
  check(pipeline_.loop());
  check(pipeline_.loop());
  expect(pipeline_.total().in_flight() == 0, "packets are in flight for ever");
}

void Player::check(const packet::Outcome& outcome) {
  for (const packet::SentFrame& sent : outcome.sent)
    check(sent);
}

void Player::check(const packet::SentFrame& sent) {
  if (std::ranges::find(of_host_, sent.frame) != of_host_.end()) return;
  const std::string faults = faults_in(sent.frame, all_right_ ? Transports::right : Transports::ignored);
  expect(faults.empty(), "sent with faults: " + faults, sent.frame);
  const auto& mac = mac_of(sent.port).bytes;
  expect(std::equal(mac.begin(), mac.end(), sent.frame.begin() + 6), "sent with another MAC", sent.frame);
  expect(sent.frame.size() - l2_bytes(sent.frame) <= kMtu, "sent longer than the MTU", sent.frame);
}

}  // namespace shunt::fuzz
