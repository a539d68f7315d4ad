#include "bench/memory.h"

#include <malloc.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/measure.h"

namespace shunt::bench {
namespace {

constexpr const char* kTunables = "GLIBC_TUNABLES";
constexpr const char* kHugeMalloc = "glibc.malloc.hugetlb=1";

bool eal_started = false;
bool reserved_pages = false;

size_t free_hugepage_mib() {
  std::ifstream in("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  size_t pages = 0;
  in >> pages;
  return pages * 2;
}

// It leaves its folder under /run/dpdk behind.
void end_eal() {
  const std::filesystem::path folder = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace

void malloc_in_huge_pages(char** argv) {
  const char* const now = std::getenv(kTunables);
  if (now != nullptr && std::string(now).find("glibc.malloc.hugetlb") != std::string::npos) return;
  setenv(kTunables, (now != nullptr ? std::string(now) + ":" + kHugeMalloc : kHugeMalloc).c_str(), 1);
  execv("/proc/self/exe", argv);
  std::perror("huge pages for malloc");  // goes on without
}

bool start_eal(size_t mib) {
  if (eal_started) return true;
  const std::string size = std::to_string(mib);
  const std::string cpu = std::to_string(sched_getcpu());
  const std::string prefix = "shunt-bench-" + std::to_string(getpid());
  const bool huge = free_hugepage_mib() >= mib;
  if (!huge)
    std::fprintf(stderr, "%s MiB of 2 MiB pages are not free: rte_hash gets small pages\n", size.c_str());
  std::vector<std::string> words = {"bench",       "--no-pci",      "--no-telemetry", "-l",  cpu,
                                    "--log-level", "lib.eal:error", "--file-prefix",  prefix};
  if (huge) {
    words.push_back("--in-memory");
  } else {
    words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", size});
  }
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  // Standard output is for results, and EAL has its own idea of it.
  std::fflush(stdout);
  const int results = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  eal_started = rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0;
  std::fflush(stdout);
  dup2(results, STDOUT_FILENO);
  close(results);
  if (eal_started) std::atexit(end_eal);
  if (!eal_started) std::fprintf(stderr, "EAL doesn't start: %s\n", rte_strerror(rte_errno));
  return eal_started;
}

size_t allocated_bytes() {
  const struct mallinfo2 heap = mallinfo2();
  size_t bytes = heap.uordblks + heap.hblkhd;
  if (eal_started) {
    rte_malloc_socket_stats stats{};
    if (rte_malloc_get_socket_stats(0, &stats) == 0) bytes += stats.heap_allocsz_bytes;
  }
  return bytes;
}

TableMemory table_memory(size_t bytes) {
  Result<TableMemory> memory = TableMemory::allocate(bytes, true);
  reserved_pages = memory.ok();
  if (!reserved_pages) memory = TableMemory::allocate(bytes, false);
  prove(memory.ok(), "there is memory for a table");
  return memory.take();
}

std::string table_pages() {
  if (reserved_pages) return "2M";
  std::ifstream in("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  std::getline(in, line);
  return line.empty() || line.find("[never]") != std::string::npos ? "4K" : "THP";
}

}  // namespace shunt::bench
