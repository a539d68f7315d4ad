// What StatusView shows of the workers' tables: the flows that they know now, page by page.
#include <algorithm>

#include "control/daemon.h"
#include "control/flow_words.h"
#include "control/status_view.h"
#include "dataplane/flow_client.h"
#include "dataplane/flow_reader.h"

namespace shunt {
namespace {

// Looked at for one page, of all workers: some 5 ms.
constexpr uint64_t kPlacesOfPage = 131'072;
// A cursor: the worker's number, then the place in its tables.
constexpr unsigned kWorkerShift = 40;

}  // namespace

// By id, for the length of a page.
class StatusView::ConnectionNames {
 public:
  explicit ConnectionNames(const Daemon& daemon) : daemon_(daemon) {
    for (const auto& [key, record] : daemon.compiler_->registry().services()) {
      if (services_.size() <= record.id) services_.resize(record.id + size_t{1});
      services_[record.id] = &record;
    }
  }
  const ServiceRecord* service(uint16_t id) const { return id < services_.size() ? services_[id] : nullptr; }
  const BackendRecord* backend(const ServiceRecord& service, BackendRef ref) const {
    const auto& pools = daemon_.compiler_->registry().pools();
    const auto pool = pools.find(service.positions[ref.position()].pool);
    if (pool == pools.end() || ref.number() >= pool->second.backends.size()) return nullptr;
    const auto& found = pool->second.backends[ref.number()];
    return found ? &*found : nullptr;
  }

 private:
  const Daemon& daemon_;
  std::vector<const ServiceRecord*> services_;
};

std::optional<ConnectionStatus> StatusView::connection(const ConnectionNames& names,
                                                       const ReadFlow& flow) const {
  const ServiceRecord* const service = names.service(service_of(flow.key_value));
  if (service == nullptr) return std::nullopt;  // the sweep will end it
  ConnectionStatus status;
  status.service = service->config.name;
  status.pool = service->positions[flow.backend.position()].pool;
  if (const BackendRecord* backend = names.backend(*service, flow.backend))
    status.backend = backend->config.name;
  status.is_waiting = flow.waiting_as != ProbationKind::empty;
  const bool is_udp = service->config.protocol == Protocol::udp;
  if (status.is_waiting) {
    status.state = flow_state_text(flow.waiting_as);
    status.idle_seconds = flow.waiting_ms / 1e3;
    status.syn_retransmits = flow.syn_retransmits;
  } else {
    status.state = is_udp ? "udp" : flow_state_text(flow.state);
    status.idle_seconds = flow.idle_seconds;
  }
  const Service* const compiled = daemon_.engine_->current()->service(service->id);
  if (compiled != nullptr && compiled->exact_key) {
    const FlowClient client = FlowClient::of_exact_key(flow.key_value);
    status.client = IpAddress::v4(load<be32>(client.address + 12));
    status.client_port = client.port.host();
  }
  return status;
}

ConnectionPage StatusView::connections(const ConnectionQuestion& question) {
  const auto wanted = [&](const ConnectionStatus& status) {
    return (question.service.empty() || status.service == question.service) &&
           (question.pool.empty() || status.pool == question.pool) &&
           (question.backend.empty() || status.backend == question.backend ||
            status.pool + "/" + status.backend == question.backend) &&
           (question.state.empty() || status.state == question.state) &&
           (!question.client || (status.client && question.client->contains(*status.client)));
  };
  const ConnectionNames names(daemon_);
  const Now now = PacketEngine::now();
  const auto workers = daemon_.engine_->workers();
  ConnectionPage page;
  uint64_t left = kPlacesOfPage;
  uint64_t place = question.from & ((uint64_t{1} << kWorkerShift) - 1);
  for (uint64_t worker = question.from >> kWorkerShift; worker < workers.size(); ++worker, place = 0) {
    if (question.worker && worker != *question.worker) continue;
    const FlowReader reader(workers[worker]->flows, workers[worker]->probation);
    const uint64_t before = place;
    place = reader.read(place, left, now.second, now.millisecond, [&](const ReadFlow& flow) {
      auto status = connection(names, flow);
      if (!status || !wanted(*status)) return true;
      status->worker = static_cast<uint32_t>(worker);
      page.connections.push_back(std::move(*status));
      return page.connections.size() < question.limit;
    });
    left -= std::min(left, place - std::min(before, place));
    if (place < reader.places()) {
      page.next = worker << kWorkerShift | place;
      break;
    }
  }
  return page;
}

}  // namespace shunt
