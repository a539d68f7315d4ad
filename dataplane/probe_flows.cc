#include "dataplane/probe_flows.h"

#include <algorithm>
#include <cstring>

#include "dataplane/icmp_error.h"
#include "dataplane/icmp_message.h"
#include "dataplane/stages.h"
#include "dataplane/translation.h"

namespace shunt {
namespace {

bool has_ports(const PacketView& view) {
  return view.l4_offset != 0 && (view.protocol == kProtocolTcp || view.protocol == kProtocolUdp);
}

IpAddress address_at(L3 l3, const uint8_t* bytes) {
  return l3 == L3::ipv4 ? IpAddress::v4(load<be32>(bytes)) : IpAddress::v6(bytes);
}

// The source of an answer; ports stay.
void restore_source(const Packet& packet, const IpAddress& probe) {
  const PacketView& view = packet.view;
  uint8_t* const ip = view.ip(packet.data);
  if (!has_ports(view)) {
    if (view.l3 == L3::ipv4) return translate_address4(ip, End::source, probe.v4(), 0);
    return translate_address6(ip, End::source, probe.bytes().data(), 0);
  }
  uint8_t* const l4 = view.l4(packet.data);
  const be16 port = view.sport(packet.data);
  if (view.l3 == L3::ipv4) return translate4(ip, l4, view.protocol, End::source, probe.v4(), port, 0);
  translate6(ip, l4, view.protocol, End::source, probe.bytes().data(), port, 0);
}

// Another host_interface than the one behind the port where it came in may be its way: the kernel takes no
// frame that isn't to the interface's own MAC.
void redirect(FrameRing::Record& record, const PacketView& view, uint8_t host_port,
              const Snapshot& snapshot) {
  const size_t tag_bytes = view.l3_offset - size_t{kEtherHeaderBytes};
  if (tag_bytes != 0) {
    std::memmove(record.frame.data() + tag_bytes, record.frame.data(), 12);
    record.frame = record.frame.subspan(tag_bytes);
  }
  record.port = host_port;
  std::ranges::copy(snapshot.ports[host_port].mac.bytes, record.frame.begin());
}

}  // namespace

ProbeFlows::ProbeFlows() : burst_(std::make_unique<Burst>()) {}

// Nothing: not IP, or not to this port.
const Packet* ProbeFlows::read(uint8_t port, std::span<uint8_t> frame, const Snapshot& snapshot) {
  burst_->start(port, 1);
  burst_->packet[0].set_frame({frame.data(), static_cast<uint32_t>(frame.size()), nullptr});
  parse(*burst_, snapshot.ports[port]);
  const Packet& packet = burst_->packet[0];
  return burst_->live != 0 && packet.view.is_ip() ? &packet : nullptr;
}

std::span<ProbeFlows::Flow> ProbeFlows::bucket(const NodeEnd& node) {
  if (flows_.empty()) return {};
  // Ports are the kernel's choice, and nobody outside can aim at a bucket.
  const size_t buckets = flows_.size() / kBucket;
  const size_t mixed = std::hash<IpAddress>{}(node.address) ^ node.port.host() * size_t{0x9e3779b1U} ^
                       size_t { node.protocol } << 7U;
  return {flows_.data() + mixed % buckets * kBucket, kBucket};
}

ProbeFlows::Flow* ProbeFlows::find(const NodeEnd& node) {
  const std::span<Flow> among = bucket(node);
  const auto found = std::ranges::find(among, node, &Flow::node);
  return found != among.end() ? &*found : nullptr;
}

ProbeFlows::Flow& ProbeFlows::place_for(const NodeEnd& node) {
  if (flows_.empty()) flows_.resize(kProbeFlows);
  if (Flow* const known = find(node)) return *known;
  const std::span<Flow> among = bucket(node);
  return *std::ranges::min_element(among, {}, [this](const Flow& flow) {
    // Free, closed, then the longest unused: `clock_` wraps, ages don't.
    const uint64_t age = clock_ - flow.used;
    const uint64_t rank = flow.node.protocol == 0 ? 0U : flow.closed ? 1U : 2U;
    return rank << 32U | (0xffffffffU - age);
  });
}

void ProbeFlows::note(uint8_t port, const Packet& packet, const Snapshot& snapshot) {
  const PacketView& view = packet.view;
  const ProbeTarget* target = snapshot.probes->find(AddressKey::of(view.destination(packet.data)));
  const Service* service = target != nullptr ? snapshot.service(target->service) : nullptr;
  const bool is_own = snapshot.node_addresses->find(AddressKey::of(view.source(packet.data))) != nullptr;
  if (service == nullptr || !is_own || view.has_defect || !has_ports(view)) return;
  const NodeEnd node{view.source(packet.data), view.sport(packet.data), view.protocol};
  Flow& flow = place_for(node);
  flow = {
      node,    view.destination(packet.data), service->vip.network(), view.dport(packet.data), port, false,
      ++clock_};
  flow.closed = view.protocol == kProtocolTcp && (view.tcp_flags & kTcpRst) != 0;
}

bool ProbeFlows::take(uint8_t port, std::span<uint8_t> frame, const Snapshot& snapshot) {
  const PortState& state = snapshot.ports[port];
  const std::array<uint8_t, 6>& host_mac = state.host_mac.bytes;
  if (!std::equal(host_mac.begin(), host_mac.end(), frame.begin())) return false;
  // parse takes what is to the port.
  std::ranges::copy(state.mac.bytes, frame.begin());
  const Packet* const packet = read(port, frame, snapshot);
  std::ranges::copy(host_mac, frame.begin());
  if (packet == nullptr) return false;
  const PacketView& view = packet->view;
  if (snapshot.is_probe_address(view.destination(frame.data()))) {
    note(port, *packet, snapshot);
    return true;
  }
  if (!view.has_defect && has_ports(view)) {
    if (Flow* const old = find({view.source(frame.data()), view.sport(frame.data()), view.protocol}))
      *old = {};
  }
  return false;
}

// The flow that a packet with ports answers.
ProbeFlows::Flow* ProbeFlows::answered(const Packet& packet) {
  const PacketView& view = packet.view;
  Flow* const flow = find({view.destination(packet.data), view.dport(packet.data), view.protocol});
  const bool is_answer =
      flow != nullptr && flow->vip == view.source(packet.data) && flow->vip_port == view.sport(packet.data);
  return is_answer ? flow : nullptr;
}

// The flow whose packet an ICMP error quotes.
ProbeFlows::Flow* ProbeFlows::complained_of(const Packet& packet) {
  const L3 l3 = packet.view.l3;
  const uint8_t* const frame = packet.data;
  const auto message = find_icmp(packet.view, frame);
  if (!message || message->bytes == 0 || !is_icmp_error(l3, frame[message->offset])) return nullptr;
  const auto quote = read_quote(packet.view, frame, *message);
  if (!quote) return nullptr;
  const uint8_t* const source = frame + quote->ip + (l3 == L3::ipv4 ? 12 : 8);
  const uint8_t* const destination = source + (l3 == L3::ipv4 ? 4 : 16);
  const IpAddress node = address_at(l3, source);
  if (node != packet.view.destination(frame)) return nullptr;
  Flow* const flow = find({node, quote->sport(frame), quote->protocol});
  const bool is_ours =
      flow != nullptr && flow->vip == address_at(l3, destination) && flow->vip_port == quote->dport(frame);
  return is_ours ? flow : nullptr;
}

bool ProbeFlows::restore_later_fragment(FrameRing::Record& record, const Packet& packet,
                                        const Snapshot& snapshot) {
  const FragmentKey key = fragment_part_of(packet.view, packet.data).key;
  const auto known = std::ranges::find(datagrams_, key, &Datagram::key);
  if (known == datagrams_.end()) return false;
  restore_source(packet, known->probe);
  redirect(record, packet.view, known->host_port, snapshot);
  return true;
}

bool ProbeFlows::restore(FrameRing::Record& record, const Snapshot& snapshot) {
  const Packet* const packet = read(record.port, record.frame, snapshot);
  if (packet == nullptr) return true;
  const PacketView view = packet->view;
  if (snapshot.is_probe_address(view.source(packet->data))) return false;
  if (view.has_defect || flows_.empty()) return true;
  if (view.is_fragment && !has_ports(view)) {
    restore_later_fragment(record, *packet, snapshot);
    return true;
  }
  Flow* const flow = has_ports(view) ? answered(*packet) : complained_of(*packet);
  if (flow == nullptr) return true;
  if (!has_ports(view)) {
    translate_error(view, packet->data, End::source, flow->probe, be16(0), 0);
  } else {
    if (view.is_fragment) {
      datagrams_[next_datagram_] = {fragment_part_of(view, packet->data).key, flow->probe, flow->host_port};
      next_datagram_ = (next_datagram_ + 1) % datagrams_.size();
    }
    flow->closed = view.protocol == kProtocolTcp && (view.tcp_flags & kTcpRst) != 0;
    restore_source(*packet, flow->probe);
  }
  redirect(record, view, flow->host_port, snapshot);
  return true;
}

}  // namespace shunt
