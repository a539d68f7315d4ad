// TableMemory: the memory that a worker's tables live in, outside DPDK's: zeroed, fixed for the life of the
// process.
//
// 2 MiB pages where there are any (reserved ones, else transparent ones): with 4 KiB pages a table of 8M
// flows costs half again as much per lookup.
#pragma once

#include <cstddef>
#include <span>

#include "common/result.h"

namespace shunt {

class TableMemory {
 public:
  // `reserved`: take reserved hugepages (an error when they are short); else ordinary memory, huge if the
  // kernel can.
  static Result<TableMemory> allocate(size_t bytes, bool reserved);
  // For much that is seldom used: small pages, each of which costs nothing until it is touched.
  static Result<TableMemory> allocate_sparse(size_t bytes);

  TableMemory(TableMemory&& other) noexcept;
  TableMemory& operator=(TableMemory&& other) noexcept;
  ~TableMemory();

  std::span<std::byte> bytes() const { return {start_, size_}; }

  static constexpr size_t kHugepageBytes = 2U << 20U;

 private:
  static Result<TableMemory> map(size_t bytes, int flags);
  TableMemory(std::byte* start, size_t size, size_t mapped) : start_(start), size_(size), mapped_(mapped) {}

  std::byte* start_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;
};

}  // namespace shunt
