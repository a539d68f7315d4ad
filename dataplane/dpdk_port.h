// DpdkPort: one device, from its name in the configuration to queues that are polled.
//
// Owner: the control thread; workers only poll the queues. Bound: descriptors and buffers are fixed at start.
// Opening never waits for a link.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"

struct rte_mempool;

namespace shunt {

struct PortRequest {
  std::string name;    // in the configuration
  std::string device;  // PCI address | tap:NAME | vdev:DEVARGS
  uint16_t index = 0;
  uint16_t mtu = 1500;
  bool has_mac = false;
  MacAddress mac;  // where has_mac
};

struct PortDriverCounts {
  uint64_t received_packets = 0;
  uint64_t received_bytes = 0;
  uint64_t sent_packets = 0;
  uint64_t sent_bytes = 0;
  uint64_t missed = 0;  // came when no worker had room
  uint64_t errors = 0;
  bool link_up = false;
};

class DpdkPort {
 public:
  // `pools`: one per worker; queue i is worker i's.
  static Result<DpdkPort> open(const PortRequest& request, const std::vector<rte_mempool*>& pools);

  uint16_t device_id() const { return device_id_; }
  const MacAddress& mac() const { return mac_; }
  const std::string& driver() const { return driver_; }
  // A flow's packets come to one queue, other flows' to others; true too where there is one queue.
  bool spreads_flows() const { return spreads_flows_; }
  PortDriverCounts counts() const;
  void close();

 private:
  uint16_t device_id_ = 0;
  MacAddress mac_;
  std::string driver_;
  bool spreads_flows_ = true;
};

inline constexpr uint16_t kReceiveDescriptors = 1024;
inline constexpr uint16_t kTransmitDescriptors = 1024;

// Buffers for one worker: all its descriptors, its transmit buffers and bursts on `ports` ports.
uint32_t buffers_for(unsigned ports);
// Bytes of memory that one buffer takes for frames of this MTU.
uint32_t buffer_bytes(uint16_t mtu);
Result<rte_mempool*> make_buffer_pool(unsigned worker, uint32_t buffers, uint16_t mtu);

// "tap:lb0" → "lb0"; empty for other devices.
std::string tap_interface(const std::string& device);
bool is_pci_address(const std::string& device);

}  // namespace shunt
