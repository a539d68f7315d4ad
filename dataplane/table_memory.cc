#include "dataplane/table_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace shunt {

// Beginning where a large page can. (Of reserved pages every mapping does.)
Result<TableMemory> TableMemory::map(size_t bytes, int flags) {
  const size_t mapped = (bytes + kHugepageBytes - 1) / kHugepageBytes * kHugepageBytes;
  const size_t slack = (flags & MAP_HUGETLB) != 0 ? 0 : kHugepageBytes;
  void* const given =
      mmap(nullptr, mapped + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (given == MAP_FAILED) {
    return Error{"memory", std::to_string(mapped >> 20U) + " MiB for tables: " + std::strerror(errno)};
  }
  auto* const start = static_cast<std::byte*>(given);
  const size_t before = slack == 0 ? 0 : kHugepageBytes - reinterpret_cast<uintptr_t>(start) % kHugepageBytes;
  if (before != 0) munmap(start, before);
  if (before != slack) munmap(start + before + mapped, slack - before);
  return TableMemory(start + before, bytes, mapped);
}

Result<TableMemory> TableMemory::allocate(size_t bytes, bool reserved) {
  auto memory = map(bytes, reserved ? MAP_HUGETLB : 0);
  // Where the kernel can't, pages are small and all works.
  if (memory && !reserved) madvise(memory.value().start_, memory.value().mapped_, MADV_HUGEPAGE);
  return memory;
}

Result<TableMemory> TableMemory::allocate_sparse(size_t bytes) {
  auto memory = map(bytes, MAP_NORESERVE);
  if (memory) madvise(memory.value().start_, memory.value().mapped_, MADV_NOHUGEPAGE);
  return memory;
}

TableMemory::TableMemory(TableMemory&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)),
      size_(other.size_),
      mapped_(std::exchange(other.mapped_, 0)) {}

TableMemory& TableMemory::operator=(TableMemory&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

TableMemory::~TableMemory() {
  if (start_ != nullptr) munmap(start_, mapped_);
}

}  // namespace shunt
