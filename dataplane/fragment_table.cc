#include "dataplane/fragment_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace shunt {
namespace {

constexpr size_t kLine = 64;

size_t in_lines(size_t bytes) {
  return (bytes + kLine - 1) / kLine * kLine;
}

}  // namespace

uint32_t FragmentTable::blocks_of(const FragmentLimits& limits) {
  return static_cast<uint32_t>(limits.bytes / kFragmentBlockBytes);
}
uint32_t FragmentTable::buckets_of(const FragmentLimits& limits) {
  return std::bit_ceil(limits.datagrams);
}

size_t FragmentTable::bytes_for(const FragmentLimits& limits) {
  return in_lines(limits.datagrams * sizeof(Datagram)) + in_lines(buckets_of(limits) * sizeof(uint32_t)) +
         blocks_of(limits) * sizeof(Block);
}

FragmentTable::FragmentTable(std::span<std::byte> memory, const FragmentLimits& limits, const HashKey& key)
    : key_(key), time_ns_(limits.time_ns) {
  if (memory.size() < bytes_for(limits)) return;
  capacity_ = limits.datagrams;
  bucket_mask_ = buckets_of(limits) - 1;
  block_count_ = blocks_of(limits);
  std::byte* at = memory.data();
  datagrams_memory_ = reinterpret_cast<Datagram*>(at);
  at += in_lines(capacity_ * sizeof(Datagram));
  buckets_ = reinterpret_cast<uint32_t*>(at);
  at += in_lines(buckets_of(limits) * sizeof(uint32_t));
  blocks_ = reinterpret_cast<Block*>(at);
  std::fill_n(buckets_, buckets_of(limits), kNone);
  for (uint32_t i = 0; i < capacity_; ++i)
    append(datagrams_memory_[i], State::free);
  for (uint32_t i = block_count_; i > 0; --i) {
    blocks_[i - 1].next_block = first_free_block_;
    first_free_block_ = i - 1;
  }
  free_blocks_ = block_count_;
}

void FragmentTable::append(Datagram& datagram, State state) {
  List& into = list(state);
  const uint32_t index = index_of(&datagram);
  datagram.state = state;
  datagram.previous = into.last;
  datagram.next = kNone;
  (into.last == kNone ? into.first : datagrams_memory_[into.last].next) = index;
  into.last = index;
}

void FragmentTable::unlink(Datagram& datagram) {
  List& from = list(datagram.state);
  (datagram.previous == kNone ? from.first : datagrams_memory_[datagram.previous].next) = datagram.next;
  (datagram.next == kNone ? from.last : datagrams_memory_[datagram.next].previous) = datagram.previous;
}

void FragmentTable::move_to(Datagram& datagram, State state) {
  unlink(datagram);
  append(datagram, state);
}

FragmentTable::Handle FragmentTable::find_or_add(const FragmentKey& key, uint64_t now_ns) {
  if (capacity_ == 0) return nullptr;
  const auto bucket = static_cast<uint32_t>(key.hash(key_).low) & bucket_mask_;
  for (uint32_t at = buckets_[bucket]; at != kNone; at = datagrams_memory_[at].next_in_bucket) {
    Datagram& known = datagrams_memory_[at];
    if (!(known.key == key)) continue;
    if (now_ns - known.since_ns < time_ns_ || known.state == State::ready) return &known;
    end(known);  // its time is over, only nobody has come by yet
    break;
  }
  Datagram* const fresh = take_free();
  if (fresh == nullptr) return nullptr;
  unlink(*fresh);
  fresh->key = key;
  fresh->way = FragmentWay{};
  fresh->since_ns = now_ns;
  fresh->next_in_bucket = buckets_[bucket];
  fresh->first_held = fresh->last_held = kNone;
  fresh->held = 0;
  fresh->covered = 0;
  fresh->bucket = bucket;
  fresh->total = 0;
  fresh->parts = 0;
  fresh->is_dead = false;
  fresh->is_merged = false;
  append(*fresh, State::waiting);
  buckets_[bucket] = index_of(fresh);
  ++datagrams_;
  return fresh;
}

// The one that is missed least, ended.
FragmentTable::Datagram* FragmentTable::take_free() {
  if (list(State::free).first == kNone) {
    const uint32_t waiting = list(State::waiting).first;
    const uint32_t going = list(State::going).first;
    uint32_t oldest = list(State::done).first;
    if (oldest == kNone) oldest = waiting != kNone ? waiting : going;
    if (oldest == waiting && waiting != kNone && going != kNone &&
        datagrams_memory_[going].since_ns < datagrams_memory_[waiting].since_ns)
      oldest = going;
    if (oldest == kNone) return nullptr;
    losses_.limit += throw_away_held(datagrams_memory_[oldest]);
    end(datagrams_memory_[oldest]);
  }
  return &datagrams_memory_[list(State::free).first];
}

void FragmentTable::end(Datagram& datagram) {
  losses_.limit += throw_away_held(datagram);
  uint32_t* link = &buckets_[datagram.bucket];
  while (*link != index_of(&datagram))
    link = &datagrams_memory_[*link].next_in_bucket;
  *link = datagram.next_in_bucket;
  move_to(datagram, State::free);
  --datagrams_;
}

void FragmentTable::free_frame(uint32_t first_block) {
  uint32_t last = first_block;
  uint32_t count = 1;
  for (; blocks_[last].next_block != kNone; last = blocks_[last].next_block)
    ++count;
  blocks_[last].next_block = first_free_block_;
  first_free_block_ = first_block;
  free_blocks_ += count;
  --held_frames_;
}

uint64_t FragmentTable::throw_away_held(Datagram& datagram) {
  const uint32_t frames = datagram.held;
  for (uint32_t block = datagram.first_held; block != kNone;) {
    const uint32_t next = blocks_[block].next_frame;
    free_frame(block);
    block = next;
  }
  datagram.first_held = datagram.last_held = kNone;
  datagram.held = 0;
  return frames;
}

void FragmentTable::kill(Datagram& datagram) {
  losses_.overlap += throw_away_held(datagram);
  datagram.is_dead = true;
  move_to(datagram, State::done);
}

// Where the part would stand among those that came, in their order.
FragmentFit FragmentTable::fit(const Datagram& datagram, const FragmentPart& part, unsigned& at) const {
  const auto* const begin = datagram.ranges.data();
  const auto* const end = begin + datagram.parts;
  const auto* const next =
      std::partition_point(begin, end, [&](Range range) { return range.end <= part.begin; });
  at = static_cast<unsigned>(next - begin);
  if (next != end && next->begin < part.end) {
    const bool is_inside = next->begin <= part.begin && part.end <= next->end;
    const bool is_same = next->begin == part.begin && part.end == next->end;
    return is_same || (is_inside && datagram.is_merged) ? FragmentFit::duplicate : FragmentFit::overlaps;
  }
  // Two ends, or something behind the end.
  if (datagram.total != 0 && (!part.more || part.end > datagram.total)) return FragmentFit::overlaps;
  if (!part.more && next != end) return FragmentFit::overlaps;
  return FragmentFit::fits;
}

// Makes room by forgetting where one fragment ended and the next began.
bool FragmentTable::merge_two(Datagram& datagram) {
  for (unsigned i = 0; i + 1 < datagram.parts; ++i) {
    if (datagram.ranges[i].end != datagram.ranges[i + 1].begin) continue;
    datagram.ranges[i].end = datagram.ranges[i + 1].end;
    std::copy(datagram.ranges.begin() + i + 2, datagram.ranges.begin() + datagram.parts,
              datagram.ranges.begin() + i + 1);
    --datagram.parts;
    datagram.is_merged = true;
    return true;
  }
  return false;
}

FragmentFit FragmentTable::add(Handle datagram, const FragmentPart& part) {
  if (datagram->is_dead) return FragmentFit::overlaps;
  unsigned at = 0;
  FragmentFit found = fit(*datagram, part, at);
  if (found == FragmentFit::overlaps) kill(*datagram);
  if (found != FragmentFit::fits) return found;
  if (datagram->parts == kParts) {
    if (!merge_two(*datagram)) return FragmentFit::no_room;
    fit(*datagram, part, at);
  }
  auto* const ranges = datagram->ranges.data();
  std::copy_backward(ranges + at, ranges + datagram->parts, ranges + datagram->parts + 1);
  ranges[at] = {part.begin, part.end};
  ++datagram->parts;
  datagram->covered += static_cast<uint32_t>(part.end - part.begin);
  if (!part.more) datagram->total = part.end;
  settle(*datagram);
  return FragmentFit::fits;
}

// A datagram that is complete and of which nothing is to be released waits only for what comes again.
void FragmentTable::settle(Datagram& datagram) {
  if (datagram.state != State::going || datagram.covered != datagram.total) return;
  move_to(datagram, State::done);
}

const FragmentWay& FragmentTable::way(Handle datagram) const {
  return datagram->way;
}

void FragmentTable::decide(Handle datagram, const FragmentWay& way) {
  datagram->way = way;
  move_to(*datagram, datagram->held != 0 ? State::ready : State::going);
  settle(*datagram);
}

// At the cost of those that have waited longest.
bool FragmentTable::make_room(uint32_t blocks, const Datagram& keep) {
  while (free_blocks_ < blocks) {
    uint32_t oldest = list(State::waiting).first;
    if (oldest == index_of(&keep)) oldest = keep.next;
    if (oldest == kNone) return false;
    end(datagrams_memory_[oldest]);
  }
  return true;
}

bool FragmentTable::hold(Handle datagram, uint8_t port, std::span<const uint8_t> frame) {
  const auto blocks = static_cast<uint32_t>((frame.size() + sizeof(Block::bytes) - 1) / sizeof(Block::bytes));
  if (blocks == 0 || blocks > block_count_ || !make_room(blocks, *datagram)) return false;
  const uint32_t first = first_free_block_;
  uint32_t last = kNone;
  for (size_t at = 0; at < frame.size(); at += sizeof(Block::bytes)) {
    Block& block = blocks_[last = first_free_block_];
    first_free_block_ = block.next_block;
    std::memcpy(block.bytes.data(), frame.data() + at, std::min(sizeof(Block::bytes), frame.size() - at));
  }
  blocks_[last].next_block = kNone;
  blocks_[first].next_frame = kNone;
  blocks_[first].frame_bytes = static_cast<uint32_t>(frame.size());
  blocks_[first].port = port;
  free_blocks_ -= blocks;
  (datagram->held == 0 ? datagram->first_held : blocks_[datagram->last_held].next_frame) = first;
  datagram->last_held = first;
  ++datagram->held;
  ++held_frames_;
  return true;
}

std::optional<FragmentTable::Held> FragmentTable::front() const {
  const uint32_t ready = lists_[static_cast<size_t>(State::ready)].first;
  if (ready == kNone) return std::nullopt;
  const Datagram& datagram = datagrams_memory_[ready];
  const Block& block = blocks_[datagram.first_held];
  return Held{static_cast<uint8_t>(block.port), block.frame_bytes, datagram.way};
}

void FragmentTable::copy_front(uint8_t* to) const {
  const uint32_t ready = lists_[static_cast<size_t>(State::ready)].first;
  uint32_t at = datagrams_memory_[ready].first_held;
  for (size_t left = blocks_[at].frame_bytes; left > 0; at = blocks_[at].next_block) {
    const size_t bytes = std::min(sizeof(Block::bytes), left);
    std::memcpy(to, blocks_[at].bytes.data(), bytes);
    to += bytes;
    left -= bytes;
  }
}

void FragmentTable::pop() {
  Datagram& datagram = datagrams_memory_[list(State::ready).first];
  const uint32_t first = datagram.first_held;
  datagram.first_held = blocks_[first].next_frame;
  free_frame(first);
  if (--datagram.held != 0) return;
  datagram.last_held = kNone;
  move_to(datagram, State::going);
  settle(datagram);
}

void FragmentTable::expire(uint64_t now_ns) {
  for (const State state : {State::waiting, State::going, State::done}) {
    for (unsigned i = 0; i < kExpiredAtOnce; ++i) {
      const uint32_t oldest = list(state).first;
      if (oldest == kNone || now_ns - datagrams_memory_[oldest].since_ns < time_ns_) break;
      end(datagrams_memory_[oldest]);
    }
  }
}

void FragmentTable::clear() {
  for (const State state : {State::waiting, State::ready, State::going, State::done}) {
    while (list(state).first != kNone)
      end(datagrams_memory_[list(state).first]);
  }
}

FragmentTable::Losses FragmentTable::take_losses() {
  return std::exchange(losses_, Losses{});
}

}  // namespace shunt
