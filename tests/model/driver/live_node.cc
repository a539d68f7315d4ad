#include "tests/model/driver/live_node.h"

#include <algorithm>

#include "control/memory_plan.h"
#include "tests/packet/packet_reader.h"

namespace shunt::model {
namespace {

constexpr uint64_t kStepNs = 500'000'000;

std::vector<std::unique_ptr<packet::SocketPair>> make_taps(const std::vector<PortRuntime>& ports) {
  std::vector<std::unique_ptr<packet::SocketPair>> taps;
  for (const PortRuntime& port : ports)
    taps.push_back(port.has_host_interface ? std::make_unique<packet::SocketPair>() : nullptr);
  return taps;
}

packet::Pipeline::Options pipeline_options(const LiveNode::Settings& settings, KernelView kernel) {
  packet::Pipeline::Options options;
  options.connections = settings.config.dataplane.connections;
  options.ports = settings.ports;
  options.kernel = std::move(kernel);
  options.table_key = settings.table_key;
  options.cluster_key = settings.cluster_key;
  options.pair_rows = 4 * LiveNode::kMostPairs;  // rows of what was removed are freed late
  options.service_rows = 4 * LiveNode::kMostServices;
  options.fragments = fragment_limits(settings.config);
  options.now_ns = settings.now_ns;
  return options;
}

// Pieces of what was cut, and fragments that were held, have allocated buffers too; shunt's own are ARP and
// whole ICMP.
bool may_be_of_shunt(const Bytes& frame) {
  const size_t ip = packet::l3_offset(frame);
  const unsigned type = packet::get16(frame, ip - 2);
  if (type == kEtherTypeIpv4)
    return frame[ip + 9] == kProtocolIcmp && (packet::get16(frame, ip + 6) & 0x3fffU) == 0;
  return type == kEtherTypeIpv6 ? frame[ip + 6] == kProtocolIcmp6 : true;
}

}  // namespace

// What was seen at the edges, by itself: the ledger is compared with it.
struct LiveNode::Tally {
  std::vector<packet::SentFrame> sent;
  std::vector<Out> punted;
};

LiveNode::LiveNode(const Settings& settings, FailureLog& failures)
    : failures_(failures),
      config_(settings.config),
      taps_(make_taps(settings.ports)),
      pipeline_(settings.config, pipeline_options(settings, kernel_view())),
      punt_thread_(punt_settings()) {
  pipeline_.set_punt_thread(&punt_thread_.ledger());
}

PuntThread::Settings LiveNode::punt_settings() {
  PuntThread::Settings settings;
  for (const auto& tap : taps_)
    settings.host_fds.push_back(tap ? tap->shunts() : -1);
  settings.from_workers = {&pipeline_.punt_rings()};
  settings.to_worker = &pipeline_.to_worker();
  settings.snapshot = [this] { return &pipeline_.snapshot(); };
  settings.done = [] {};
  return settings;
}

// As the kernel would have it on the host_interfaces.
KernelView LiveNode::kernel_view() const {
  KernelView view;
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    for (const Prefix& address : config_.ports[i].addresses) {
      view.routes.push_back({{address.network(), address.length}, static_cast<uint8_t>(i), std::nullopt});
      view.node_addresses.push_back(address.address);
    }
  }
  view.routes.insert(view.routes.end(), routes_.begin(), routes_.end());
  view.neighbours = neighbours_;
  return view;
}

void LiveNode::take_up_kernel() {
  if (kernel_changed_) pipeline_.set_kernel(kernel_view());
  kernel_changed_ = false;
}

Effects LiveNode::feed(const std::vector<In>& frames) {
  take_up_kernel();
  return observe(frames.size(), nullptr, [&](Tally& tally) {
    for (size_t at = 0; at < frames.size();) {
      std::vector<Bytes> burst;
      const uint8_t port = frames[at].port;
      for (; at < frames.size() && frames[at].port == port && burst.size() < kBurstSize; ++at)
        burst.push_back(frames[at].frame);
      take(pipeline_.run_burst(port, burst), tally);
      settle(tally);
    }
  });
}

Effects LiveNode::from_host(const In& frame) {
  take_up_kernel();
  return observe(1, &frame.frame, [&](Tally&) { taps_[frame.port]->send(frame.frame); });
}

Effects LiveNode::reload(const Config& config) {
  return observe(0, nullptr, [&](Tally&) {
    config_ = config;
    kernel_changed_ = true;
    pipeline_.reload(config);
  });
}

Effects LiveNode::set_health(const std::string& pool, const std::string& backend, bool up) {
  return observe(0, nullptr, [&](Tally&) { pipeline_.set_health(pool, backend, up); });
}

Effects LiveNode::learn(uint8_t port, const IpAddress& address, const MacAddress& mac) {
  return observe(0, nullptr, [&](Tally&) {
    std::erase_if(neighbours_,
                  [&](const NeighbourRow& row) { return row.port == port && row.address == address; });
    neighbours_.push_back({port, address, mac});
    kernel_changed_ = true;
  });
}

Effects LiveNode::add_route(const Route& route) {
  return observe(0, nullptr, [&](Tally&) {
    std::erase_if(routes_, [&](const Route& other) { return other.prefix == route.prefix; });
    routes_.push_back(route);
    kernel_changed_ = true;
  });
}

Effects LiveNode::advance_to(uint64_t now_ns) {
  take_up_kernel();
  return observe(0, nullptr, [&](Tally& tally) {
    while (pipeline_.now().ns < now_ns) {
      pipeline_.set_clock(std::min(pipeline_.now().ns + kStepNs, now_ns));
      take(pipeline_.loop(), tally);
      pipeline_.age();
      settle(tally);
    }
  });
}

Effects LiveNode::idle() {
  return observe(0, nullptr, [](Tally&) {});
}

Effects LiveNode::spoil(uint64_t Ledger::* term) {
  return observe(0, nullptr, [&](Tally& tally) {
    ++(pipeline_.state().ledger.*term);
    take(pipeline_.loop(), tally);
  });
}

template <typename Step>
Effects LiveNode::observe(uint64_t received, const Bytes* of_kernel, Step step) {
  const Ledger before = pipeline_.total();
  Tally tally;
  step(tally);
  settle(tally);
  pipeline_.hear_narrow_paths();
  Effects effects;
  check(before, tally, received, effects);
  for (packet::SentFrame& sent : tally.sent) {
    // A frame of the kernel's has an allocated buffer too, and leaves as it was or, turned inward, forwarded.
    const bool of_shunt = sent.allocated && may_be_of_shunt(sent.frame) &&
                          !(of_kernel != nullptr &&
                            (sent.frame == *of_kernel || pipeline_.total().originated == before.originated));
    effects.out.push_back({of_shunt ? OutKind::originated : OutKind::sent, sent.port, std::move(sent.frame)});
  }
  std::ranges::move(tally.punted, std::back_inserter(effects.out));
  return effects;
}

void LiveNode::take(packet::Outcome outcome, Tally& tally) {
  std::ranges::move(outcome.sent, std::back_inserter(tally.sent));
}

// Until nobody has anything to do any more.
void LiveNode::settle(Tally& tally) {
  for (;;) {
    const bool busy = punt_thread_.run_once(pipeline_.now().ns);
    read_taps(tally);
    const bool answers = !pipeline_.to_worker().empty();
    if (answers) take(pipeline_.loop(), tally);
    if (!busy && !answers) return;
  }
}

void LiveNode::read_taps(Tally& tally) {
  for (size_t port = 0; port < taps_.size(); ++port) {
    if (!taps_[port]) continue;
    while (auto frame = taps_[port]->receive())
      tally.punted.push_back({OutKind::punted, static_cast<uint8_t>(port), std::move(*frame)});
  }
}

void LiveNode::check(const Ledger& before, const Tally& tally, uint64_t received, Effects& effects) {
  const Ledger after = pipeline_.total();
  effects.in_flight = after.in_flight();
  effects.originated = after.originated - before.originated;
  uint64_t dropped = 0;
  for (size_t reason = 0; reason < kDropReasons; ++reason) {
    effects.dropped[reason] = after.dropped[reason] - before.dropped[reason];
    dropped += effects.dropped[reason];
  }
  const auto same = [&](const std::string& term, uint64_t counted, uint64_t seen) {
    if (counted == seen) return;
    effects.faults.push_back(term + ": " + std::to_string(counted) + " counted, " + std::to_string(seen) +
                             " seen");
  };
  same("received", after.received - before.received, received);
  same("sent", after.sent - before.sent, tally.sent.size());
  same("punted", after.punted - before.punted, tally.punted.size());
  same("in flight", static_cast<uint64_t>(after.in_flight()), pipeline_.held());
  const uint64_t came = received + effects.originated + static_cast<uint64_t>(before.in_flight());
  const uint64_t went =
      tally.sent.size() + tally.punted.size() + dropped + static_cast<uint64_t>(after.in_flight());
  same("the ledger doesn't balance: came and went", came, went);
  if (!after.balanced()) effects.faults.emplace_back("the ledger's own terms don't balance");
  std::ranges::move(failures_.take(), std::back_inserter(effects.faults));
}

}  // namespace shunt::model
