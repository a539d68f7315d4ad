// A configuration file, whatever its text: either a Config or errors, every diagnostic inside the file; and a
// Config that is accepted compiles into a snapshot, with whatever the kernel and the health checks say, and
// is reloaded over another one and away again.
#include <algorithm>
#include <string>

#include "control/compiler.h"
#include "control/config_load.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/world.h"

namespace shunt::fuzz {
namespace {

constexpr uint32_t kMostSlots = 1021;  // larger tables take a second each
constexpr uint64_t kSecondNs = 1'000'000'000;

// Lines and columns as an editor counts them.
bool is_inside(std::string_view text, SourcePosition position) {
  for (uint32_t line = 1; line < position.line; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  const size_t length = std::min(text.find('\n'), text.size());
  return position.line >= 1 && position.column >= 1 && position.column <= length + 1;
}

void check_diagnostics(std::string_view text, const std::vector<Diagnostic>& list) {
  for (const Diagnostic& one : list) {
    if (!is_inside(text, one.position)) fail("a diagnostic outside its file: " + one.text());
    if (one.message.empty()) fail("a diagnostic without words: " + one.text());
  }
}

std::vector<PortRuntime> ports_of(const Config& config) {
  std::vector<PortRuntime> ports;
  const MacAddress mac = packet::mac(packet::kPort0Mac);
  for (const PortConfig& port : config.ports)
    ports.push_back({port.mac.value_or(mac), mac, !port.host_interface.empty()});
  return ports;
}

KernelView kernel_of(const Config& config) {
  KernelView view = rich_kernel();
  const auto is_elsewhere = [&](const auto& row) { return row.port >= config.ports.size(); };
  std::erase_if(view.routes, is_elsewhere);
  std::erase_if(view.neighbours, is_elsewhere);
  return view;
}

void apply(Compiler& compiler, const Config& config) {
  if (!compiler.set_config(config, kSecondNs)) return;  // a limit of the registry, which says so
  const auto first = compiler.compile(kSecondNs);
  for (const PoolConfig& pool : config.pools) {
    for (const BackendConfig& backend : pool.backends)
      compiler.set_health(pool.name, backend.name, false);
  }
  const auto second = compiler.compile(2 * kSecondNs);
  expect(second->ports.size() == config.ports.size(), "a snapshot with other ports");
  expect(second->generation > first->generation, "a snapshot that isn't a later one");
}

// Before the kernel has said anything, after that, and as a reload. Ports stay what they are at start.
void compile(const Config& config) {
  Compiler compiler(HashKey{{1, 2, 3, 4}});
  compiler.set_ports(ports_of(config));
  apply(compiler, config);
  compiler.set_kernel(kernel_of(config));
  apply(compiler, config);
  Config other = rich_config(2);
  other.ports = config.ports;
  apply(compiler, other);
  apply(compiler, config);
}

void run(std::string_view text) {
  LoadResult result = load_config(text, "shunt.toml");
  expect(result.config.has_value() == result.errors.empty(), "neither a configuration nor errors, or both");
  check_diagnostics(text, result.errors);
  check_diagnostics(text, result.warnings);
  if (!result.config) return;
  for (PoolConfig& pool : result.config->pools)
    pool.slots = std::max(std::min(pool.slots, kMostSlots), static_cast<uint32_t>(pool.backends.size()));
  compile(*result.config);
}

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
