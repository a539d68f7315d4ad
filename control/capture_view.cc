// StatusView's captures of packets: names into numbers at the start, numbers into names as it goes on.
#include <chrono>

#include "control/capture_session.h"
#include "control/daemon.h"
#include "control/status_view.h"

namespace shunt {
namespace {

int64_t epoch_offset_ns(const Now& now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() - static_cast<int64_t>(now.ns);
}

const ServiceRecord* service_by_id(const Registry& registry, uint16_t id) {
  for (const auto& [key, record] : registry.services()) {
    if (record.id == id) return &record;
  }
  return nullptr;
}

// Of one that was removed: its number.
std::string service_name(const Registry& registry, uint16_t id) {
  const ServiceRecord* const record = service_by_id(registry, id);
  return record == nullptr ? "#" + std::to_string(id) : record->config.name;
}

std::string backend_name(const Registry& registry, uint16_t service, BackendRef ref) {
  const std::string number = "#" + std::to_string(ref.number());
  const ServiceRecord* const record = service_by_id(registry, service);
  if (record == nullptr) return number;
  const std::string& pool = record->positions[ref.position()].pool;
  const auto found = registry.pools().find(pool);
  if (found == registry.pools().end() || ref.number() >= found->second.backends.size() ||
      !found->second.backends[ref.number()])
    return pool + "/" + number;
  return pool + "/" + found->second.backends[ref.number()]->config.name;
}

// Every service's names for a backend.
void add_pairs(const Registry& registry, const ServiceRecord& record, const std::string& backend,
               CaptureFilter& filter) {
  for (uint8_t position = 0; position < kPoolPositions; ++position) {
    const std::string& pool = record.positions[position].pool;
    const auto found = registry.pools().find(pool);
    if (found == registry.pools().end()) continue;
    for (const auto& each : found->second.backends) {
      if (!each || (each->config.name != backend && pool + "/" + each->config.name != backend)) continue;
      filter.backends.push_back({record.id, BackendRef::of(position, each->number)});
    }
  }
}

}  // namespace

Result<std::shared_ptr<CaptureStream>> StatusView::capture(const CaptureQuestion& question,
                                                           const std::string& who) {
  const Registry& registry = daemon_.compiler_->registry();
  CaptureFilter filter;
  filter.snap_bytes = question.snap_bytes;
  filter.reasons = question.reasons;
  filter.by_client = question.client.has_value();
  if (question.client) filter.client = *question.client;
  filter.by_backend = !question.backend.empty();
  for (const auto& [key, record] : registry.services()) {
    if (!question.service.empty() && record.config.name != question.service) continue;
    if (!question.service.empty()) filter.service = record.id;
    if (filter.by_backend) add_pairs(registry, record, question.backend, filter);
  }
  if (filter.by_backend && filter.backends.empty())
    return Error{"backend", "no service has a backend \"" + question.backend + "\""};
  const auto& taps = daemon_.engine_->capture_taps();
  if (!taps->start(filter)) return Error{"capture", "another capture runs; there is one at a time"};

  CaptureNames names;
  names.application = std::string("shuntd ") + SHUNT_VERSION;
  for (const PortConfig& port : daemon_.config_.ports)
    names.ports.push_back(port.name);
  names.service = [&registry](uint16_t id) { return service_name(registry, id); };
  names.backend = [&registry](uint16_t id, BackendRef ref) { return backend_name(registry, id, ref); };
  const Now now = PacketEngine::now();
  const auto time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(question.time).count();
  const CaptureBounds bounds{question.packets, now.ns + static_cast<uint64_t>(time_ns), filter.snap_bytes,
                             epoch_offset_ns(now)};
  const auto ended = [this, who](uint64_t packets, uint64_t missed) {
    daemon_.events_.add("capture.ended", who,
                        std::to_string(packets) + " packets" +
                            (missed == 0 ? "" : ", " + std::to_string(missed) + " more found no room"));
  };
  return std::shared_ptr<CaptureStream>(std::make_shared<CaptureSession>(
      taps, std::move(names), bounds, [] { return PacketEngine::now().ns; }, ended));
}

}  // namespace shunt
