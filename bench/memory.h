// The memory that benches work in: large pages for everybody, or for nobody.
//
// Ours takes reserved 2 MiB pages, else transparent ones. rte_hash lives in EAL's memory: reserved pages when
// enough are free, else small ones. The other maps use malloc, which asks for transparent huge pages
// (glibc.malloc.hugetlb). scripts/bench reserves what is needed and gives it back.
#pragma once

#include <cstddef>
#include <string>

#include "dataplane/table_memory.h"

namespace shunt::bench {

// Starts the program again with malloc asking for huge pages, unless it runs so already. Call it first.
void malloc_in_huge_pages(char** argv);

// EAL on the CPU this runs on, without devices, with a file prefix of its own; once, for `mib` of memory in
// all. False (and said on stderr) when it can't have that.
bool start_eal(size_t mib);

// What malloc and EAL have given out and not got back, in bytes: the difference around the making of a map
// is its size.
size_t allocated_bytes();

// Zeroed. Ends the program when there is no memory.
TableMemory table_memory(size_t bytes);
// "2M" when the last table_memory was of reserved pages, "THP" or "4K" otherwise: what the kernel gives
// there.
std::string table_pages();

}  // namespace shunt::bench
