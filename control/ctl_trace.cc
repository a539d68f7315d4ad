#include "control/ctl_trace.h"

#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

std::string verdict(const Json& trace) {
  const std::string end = text(trace, "end");
  if (end == "sent" || end == "cut")
    return "goes to " + text_or_dash(trace, "pool") + "/" + text_or_dash(trace, "backend");
  if (end == "kernel") return "goes to the kernel";
  return "is dropped: " + text(trace.at("drop"), "reason");
}

}  // namespace

Result<> show_trace(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& trace) {
    const bool dropped = !trace.at("drop").is_null();
    const std::string what = text(trace, "packet") == "datagram" ? "The datagram "
                             : text(trace, "packet") == "syn"    ? "The SYN "
                                                                 : "The flow's next packet ";
    io.out << toned(printable(what + verdict(trace)), dropped ? Tone::bad : Tone::good, io.colour) << '\n';
    for (const Json& step : trace.at("steps"))
      io.out << "  " << printable(step.get<std::string>()) << '\n';
    if (!dropped) return;
    io.out << printable(text(trace.at("drop"), "reason")) << ": "
           << printable(text(trace.at("drop"), "meaning")) << '\n'
           << "  " << printable(text(trace.at("drop"), "remedy")) << '\n';
  });
}

}  // namespace shunt
