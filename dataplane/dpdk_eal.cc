#include "dataplane/dpdk_eal.h"

#include <getopt.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>
#include <sys/types.h>

#include <cstdio>
#include <filesystem>

#include "dataplane/pci_binding.h"

namespace shunt {
namespace {

EalLog& log_sink() {
  static EalLog sink;
  return sink;
}

// The stream that rte_log writes to: one call is one message.
ssize_t write_log(void* /*cookie*/, const char* text, size_t size) {
  std::string_view line(text, size);
  while (!line.empty() && line.back() == '\n')
    line.remove_suffix(1);
  const int level = rte_log_cur_msg_loglevel();
  if (!line.empty() && log_sink()) log_sink()(level < 0 ? RTE_LOG_INFO : static_cast<uint32_t>(level), line);
  return static_cast<ssize_t>(size);
}

void redirect_log(EalLog log) {
  log_sink() = std::move(log);
  static FILE* const stream = fopencookie(nullptr, "w", {nullptr, write_log, nullptr, nullptr});
  if (stream == nullptr) return;  // then it goes on writing to stderr
  setvbuf(stream, nullptr, _IOLBF, BUFSIZ);
  rte_openlog_stream(stream);
}

std::vector<std::string> eal_arguments(const EalSettings& settings) {
  // No files that a kill would leave behind: --in-memory, which --no-huge excludes, or --no-shconf. Workers
  // are threads of ours, so EAL gets one lcore: this thread, which keeps off their CPUs.
  std::vector<std::string> arguments = {"shuntd", "--no-telemetry", "--file-prefix=" + settings.instance,
                                        settings.verbose ? "--log-level=*:info" : "--log-level=*:warning"};
  std::string cpus;
  for (const unsigned cpu : settings.control_cpus)
    cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
  arguments.push_back("--lcores=0@(" + cpus + ")");
  if (settings.hugepages) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.insert(arguments.end(),
                     {"--no-huge", "--no-shconf", "-m", std::to_string(settings.ordinary_mib)});
  }
  // Cards without an IOMMU (uio_pci_generic) are given physical addresses, which only hugepages have for
  // long: there EAL sees what the cards need.
  if (!settings.hugepages || settings.pci_addresses.empty()) arguments.emplace_back("--iova-mode=va");
  if (settings.pci_addresses.empty()) arguments.emplace_back("--no-pci");
  for (const std::string& address : settings.pci_addresses)
    arguments.insert(arguments.end(), {"-a", full_pci_address(address)});
  return arguments;
}

}  // namespace

Result<> start_eal(const EalSettings& settings, EalLog log) {
  redirect_log(std::move(log));
  std::vector<std::string> arguments = eal_arguments(settings);
  std::vector<char*> pointers;
  for (std::string& argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  optind = 1;  // rte_eal_init uses getopt, as CLI code may have before it
  if (rte_eal_init(static_cast<int>(arguments.size()), pointers.data()) < 0) {
    return Error{"DPDK", std::string("can't start: ") + rte_strerror(rte_errno)};
  }
  return Ok{};
}

void stop_eal() {
  const std::string folder = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  std::error_code ignored;  // EAL makes it even where it puts nothing in
  std::filesystem::remove_all(folder, ignored);
}

uint64_t eal_tsc_hz() {
  return rte_get_tsc_hz();
}

std::string eal_version() {
  const std::string_view version = rte_version();  // "DPDK 22.11.11"
  return std::string(version.substr(version.rfind(' ') + 1));
}

}  // namespace shunt
