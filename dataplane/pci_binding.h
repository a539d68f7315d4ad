// What the kernel says about a PCI device that DPDK couldn't take, and what to do next.
//
// Owner: the control thread, at start. Cost: a few reads of sysfs.
#pragma once

#include <string>

namespace shunt {

inline constexpr const char* kPciDevices = "/sys/bus/pci/devices";

// "3B:00.0" → "0000:3b:00.0", as sysfs and DPDK write it.
std::string full_pci_address(const std::string& address);

// Why the device at this full address isn't DPDK's, with the command that changes it.
std::string why_not_usable(const std::string& address, const std::string& sysfs = kPciDevices);

}  // namespace shunt
