// Publications without end against lookups: `publication_storm [PUBLICATIONS]` (default 20,000; the long run
// is `scripts/soak publications`).
//
// The control thread flips the health of a backend, compiles, publishes and reclaims; two readers look flows
// up in whatever is current. Generation by generation the pool is 10.0.0.20 … with one backend down, which
// the generation's number names: a reader that gets it, a freed snapshot or an older one after a newer has
// found a fault, and so do the sanitizers. Exit status 1 then.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "control/compiler.h"
#include "dataplane/dpdk_publication.h"
#include "dataplane/slot_choice.h"
#include "tests/packet/network.h"

namespace shunt::packet {
namespace {

constexpr unsigned kReaders = 2;
constexpr unsigned kBackends = 10;
constexpr unsigned kFlowsPerLoop = 64;
constexpr size_t kMostWaiting = 16;  // snapshots to be freed, before readers are waited for

std::string backend_name(uint64_t index) {
  return "10.0.0." + std::to_string(20 + index % kBackends);
}

struct Reader {
  uint64_t lookups = 0;
  uint64_t generations = 0;
  uint64_t faults = 0;
  std::thread thread;
};

// Looks flows up as the stages do: VIP, slot, destination.
void look_up(const Snapshot& snapshot, uint16_t service_id, uint64_t& tuple, Reader& reader) {
  const Service& service = snapshot.services[service_id];
  const uint64_t generation = snapshot.generation;
  for (unsigned i = 0; i < kFlowsPerLoop; ++i, ++tuple) {
    const ChosenBackend chosen =
        choose(service.choice, snapshot.cluster_key, keyed_hash(snapshot.cluster_key, tuple, 0));
    if (!chosen) {
      ++reader.faults;
      continue;
    }
    const Destination& destination = service.destination(BackendRef::of(service.choice_pool, chosen.number));
    // From generation 2 on, backend `generation` is down.
    if (generation > 1 && destination.address == ip(backend_name(generation))) ++reader.faults;
    if (snapshot.generation != generation) ++reader.faults;
  }
  reader.lookups += kFlowsPerLoop;
}

void read_until(const std::atomic<bool>& stop, Publication& publication, unsigned id, uint16_t service,
                Reader& reader) {
  publication.online(id);
  uint64_t last = 0;
  uint64_t tuple = id * 1'000'003ULL;
  while (!stop.load(std::memory_order_relaxed)) {
    const Snapshot& snapshot = *publication.current();
    if (snapshot.generation < last) ++reader.faults;
    const bool news = snapshot.generation != last;
    if (news) ++reader.generations;
    last = snapshot.generation;
    look_up(snapshot, service, tuple, reader);
    publication.quiescent(id);
    if (!news) std::this_thread::yield();  // where CPUs are shared: whoever publishes is to have one
  }
  publication.offline(id);
}

int run(uint64_t publications) {
  Config config = bare_config();
  config.pools = {pool("web", 20, kBackends)};
  config.pools[0].health.emplace();
  config.services = {packet::service("198.51.100.9", 80, "web", Forward::ipip)};
  Compiler compiler(HashKey{{5, 6, 7, 8}});
  compiler.set_ports(port_runtimes());
  compiler.set_kernel(kernel_view());
  if (!compiler.set_config(config, 1)) return 1;
  Publication publication(kReaders);
  publication.publish(compiler.compile(1));
  const uint16_t service = compiler.registry().services().begin()->second.id;
  std::atomic<bool> stop = false;
  std::vector<Reader> readers(kReaders);
  for (unsigned id = 0; id < kReaders; ++id)
    readers[id].thread = std::thread([&, id] { read_until(stop, publication, id, service, readers[id]); });
  size_t longest = 0;
  for (uint64_t generation = 2; generation <= publications; ++generation) {
    compiler.set_health("web", backend_name(generation - 1), true);
    compiler.set_health("web", backend_name(generation), false);
    publication.publish(compiler.compile(generation));
    size_t waiting = publication.reclaim();
    longest = std::max(longest, waiting);
    for (; waiting > kMostWaiting; waiting = publication.reclaim())
      std::this_thread::yield();  // readers share the CPUs with us
  }
  while (publication.reclaim() != 0)
    std::this_thread::yield();
  stop = true;
  uint64_t faults = compiler.generation() == publications ? 0 : 1;
  for (Reader& reader : readers) {
    reader.thread.join();
    faults += reader.faults + (reader.generations < 2 ? 1 : 0);
    std::printf("reader: %lu lookups in %lu generations, %lu faults\n",
                static_cast<unsigned long>(reader.lookups), static_cast<unsigned long>(reader.generations),
                static_cast<unsigned long>(reader.faults));
  }
  std::printf("%lu publications, at most %zu waiting to be freed, %lu faults\n",
              static_cast<unsigned long>(publications), longest, static_cast<unsigned long>(faults));
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace shunt::packet

int main(int argc, char** argv) {
  return shunt::packet::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000);
}
