#include "tests/tools/message.h"

#include <algorithm>
#include <cstring>

#include "common/byte_order.h"

namespace shunt {
namespace {

constexpr uint32_t kMagic = 0x53484e54;  // "SHNT"
constexpr uint16_t kQuestion = 1;
constexpr uint16_t kAnswer = 2;

constexpr size_t kSizeAt = 4;
constexpr size_t kKindAt = 6;
constexpr size_t kNonceAt = 8;
constexpr size_t kSequenceAt = 16;
constexpr size_t kSentAt = 24;
constexpr size_t kBackendAt = 32;

// splitmix64's finisher: every bit of the filling depends on every bit of what it stands for.
uint64_t filling_of(const Message& message) {
  uint64_t mixed =
      message.nonce + 0x9e3779b97f4a7c15U * message.sequence + 0xd1b54a32d192ed03U * message.sent_ns;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31U);
}

uint8_t filling_byte(uint64_t filling, size_t position) {
  return static_cast<uint8_t>(filling >> (8 * (position % 8)));
}

std::optional<Message> read_message(std::span<const uint8_t> frame, uint16_t kind) {
  if (frame.size() < kMinMessageBytes || frame_bytes(frame) != frame.size()) return {};
  if (load<be16>(frame.data() + kKindAt).host() != kind) return {};
  Message message{load<be64>(frame.data() + kNonceAt).host(),
                  load<be64>(frame.data() + kSequenceAt).host(),
                  load<be64>(frame.data() + kSentAt).host(),
                  {}};
  const auto* id = reinterpret_cast<const char*>(frame.data() + kBackendAt);
  message.backend = std::string_view(id, strnlen(id, kBackendIdBytes));
  const uint64_t filling = filling_of(message);
  for (size_t i = kMessageHeaderBytes; i < frame.size(); ++i) {
    if (frame[i] != filling_byte(filling, i)) return {};
  }
  return message;
}

}  // namespace

void write_question(std::span<uint8_t> frame, const Message& message) {
  std::fill_n(frame.begin(), kMessageHeaderBytes, uint8_t{0});
  store(frame.data(), be32(kMagic));
  store(frame.data() + kSizeAt, be16(static_cast<uint16_t>(frame.size())));
  store(frame.data() + kKindAt, be16(kQuestion));
  store(frame.data() + kNonceAt, be64(message.nonce));
  store(frame.data() + kSequenceAt, be64(message.sequence));
  store(frame.data() + kSentAt, be64(message.sent_ns));
  const uint64_t filling = filling_of(message);
  for (size_t i = kMessageHeaderBytes; i < frame.size(); ++i)
    frame[i] = filling_byte(filling, i);
}

std::optional<size_t> frame_bytes(std::span<const uint8_t> stream) {
  if (stream.size() < kKindAt) return 0;
  if (load<be32>(stream.data()).host() != kMagic) return {};
  const size_t size = load<be16>(stream.data() + kSizeAt).host();
  if (size < kMinMessageBytes || size > kMaxMessageBytes) return {};
  return size;
}

std::optional<Message> read_question(std::span<const uint8_t> frame) {
  auto message = read_message(frame, kQuestion);
  if (message && !message->backend.empty()) return {};
  return message;
}

std::optional<Message> read_answer(std::span<const uint8_t> frame) {
  auto message = read_message(frame, kAnswer);
  if (message && !is_backend_id(message->backend)) return {};
  return message;
}

void answer_in_place(std::span<uint8_t> frame, std::string_view backend) {
  store(frame.data() + kKindAt, be16(kAnswer));
  std::fill_n(frame.begin() + kBackendAt, kBackendIdBytes, uint8_t{0});
  std::memcpy(frame.data() + kBackendAt, backend.data(), std::min(backend.size(), kBackendIdBytes));
}

bool is_backend_id(std::string_view text) {
  return !text.empty() && text.size() <= kBackendIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace shunt
