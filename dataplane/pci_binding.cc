#include "dataplane/pci_binding.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace shunt {
namespace {

namespace fs = std::filesystem;

std::string bind_command(const std::string& address) {
  return "dpdk-devbind.py --bind=vfio-pci " + address;
}

// "8086:10d3", as lspci -n writes it.
std::string vendor_and_device(const fs::path& folder) {
  std::string ids;
  for (const char* name : {"vendor", "device"}) {
    std::string id;
    std::ifstream(folder / name) >> id;  // 0x8086
    ids += (ids.empty() ? "" : ":") + (id.starts_with("0x") ? id.substr(2) : id);
  }
  return ids;
}

}  // namespace

std::string full_pci_address(const std::string& address) {
  std::string full = std::count(address.begin(), address.end(), ':') == 1 ? "0000:" + address : address;
  std::ranges::transform(full, full.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return full;
}

std::string why_not_usable(const std::string& address, const std::string& sysfs) {
  const fs::path folder = fs::path(sysfs) / address;
  std::error_code none;
  if (!fs::exists(folder, none)) return "there is no PCI device at this address: lspci -D lists them";
  const std::string driver = fs::read_symlink(folder / "driver", none).filename();
  const bool is_uio = driver == "uio_pci_generic" || driver == "igb_uio";
  if (is_uio || driver == "vfio-pci") {
    return "it is bound to " + driver +
           ", but DPDK can't take it: another process has it, this build has no driver for " +
           vendor_and_device(folder) + ", or " +
           (is_uio ? "memory isn't hugepages, which " + driver + " needs"
                   : "a device of its IOMMU group still has a kernel driver");
  }
  const std::string holder =
      driver.empty() ? "it isn't bound to vfio-pci" : "the kernel's driver " + driver + " has it";
  if (!fs::exists(folder / "iommu_group", none)) {
    return holder +
           ", and vfio-pci needs an IOMMU: switch it on in the firmware (VT-d, AMD-Vi) and by the kernel "
           "option " +
           "intel_iommu=on, then " + bind_command(address) +
           "; without one, bind uio_pci_generic and use hugepages";
  }
  return holder + ": " + bind_command(address) + (driver.empty() ? "" : " (its kernel interface goes away)");
}

}  // namespace shunt
