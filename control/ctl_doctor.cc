#include "control/ctl_doctor.h"

#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

Tone tone_of(const std::string& gravity) {
  if (gravity == "fault") return Tone::bad;
  return gravity == "warning" ? Tone::warning : Tone::plain;
}

}  // namespace

Result<> show_findings(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    const Json& findings = json.at("findings");
    if (findings.empty()) io.out << "Nothing found.\n";
    for (const Json& finding : findings) {
      const std::string gravity = text(finding, "gravity");
      io.out << toned(gravity, tone_of(gravity), io.colour) << "  " << printable(text(finding, "subject"))
             << "  (" << printable(text(finding, "name")) << ")\n"
             << "    " << printable(text(finding, "text")) << "\n"
             << "    do: " << printable(text(finding, "remedy")) << "\n";
    }
  });
}

}  // namespace shunt
