#include "control/tracer.h"

#include <algorithm>

#include "control/flow_words.h"
#include "control/service_words.h"
#include "dataplane/packet_view.h"

namespace shunt {
namespace {

const char* text_of(Rehearsed::End end) {
  switch (end) {
    case Rehearsed::End::sent:
      return "sent";
    case Rehearsed::End::punted:
      return "kernel";
    case Rehearsed::End::cut:
      return "cut";
    case Rehearsed::End::answered:
      return "answered";
    case Rehearsed::End::handed_over:
    case Rehearsed::End::dropped:
      break;
  }
  return "dropped";
}

std::string seconds_text(double seconds) {
  const auto tenths = static_cast<uint64_t>(seconds * 10 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

// The first IP header of a frame without tags.
struct FirstHeader {
  IpAddress source;
  IpAddress destination;
  uint16_t destination_port = 0;
};
FirstHeader first_header(const std::vector<uint8_t>& frame) {
  const uint8_t* const ip = frame.data() + kEtherHeaderBytes;
  const bool v4 = ip[0] >> 4U == 4;
  const uint8_t* const l4 = ip + (v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  if (v4)
    return {IpAddress::v4(load<be32>(ip + 12)), IpAddress::v4(load<be32>(ip + 16)),
            load<be16>(l4 + 2).host()};
  return {IpAddress::v6(ip + 8), IpAddress::v6(ip + 24), load<be16>(l4 + 2).host()};
}

MacAddress mac_at(const std::vector<uint8_t>& frame, size_t at) {
  MacAddress mac;
  std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), mac.bytes.size(), mac.bytes.begin());
  return mac;
}

}  // namespace

const BackendRecord* Tracer::backend_of(BackendRef ref) const {
  const auto& pools = compiler_.registry().pools();
  const auto pool = pools.find(record_->positions[ref.position()].pool);
  if (pool == pools.end() || ref.number() >= pool->second.backends.size()) return nullptr;
  const auto& backend = pool->second.backends[ref.number()];
  return backend ? &*backend : nullptr;
}

std::string Tracer::name_of(BackendRef ref) const {
  const BackendRecord* const backend = backend_of(ref);
  if (backend == nullptr) return "a backend that was removed";
  return record_->positions[ref.position()].pool + "/" + backend->config.name;
}

// On every worker that may get it: the one that knows the flow, else the one that nat's key names, else all
// of them. Whose it is, or the first one's.
const Rehearsed& Tracer::rehearse(const TraceQuestion& question, std::span<const WorkerState* const> workers,
                                  const Now& now) {
  told_.clear();
  const ImaginedPacket packet{question.client, question.client_port, question.address, question.port,
                              question.udp ? Protocol::udp : Protocol::tcp};
  for (const WorkerState* worker : workers)
    told_.push_back(rehearsal_.run(snapshot_, *worker, packet, now));
  at_ = 0;
  for (size_t i = 0; i < told_.size(); ++i) {
    if (told_[i].end != Rehearsed::End::handed_over && told_[at_].end == Rehearsed::End::handed_over) at_ = i;
    if (told_[i].known && !told_[at_].known) at_ = i;
  }
  return told_[at_];
}

TraceReport Tracer::trace(const TraceQuestion& question, std::span<const WorkerState* const> workers,
                          const Now& now) {
  report_ = {};
  record_ = nullptr;
  const Rehearsed& told = rehearse(question, workers, now);
  report_.packet = question.udp ? "datagram" : told.opens ? "syn" : "ack";
  report_.in_port = compiler_.config().ports[told.in_port].name;
  report_.end = text_of(told.end);
  if (told.end == Rehearsed::End::dropped || told.end == Rehearsed::End::answered)
    report_.drop = shunt::name_of(told.reason);
  tell_service();
  if (record_ != nullptr) {
    tell_worker(workers);
    tell_known();
    const bool refused = !told.backend && told.reason != DropReason::no_backend;  // before anybody was chosen
    if (!told.known && !refused) tell_choice();
    tell_way();
  }
  tell_end();
  return std::move(report_);
}

void Tracer::tell_service() {
  const Rehearsed& told = told_[at_];
  say("comes in by port " + report_.in_port);
  if (told.service == nullptr) return;
  for (const auto& [key, record] : compiler_.registry().services()) {
    if (record.id == told.service->id) record_ = &record;
  }
  if (record_ == nullptr) return;
  const ServiceConfig& config = record_->config;
  report_.service = config.name;
  report_.forward = forward_text(config.forward);
  report_.scheduler = scheduler_text(config.scheduler);
  say("service " + config.name + ": " + config.address.text() +
      (config.port == 0 ? ", every port" : ", port " + std::to_string(config.port)) + ", " +
      protocol_text(config.protocol) + ", pool " + config.pool + ", " + report_.forward + ", " +
      report_.scheduler);
}

void Tracer::tell_worker(std::span<const WorkerState* const> workers) {
  const Rehearsed& told = told_[at_];
  for (size_t i = 0; i < told_.size(); ++i) {
    if (told_[i].end == Rehearsed::End::handed_over || (told.known && i != at_)) continue;
    TracedWorker worker{workers[i]->index, "", ""};
    if (told_[i].backend) {
      worker.pool = record_->positions[told_[i].backend->position()].pool;
      if (const BackendRecord* const backend = backend_of(*told_[i].backend))
        worker.backend = backend->config.name;
    }
    report_.workers.push_back(std::move(worker));
  }
  if (report_.workers.size() == 1) report_.worker = report_.workers[0].worker;
  if (told_.size() == 1) return;
  if (!report_.worker) {
    say("any worker may get it: the device's RSS decides");
    const auto differs = [&](const TracedWorker& each) {
      return each.backend != report_.workers[0].backend || each.pool != report_.workers[0].pool;
    };
    if (std::ranges::any_of(report_.workers, differs))
      say("and each would choose for itself; what follows is worker " +
          std::to_string(report_.workers[0].worker) + "'s choice");
  } else if (!told.known) {
    say("worker " + std::to_string(*report_.worker) + " owns it: in nat a hash of client and port names it");
  }
}

void Tracer::tell_known() {
  const Rehearsed& told = told_[at_];
  if (told.backend) {
    report_.pool = record_->positions[told.backend->position()].pool;
    if (const BackendRecord* const backend = backend_of(*told.backend))
      report_.backend = backend->config.name;
  }
  if (!told.known) {
    say(std::string("no table knows the flow: a ") + (report_.packet == "syn" ? "SYN" : "datagram") +
        " opens it");
    return;
  }
  TracedFlow flow;
  flow.worker = report_.worker.value_or(0);
  flow.waits = told.known->waits;
  flow.state = flow.waits ? flow_state_text(told.known->kind) : flow_state_text(told.known->state);
  flow.idle_seconds = told.known->idle_ms / 1e3;
  const std::string knows = "worker " + std::to_string(flow.worker) + " knows the flow: " + flow.state;
  say(knows + (flow.waits ? ", its client's second packet hasn't come; opened " : ", last packet ") +
      seconds_text(flow.idle_seconds) + " ago, backend " + name_of(told.known->backend));
  if (told.backend && *told.backend != told.known->backend)
    say("but that one takes no more of its packets: now " + name_of(*told.backend));
  report_.known = flow;
}

void Tracer::tell_way() {
  const Rehearsed& told = told_[at_];
  if (!told.backend) return;
  const Destination& destination = told.service->destination(*told.backend);
  const BackendRecord* const backend = backend_of(*told.backend);
  if (backend != nullptr) say("backend " + name_of(*told.backend) + ", " + backend->config.address.text());
  if (!destination.has_route) return say("there is no route to it");
  const std::string port = compiler_.config().ports[destination.port].name;
  if (!destination.has_mac) return say("by port " + port + "; its next hop's MAC isn't known");
  if (told.end == Rehearsed::End::sent) {
    const FirstHeader header = first_header(told.out);
    TracedWay way{port, mac_at(told.out, 6),     mac_at(told.out, 0), header.source,  header.destination,
                  0,    destination.outer_bytes, destination.longest, destination.mtu};
    if (told.service->forward == Forward::nat) way.destination_port = header.destination_port;
    say("leaves by port " + port + " to MAC " + way.destination_mac.text() +
        (way.added_bytes != 0
             ? " inside a packet from " + way.source.text() + " to " + way.destination.text() + ", " +
                   std::to_string(way.added_bytes) + " bytes more"
         : told.service->forward == Forward::nat
             ? " for " + way.destination.text() + ", port " + std::to_string(way.destination_port)
             : " as it is"));
    report_.way = way;
  }
  tell_size(destination);
}

// What a client's largest packets meet.
void Tracer::tell_size(const Destination& destination) {
  const uint32_t in_mtu = snapshot_.ports[told_[at_].in_port].mtu;
  if (destination.longest == 0 || destination.longest >= in_mtu) return;
  say("packets of more than " + std::to_string(destination.longest) + " bytes don't fit (the way's MTU is " +
      std::to_string(destination.mtu) + "): " +
      (told_[at_].service->cuts ? "IPv4 without DF is cut, of others the client is told"
                                : "the client is told"));
}

void Tracer::tell_end() {
  const Rehearsed& told = told_[at_];
  switch (told.end) {
    case Rehearsed::End::sent:
      return;
    case Rehearsed::End::punted:
      return say("not for a service: given to the kernel");
    case Rehearsed::End::cut:
      return say("leaves in pieces");
    case Rehearsed::End::answered:
      return say("dropped (" + report_.drop + "), and the client is told");
    case Rehearsed::End::handed_over:
    case Rehearsed::End::dropped:
      break;
  }
  if (told.reason == DropReason::bad_source)
    say("nothing comes from there: a VIP, an encap_source or nobody's address");
  if (told.reason == DropReason::no_backend && record_ != nullptr && report_.choice)
    say("nobody may be chosen");
  say("dropped: " + report_.drop);
}

}  // namespace shunt
