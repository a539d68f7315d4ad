// RecentFailures: which client failed at which service in the last 10 s, so that its next attempt is known
// for one.
//
// All workers write and read it: a client's next port may belong to another one. An entry is one word and
// every access is one relaxed load or store; two workers that write a line at once may lose one of the two
// entries, which costs a count. Bound: fixed; a line of eight entries that are all young loses its oldest.
// Cost: `newest_` says when there is nothing to ask; else one line.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace shunt {

inline constexpr uint32_t kReconnectMs = 10'000;

class RecentFailures {
 public:
  struct Failure {
    uint32_t ago_ms = 0;
    uint8_t attempts = 0;  // in a row, at least 1
  };

  // A power of two of entries.
  explicit RecentFailures(size_t entries = 32'768)
      : lines_(std::make_unique<Line[]>(entries / kPerLine)), mask_(entries / kPerLine - 1) {}

  // `who`: a keyed hash of the client. `attempts` of them failed in a row, the last one now.
  void note(uint64_t who, uint16_t service, uint8_t attempts, uint32_t now_ms) {
    Line& line = line_of(who);
    const uint64_t tag = tag_of(who, service);
    std::atomic<uint64_t>* place = find(line, tag);
    if (place == nullptr) place = &oldest(line, now_ms);
    place->store(word_of(tag, attempts, now_ms), std::memory_order_relaxed);
    newest_ms_.store(now_ms, std::memory_order_relaxed);
    any_.store(true, std::memory_order_relaxed);
  }
  // Nothing: none in the last 10 s.
  std::optional<Failure> find(uint64_t who, uint16_t service, uint32_t now_ms) const {
    if (!any_recent(now_ms)) [[likely]]
      return {};
    const std::atomic<uint64_t>* place = find(line_of(who), tag_of(who, service));
    if (place == nullptr) return {};
    const uint64_t word = place->load(std::memory_order_relaxed);
    const uint32_t ago = ago_ms(word, now_ms);
    if (word == 0 || ago > kReconnectMs) return {};
    return Failure{ago, attempts_of(word)};
  }
  // The client got through.
  void forget(uint64_t who, uint16_t service) {
    std::atomic<uint64_t>* place = find(line_of(who), tag_of(who, service));
    if (place != nullptr) place->store(0, std::memory_order_relaxed);
  }
  // The service is gone, and its id will be another one's: nobody notes failures of it any more.
  void forget_service(uint16_t service) {
    for (size_t line = 0; line < lines(); ++line) {
      for (std::atomic<uint64_t>& place : lines_[line].places) {
        uint64_t word = place.load(std::memory_order_relaxed);
        if (word != 0 && service_of(word) == service)
          place.compare_exchange_strong(word, 0, std::memory_order_relaxed);
      }
    }
  }
  // True: a failure was noted in the last 10 s.
  bool any_recent(uint32_t now_ms) const {
    return any_.load(std::memory_order_relaxed) &&
           now_ms - newest_ms_.load(std::memory_order_relaxed) <= kReconnectMs;
  }
  // Gives up those older than 10 s in the next `count` lines: one caller, who tells `gave_up(service,
  // attempts)` of them. All lines within 4 minutes, or an old failure is taken for a young one.
  template <typename Tell>
  void sweep(size_t count, uint32_t now_ms, Tell&& gave_up) {
    for (; count > 0; --count, position_ = (position_ + 1) & mask_) {
      for (std::atomic<uint64_t>& place : lines_[position_].places) {
        uint64_t word = place.load(std::memory_order_relaxed);
        if (word == 0 || ago_ms(word, now_ms) <= kReconnectMs) continue;
        if (place.compare_exchange_strong(word, 0, std::memory_order_relaxed))
          gave_up(service_of(word), attempts_of(word));
      }
    }
  }
  size_t lines() const { return mask_ + 1; }

 private:
  static constexpr size_t kPerLine = 8;
  // A word: service (14 bits), client (24 bits, beside those that choose the line), attempts (8),
  // milliseconds (18 bits: 262 s).
  static constexpr unsigned kMsBits = 18;
  static constexpr uint64_t kMsMask = (1U << kMsBits) - 1;
  static constexpr unsigned kTagShift = kMsBits + 8;
  static constexpr unsigned kClientBits = 24;

  struct alignas(64) Line {
    std::array<std::atomic<uint64_t>, kPerLine> places{};
  };

  static uint64_t word_of(uint64_t tag, uint8_t attempts, uint32_t now_ms) {
    return tag << kTagShift | uint64_t{attempts} << kMsBits | (now_ms & kMsMask);
  }
  static uint64_t tag_of(uint64_t who, uint16_t service) {
    return uint64_t{service} << kClientBits | who >> (64 - kClientBits);
  }
  static uint16_t service_of(uint64_t word) {
    return static_cast<uint16_t>(word >> (kTagShift + kClientBits));
  }
  static uint8_t attempts_of(uint64_t word) { return static_cast<uint8_t>(word >> kMsBits); }
  static uint32_t ago_ms(uint64_t word, uint32_t now_ms) {
    return static_cast<uint32_t>((now_ms - word) & kMsMask);
  }
  Line& line_of(uint64_t who) const { return lines_[who & mask_]; }
  static std::atomic<uint64_t>* find(Line& line, uint64_t tag) {
    for (std::atomic<uint64_t>& place : line.places) {
      const uint64_t word = place.load(std::memory_order_relaxed);
      if (word >> kTagShift == tag) return &place;
    }
    return nullptr;
  }
  static std::atomic<uint64_t>& oldest(Line& line, uint32_t now_ms) {
    std::atomic<uint64_t>* oldest = &line.places[0];
    uint32_t longest = 0;
    for (std::atomic<uint64_t>& place : line.places) {
      const uint64_t word = place.load(std::memory_order_relaxed);
      if (word == 0) return place;
      if (ago_ms(word, now_ms) < longest) continue;
      longest = ago_ms(word, now_ms);
      oldest = &place;
    }
    return *oldest;
  }

  std::unique_ptr<Line[]> lines_;
  size_t mask_;
  size_t position_ = 0;  // the sweep's
  alignas(64) std::atomic<uint32_t> newest_ms_ = 0;
  std::atomic<bool> any_ = false;
};

}  // namespace shunt
