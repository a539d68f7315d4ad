// RecordReader on memory that isn't what a shuntd would hand over: a header with bytes changed, files cut
// short or too long, heads that jump, tails that somebody else writes. It refuses, or reads no more than
// there is, from nowhere else.
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "stats/record_reader.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/input.h"

namespace shunt::fuzz {
namespace {

constexpr int kMostSteps = 64;
constexpr uint32_t kMostBatch = 300;

// A memfd as shuntd makes them, with this side's own mapping. It has `bytes` bytes for whoever asks, and is
// mapped whole here.
class Memory {
 public:
  Memory(const char* name, uint64_t bytes, uint64_t shown)
      : fd_(memfd_create(name, MFD_CLOEXEC)), bytes_(bytes) {
    expect(fd_ && ftruncate(fd_.get(), static_cast<off_t>(bytes)) == 0, "no memory");
    mapping_ = SharedMapping(fd_.get(), bytes, true);
    expect(static_cast<bool>(mapping_), "no mapping");
    shown_ = shown;
  }
  // Cut to what is shown, once it is filled.
  UniqueFd hand_over() {
    UniqueFd copy(dup(fd_.get()));
    expect(copy && ftruncate(copy.get(), static_cast<off_t>(shown_)) == 0, "can't cut");
    return copy;
  }
  uint8_t* data() { return mapping_.data(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t shown() const { return shown_; }

 private:
  UniqueFd fd_;
  SharedMapping mapping_;
  uint64_t bytes_;
  uint64_t shown_ = 0;
};

uint64_t any_size(Input& input, uint64_t right) {
  const uint32_t how = input.below(8);
  if (how < 6) return right;
  return how == 6 ? input.below(static_cast<uint32_t>(right)) : right + 1 + input.below(8192);
}

uint64_t any_number(Input& input, uint64_t near) {
  const uint32_t how = input.below(4);
  if (how == 0) return near + input.byte();
  if (how == 1) return near - input.byte();
  const uint64_t high = input.word();
  return high << 32U | input.word();
}

class Run {
 public:
  explicit Run(Input& input)
      : input_(input),
        layout_{1 + input.below(3), uint64_t{1} << input.below(9)},
        records_("records", layout_.records_bytes() + 16'384, any_size(input, layout_.records_bytes())),
        tails_("tails", layout_.tails_bytes() + 16'384, any_size(input, layout_.tails_bytes())) {}

  void steps() {
    write_header();
    const bool as_made = spoil();
    std::array<int, 2> pair{};
    expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0, "no sockets");
    const UniqueFd shuntd(pair[0]);
    auto reader = RecordReader::map("here", records_.hand_over(), tails_.hand_over(), UniqueFd(pair[1]));
    if (!reader) {
      expect(!as_made, "memory as it should be, refused");
      expect(reader.error().text().size() > 6, "no word about why");
      return;
    }
    expect(reader.value().connected(), "its shuntd is there");
    expect(reader.value().rings() == layout_.rings, "another number of rings");
    for (int step = 0; step < kMostSteps && !input_.dry(); ++step)
      go_on(reader.value());
  }

 private:
  void write_header() {
    auto* const header = new (records_.data()) RecordHeader;
    std::ranges::copy(kRecordMagic, header->magic.begin());
    header->version = kRecordLayoutVersion;
    header->header_bytes = static_cast<uint32_t>(layout_.header_bytes());
    header->record_bytes = sizeof(FlowRecord);
    header->rings = layout_.rings;
    header->capacity = layout_.capacity;
    header->ring_bytes = layout_.ring_bytes();
  }
  // True: all that it must look at is as it was made.
  bool spoil() {
    bool as_made = records_.shown() == layout_.records_bytes() && tails_.shown() == layout_.tails_bytes();
    for (uint32_t changes = input_.below(4); changes > 0; --changes) {
      const uint32_t at = input_.below(sizeof(RecordHeader));
      const uint8_t value = input_.byte();
      if (records_.data()[at] != value && at < offsetof(RecordHeader, started_us)) as_made = false;
      records_.data()[at] = value;
    }
    for (uint32_t ring = 0; ring < layout_.rings; ++ring)
      jump(ring);
    return as_made;
  }
  void jump(uint32_t ring) {
    const RecordPlaces at = RecordPlaces::of(layout_, records_.data(), tails_.data(), ring);
    const uint64_t head = any_number(input_, at.tail->read.load());
    at.head->pushed.store(head);
    if (input_.one_in(2)) at.tail->read.store(any_number(input_, head));
  }
  // What it reads, from where it stands.
  void read(RecordReader& reader, uint32_t number) {
    RecordRingReader& ring = reader.ring(number);
    std::vector<FlowRecord> batch(input_.below(kMostBatch));
    const size_t count = ring.copy(batch);
    expect(count <= batch.size() && count <= reader.header().capacity, "more than there is");
    expect(ring.waiting() <= reader.header().capacity, "more waits than fits");
    for (size_t i = 0; i < count; ++i) {
      if (const auto client = batch[i].client_address())
        expect(!client->text().empty(), "an address without a text");
    }
    if (count > 0) ring.done(input_.below(static_cast<uint32_t>(count) + 1));
  }
  void go_on(RecordReader& reader) {
    const uint32_t ring = input_.below(layout_.rings);
    const uint32_t how = input_.below(8);
    if (how < 5) return read(reader, ring);
    if (how == 5) return jump(ring);
    const RecordPlaces at = RecordPlaces::of(layout_, records_.data(), tails_.data(), ring);
    if (how == 6) {  // as a worker would
      at.head->pushed.fetch_add(input_.below(static_cast<uint32_t>(layout_.capacity) + 1));
    } else {
      const Bytes noise = input_.bytes(sizeof(FlowRecord));
      std::ranges::copy(noise, reinterpret_cast<uint8_t*>(
                                   &at.records[input_.below(static_cast<uint32_t>(layout_.capacity))]));
    }
  }

  Input& input_;
  RecordLayout layout_;
  Memory records_;
  Memory tails_;
};

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  shunt::fuzz::Run(input).steps();
  return 0;
}
