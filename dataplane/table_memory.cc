#include "dataplane/table_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace shunt {

Result<TableMemory> TableMemory::allocate(size_t bytes, bool reserved) {
  const size_t mapped = (bytes + kHugepageBytes - 1) / kHugepageBytes * kHugepageBytes;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (reserved ? MAP_HUGETLB : 0);
  void* start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (start == MAP_FAILED) {
    return Error{"memory", std::to_string(mapped >> 20U) + " MiB for tables: " + std::strerror(errno)};
  }
  if (!reserved)
    madvise(start, mapped, MADV_HUGEPAGE);  // where the kernel can't, pages are small and all works
  return TableMemory(static_cast<std::byte*>(start), bytes, mapped);
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
