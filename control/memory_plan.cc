#include "control/memory_plan.h"

#include <algorithm>
#include <fstream>

#include "dataplane/dpdk_port.h"
#include "dataplane/flow_table.h"
#include "dataplane/pcap_replay.h"
#include "dataplane/probation_table.h"

namespace shunt {
namespace {

constexpr uint64_t kBufferOverhead =
    320;  // mbuf header, pool element header and trailer, cache line rounding
constexpr uint64_t kSmallPageBytes = 4096;
constexpr uint64_t kDpdkOwn = 24ULL << 20U;  // queues, rings and driver data of a few ports

uint64_t pages(uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes;
}

}  // namespace

uint32_t worker_buffers(const Config& config, unsigned worker) {
  uint32_t buffers = buffers_for(static_cast<unsigned>(config.ports.size()));
  for (const PortConfig& port : config.ports)
    buffers += replayed_packets(port.device, worker);
  return buffers;
}

MemoryNeed memory_need(const Config& config) {
  uint16_t mtu = 0;
  for (const PortConfig& port : config.ports)
    mtu = std::max(mtu, port.mtu);
  const uint64_t workers = config.dataplane.workers.size();
  uint64_t buffers = 0;  // of all workers
  for (unsigned worker = 0; worker < workers; ++worker)
    buffers += worker_buffers(config, worker);
  const auto round_up = [](uint64_t bytes) { return pages(bytes) * kPageBytes; };
  const uint64_t one_buffer = buffer_bytes(mtu) + kBufferOverhead;
  const uint64_t in_small_pages = (one_buffer + kSmallPageBytes - 1) / kSmallPageBytes * kSmallPageBytes;
  return {buffers * one_buffer + kDpdkOwn,
          workers * (round_up(FlowTable::bytes_for(config.dataplane.connections)) +
                     round_up(ProbationTable::bytes_for()) +
                     round_up(FragmentTable::bytes_for(fragment_limits(config)))),
          buffers * in_small_pages + kDpdkOwn};
}

uint64_t pages_for(const MemoryNeed& need) {
  return pages(need.buffer_bytes) + pages(need.table_bytes);
}

std::optional<uint64_t> free_hugepages(const std::string& sysfs) {
  std::ifstream file(sysfs + "/hugepages-2048kB/free_hugepages");
  uint64_t free_pages = 0;
  if (!(file >> free_pages)) return std::nullopt;
  return free_pages;
}

Result<MemoryPlan> plan_memory(MemoryMode mode, const MemoryNeed& need, std::optional<uint64_t> free_pages) {
  const uint64_t needed = pages_for(need);
  const uint64_t available = free_pages.value_or(0);
  MemoryNeed ordinary = need;
  ordinary.buffer_bytes = std::max(need.buffer_bytes, need.ordinary_buffer_bytes);
  if (mode == MemoryMode::ordinary) return MemoryPlan{false, ordinary, ""};
  if (available >= needed) return MemoryPlan{true, need, ""};
  const std::string counts =
      std::to_string(needed) + " hugepages of 2 MiB needed, " + std::to_string(available) + " free";
  const std::string command = "sysctl -w vm.nr_hugepages=" + std::to_string(needed);
  if (mode == MemoryMode::hugepages) {
    return Error{"[dataplane] memory = \"hugepages\"",
                 counts + ". Reserve them (" + command +
                     ", beside those in use), lower `connections`, or set memory = \"auto\""};
  }
  return MemoryPlan{
      false, ordinary,
      counts + ": using ordinary memory, which costs some speed (" + command + " reserves them)"};
}

}  // namespace shunt
