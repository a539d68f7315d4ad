// Edits: what was changed by API, laid over the configuration: weights and admin states of backends.
//
// Owner: the control thread; values. Each edit keeps what it replaced, and holds while the configuration
// still says that: another value there, or another server by that name, drops it. Bound: kMaxEdits; one edit
// for each backend and kind.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "control/config.h"

namespace shunt {

// As edits, the API and people name a backend: "web/web-1".
struct BackendName {
  std::string pool;
  std::string backend;

  // A name has no slash; nothing where there isn't exactly one, with text on both sides.
  static std::optional<BackendName> parse(std::string_view text);
  std::string text() const { return pool + "/" + backend; }
  auto operator<=>(const BackendName&) const = default;
};

enum class EditKind : uint8_t { weight, admin };

struct Edit {
  BackendName name;
  EditKind kind = EditKind::weight;
  uint16_t weight = 0;                     // of kind weight
  AdminState admin = AdminState::enabled;  // of kind admin
  uint16_t replaced_weight = 0;            // what the configuration said when the edit was made
  IpAddress address;                       // the server that was meant
  uint16_t port = 0;
  bool discovered = false;  // not in the file: it may be away for a while, and its edits wait
  std::string who;
  std::chrono::system_clock::time_point at;

  // "weight 5 instead of 1", "draining"
  std::string text() const;
};

struct EditKey {
  BackendName name;
  EditKind kind = EditKind::weight;
  auto operator<=>(const EditKey&) const = default;
};

inline constexpr size_t kMaxEdits = 10'000;
using Edits = std::map<EditKey, Edit>;

inline EditKey key_of(const Edit& edit) {
  return {edit.name, edit.kind};
}

const char* admin_text(AdminState state);  // enabled, draining, disabled
std::optional<AdminState> parse_admin(std::string_view text);

// An edit that doesn't hold any more, and why: for the event.
struct DroppedEdit {
  Edit edit;
  std::string why;
};

// Why the edit doesn't hold for this backend of the configuration (nullptr: there is none); nothing while it
// does.
std::optional<std::string> reason_to_drop(const Edit& edit, const BackendConfig* configured);

}  // namespace shunt
