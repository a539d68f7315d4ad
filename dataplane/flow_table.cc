#include "dataplane/flow_table.h"

#include <algorithm>
#include <cassert>

namespace shunt {

FlowTable::FlowTable(std::span<std::byte> memory, const HashKey& key)
    : buckets_(reinterpret_cast<FlowBucket*>(memory.data())),
      bucket_count_(static_cast<uint32_t>(memory.size() / sizeof(FlowBucket))),
      key_(key) {
  assert(bucket_count_ > 0);
  assert(reinterpret_cast<uintptr_t>(memory.data()) % alignof(FlowBucket) == 0);
}

// The idlest of `idlest` and the entries of `bucket`; of equals the first.
FlowTable::Entry FlowTable::idler(Entry idlest, FlowBucket* bucket, uint32_t now_second) {
  for (uint32_t slot = 0; slot < FlowBucket::kSlots; ++slot) {
    const Entry entry{bucket, slot};
    if (!idlest || idle_seconds(entry, now_second) > idle_seconds(idlest, now_second)) idlest = entry;
  }
  return idlest;
}

void FlowTable::erase(Entry entry) {
  clear(entry);
}

// The slot is empty. The hint is set before the key, so that a process which ends in between leaves a bit too
// many; it may also have left flags of an entry that it was clearing, so all three are written.
void FlowTable::fill(Entry entry, uint64_t value, BackendRef backend, uint16_t age, const FlowBucket* home,
                     const Hash128& hash) {
  write(entry.bucket->backend[entry.slot], backend.raw);
  write(entry.bucket->age[entry.slot], age);
  uint32_t marks = entry.bucket->marks & ~flag_bits(entry.slot);
  if (entry.bucket != home) {
    FlowBucket& primary = buckets_[home - buckets_];
    const uint32_t bit = hint_bit(hash);
    write(primary.marks, primary.marks | bit | (bit << kNextShift));
    marks |= flag_bit(entry.slot, Flag::spilled);
  }
  if (entry.bucket->marks != marks) write(entry.bucket->marks, marks);
  write(entry.bucket->key[entry.slot], value);
  ++entries_;
}

void FlowTable::mark_spilled_entries(const FlowBucket& bucket) {
  for (uint32_t slot = 0; slot < FlowBucket::kSlots; ++slot) {
    if (bucket.key[slot] == 0 || (bucket.marks & flag_bit(slot, Flag::spilled)) == 0) continue;
    const Hash128 hash = hash_of_value(key_, bucket.key[slot]);
    uint32_t& marks = other_bucket(&bucket, hash)->marks;
    const uint32_t bit = hint_bit(hash) << kNextShift;
    if ((marks & bit) == 0) write(marks, marks | bit);
  }
}

}  // namespace shunt
