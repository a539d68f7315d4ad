#include "dataplane/dpdk_port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "dataplane/burst.h"
#include "dataplane/pci_binding.h"
#include "dataplane/transmit.h"

namespace shunt {
namespace {

constexpr uint16_t kMaxTagsAndHeader = kEtherHeaderBytes + 2 * kVlanTagBytes;
constexpr unsigned kPoolCache = 256;
// Receivers of the e1000 and ixgbe families are told a buffer's room in whole KiB, rounded down: with less
// than the frame's it would come in pieces.
constexpr uint32_t kRoomUnit = 1024;

struct DeviceName {
  std::string name;       // as the ethdev will be called
  std::string arguments;  // what probes it
};

DeviceName device_name(const PortRequest& request) {
  if (const std::string interface = tap_interface(request.device); !interface.empty()) {
    const std::string name = "net_tap" + std::to_string(request.index);
    std::string arguments = name + ",iface=" + interface;
    if (request.has_mac) arguments += ",mac=" + request.mac.text();
    return {name, arguments};
  }
  if (request.device.starts_with("vdev:")) {
    const std::string arguments = request.device.substr(5);
    return {arguments.substr(0, arguments.find(',')), arguments};
  }
  const std::string address = full_pci_address(request.device);
  return {address, address};
}

Error refused(const PortRequest& request, const std::string& what) {
  return Error{"port \"" + request.name + "\" (" + request.device + ")", what};
}

Error failed(const PortRequest& request, const std::string& what, int code) {
  return refused(request, what + ": " + rte_strerror(std::abs(code)));
}

// virtio alone drops every tagged frame until it is told which VLANs to let in.
bool filters_vlans(const rte_eth_dev_info& info) {
  return std::string_view(info.driver_name) == "net_virtio" &&
         (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
}

void let_all_vlans_in(uint16_t id) {
  constexpr uint16_t kVlans = 4096;
  for (uint16_t vlan = 0; vlan < kVlans; ++vlan) {
    if (rte_eth_dev_vlan_filter(id, vlan, 1) != 0) return;
  }
}

rte_eth_conf port_settings(const rte_eth_dev_info& info, size_t workers) {
  rte_eth_conf settings{};
  if (filters_vlans(info)) settings.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
  if (workers < 2) return settings;
  settings.rx_adv_conf.rss_conf.rss_hf =
      (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads;
  if (settings.rx_adv_conf.rss_conf.rss_hf != 0) settings.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  return settings;
}

// (A tap's kernel spreads by itself.)
bool spreads(const PortRequest& request, const rte_eth_conf& settings, size_t workers) {
  return workers < 2 || !is_pci_address(request.device) || settings.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS;
}

void warn_without_rss(const PortRequest& request, const rte_eth_conf& settings, size_t workers) {
  if (spreads(request, settings, workers)) return;
  rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_USER1,
          "port \"%s\" (%s): it has no RSS, so the first worker may get all of its packets\n",
          request.name.c_str(), request.device.c_str());
}

Result<> set_up_queues(const PortRequest& request, uint16_t id, const std::vector<rte_mempool*>& pools) {
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(id, &info); code != 0)
    return failed(request, "no device information", code);
  const auto queues = static_cast<uint16_t>(pools.size());
  if (queues > info.max_rx_queues || queues > info.max_tx_queues) {
    return refused(request, "has " + std::to_string(std::min(info.max_rx_queues, info.max_tx_queues)) +
                                " queues for " + std::to_string(queues) +
                                " workers: give [dataplane] workers fewer CPUs, or the device more queues");
  }
  if (request.mtu > info.max_mtu) {
    return refused(request, "takes an mtu of at most " + std::to_string(info.max_mtu) + ", not " +
                                std::to_string(request.mtu));
  }
  const rte_eth_conf settings = port_settings(info, pools.size());
  warn_without_rss(request, settings, pools.size());
  if (const int code = rte_eth_dev_configure(id, queues, queues, &settings); code != 0) {
    return failed(request, "can't be configured", code);
  }
  if (request.mtu != RTE_ETHER_MTU) {
    const int code = rte_eth_dev_set_mtu(id, request.mtu);
    if (code == -EINVAL) {  // taps: DPDK's driver has no more
      return refused(request, "takes frames of at most " + std::to_string(info.max_rx_pktlen) +
                                  " bytes, too few for an mtu of " + std::to_string(request.mtu));
    }
    if (code != 0 && code != -ENOTSUP) {
      return failed(request, "mtu " + std::to_string(request.mtu), code);
    }
  }
  uint16_t receive = kReceiveDescriptors;
  uint16_t transmit = kTransmitDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id, &receive, &transmit);
  const auto socket = static_cast<unsigned>(std::max(0, rte_eth_dev_socket_id(id)));
  for (uint16_t queue = 0; queue < queues; ++queue) {
    int code = rte_eth_rx_queue_setup(id, queue, receive, socket, nullptr, pools[queue]);
    if (code == 0) code = rte_eth_tx_queue_setup(id, queue, transmit, socket, nullptr);
    if (code != 0) return failed(request, "queue " + std::to_string(queue), code);
  }
  return Ok{};
}

}  // namespace

uint32_t buffers_for(unsigned ports) {
  return ports * (kReceiveDescriptors + kTransmitDescriptors + kTransmitBuffer) + 4 * kBurstSize +
         2 * kPoolCache;
}

uint32_t buffer_bytes(uint16_t mtu) {
  const uint32_t frame = kMaxTagsAndHeader + std::max<uint32_t>(mtu, RTE_ETHER_MTU);
  return RTE_PKTMBUF_HEADROOM + (frame + kRoomUnit - 1) / kRoomUnit * kRoomUnit;
}

Result<rte_mempool*> make_buffer_pool(unsigned worker, uint32_t buffers, uint16_t mtu) {
  static_assert(RTE_PKTMBUF_HEADROOM >= kHeadroomBytes);
  const std::string name = "worker" + std::to_string(worker);
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), buffers, kPoolCache, 0,
                                              static_cast<uint16_t>(buffer_bytes(mtu)), SOCKET_ID_ANY);
  if (pool == nullptr) {
    return Error{"worker " + std::to_string(worker), std::to_string(buffers) + " packet buffers of " +
                                                         std::to_string(buffer_bytes(mtu)) +
                                                         " bytes: " + rte_strerror(rte_errno)};
  }
  return pool;
}

std::string tap_interface(const std::string& device) {
  return device.starts_with("tap:") ? device.substr(4) : "";
}

bool is_pci_address(const std::string& device) {
  return !device.starts_with("tap:") && !device.starts_with("vdev:");
}

Result<DpdkPort> DpdkPort::open(const PortRequest& request, const std::vector<rte_mempool*>& pools) {
  const DeviceName device = device_name(request);
  DpdkPort port;
  // PCI devices were probed with the bus, when EAL started.
  if (!is_pci_address(request.device)) {
    if (const int code = rte_dev_probe(device.arguments.c_str()); code != 0)
      return failed(request, "can't be opened", code);
  }
  if (const int code = rte_eth_dev_get_port_by_name(device.name.c_str(), &port.device_id_); code != 0) {
    if (is_pci_address(request.device)) return refused(request, why_not_usable(device.name));
    return failed(request, "no such device", code);
  }
  const uint16_t id = port.device_id_;
  if (auto queues = set_up_queues(request, id, pools); !queues) return queues.error();
  if (request.has_mac) {
    rte_ether_addr address;
    std::memcpy(address.addr_bytes, request.mac.bytes.data(), sizeof address.addr_bytes);
    rte_ether_addr current;
    rte_eth_macaddr_get(id, &current);
    if (rte_is_same_ether_addr(&address, &current) == 0) rte_eth_dev_default_mac_addr_set(id, &address);
    port.mac_ = request.mac;
  }
  if (const int code = rte_eth_dev_start(id); code != 0) return failed(request, "can't be started", code);
  if (!request.has_mac) {
    rte_ether_addr address;
    rte_eth_macaddr_get(id, &address);
    std::memcpy(port.mac_.bytes.data(), address.addr_bytes, sizeof address.addr_bytes);
  }
  rte_eth_allmulticast_enable(id);  // best effort: devices without a filter hand everything over anyway
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(id, &info); code != 0)
    return failed(request, "no device information", code);
  port.driver_ = info.driver_name;
  port.spreads_flows_ = spreads(request, port_settings(info, pools.size()), pools.size());
  if (filters_vlans(info)) let_all_vlans_in(id);
  return port;
}

PortDriverCounts DpdkPort::counts() const {
  PortDriverCounts counts;
  rte_eth_stats stats{};
  if (rte_eth_stats_get(device_id_, &stats) == 0) {
    counts.received_packets = stats.ipackets;
    counts.received_bytes = stats.ibytes;
    counts.sent_packets = stats.opackets;
    counts.sent_bytes = stats.obytes;
    counts.missed = stats.imissed + stats.rx_nombuf;
    counts.errors = stats.ierrors + stats.oerrors;
  }
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(device_id_, &link) == 0) counts.link_up = link.link_status == RTE_ETH_LINK_UP;
  return counts;
}

void DpdkPort::close() {
  rte_eth_dev_stop(device_id_);
  rte_eth_dev_close(device_id_);
}

}  // namespace shunt
