// The message that shunt-probe sends and shunt-echo answers: the same frame over TCP (back to back) and UDP
// (one each).
//
// | magic 4 | frame bytes 2 | kind 2 | nonce 8 | sequence 8 | sent at, ns 8 | backend's id 24, zero padded |
// filling | Everything is big endian. The filling is a function of nonce, sequence and time, so damage to any
// of them is seen. The echo sets kind and id in place: an answer is as long as its question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace shunt {

constexpr size_t kMessageHeaderBytes = 56;
constexpr size_t kMinMessageBytes = 64;  // leaves 8 bytes of filling
constexpr size_t kMaxMessageBytes = 8192;
constexpr size_t kBackendIdBytes = 24;

struct Message {
  uint64_t nonce = 0;        // the connection's or flow's own number
  uint64_t sequence = 0;     // 0, 1, 2 … within it
  uint64_t sent_ns = 0;      // the probe's clock
  std::string_view backend;  // who answered; empty in a question. Points into the frame
};

// Fills the whole frame, kMinMessageBytes to kMaxMessageBytes long.
void write_question(std::span<uint8_t> frame, const Message& message);

// How long the frame is that starts here: 0 if that can't be told yet, nothing if no frame of ours starts
// here.
std::optional<size_t> frame_bytes(std::span<const uint8_t> stream);

// Exactly one frame; nothing if any byte of it is wrong.
std::optional<Message> read_question(std::span<const uint8_t> frame);
std::optional<Message> read_answer(std::span<const uint8_t> frame);

// Turns a question into its answer in place. `backend` is cut to kBackendIdBytes.
void answer_in_place(std::span<uint8_t> frame, std::string_view backend);

// 1 to kBackendIdBytes printable characters without blanks.
bool is_backend_id(std::string_view text);

}  // namespace shunt
