#include "control/edits.h"

namespace shunt {
namespace {

std::string server(const IpAddress& address, uint16_t port) {
  return port == 0 ? address.text() : address.text() + " port " + std::to_string(port);
}

}  // namespace

std::optional<BackendName> BackendName::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return std::nullopt;
  if (text.find('/', slash + 1) != std::string_view::npos) return std::nullopt;
  return BackendName{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

std::string Edit::text() const {
  if (kind == EditKind::admin) return admin_text(admin);
  return "weight " + std::to_string(weight) + " instead of " + std::to_string(replaced_weight);
}

const char* admin_text(AdminState state) {
  switch (state) {
    case AdminState::draining:
      return "draining";
    case AdminState::disabled:
      return "disabled";
    case AdminState::enabled:
      break;
  }
  return "enabled";
}

std::optional<AdminState> parse_admin(std::string_view text) {
  for (const AdminState state : {AdminState::enabled, AdminState::draining, AdminState::disabled}) {
    if (text == admin_text(state)) return state;
  }
  return std::nullopt;
}

std::optional<std::string> reason_to_drop(const Edit& edit, const BackendConfig* configured) {
  if (configured == nullptr) {
    if (edit.discovered) return std::nullopt;
    return "the configuration has no such backend any more";
  }
  if (configured->address != edit.address || configured->port != edit.port) {
    return "it is another server now: " + server(configured->address, configured->port) + ", not " +
           server(edit.address, edit.port);
  }
  if (edit.kind != EditKind::weight || configured->weight == edit.replaced_weight) return std::nullopt;
  if (configured->weight == edit.weight) return "the configuration says the same now";
  return "the configuration says weight " + std::to_string(configured->weight) + " now, not " +
         std::to_string(edit.replaced_weight);
}

}  // namespace shunt
