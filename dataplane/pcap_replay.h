// What a replayed file needs: DPDK's pcap driver with `infinite_rx=1` keeps every packet of its file in a
// buffer of the queue's pool for as long as it runs, and copies from there.
#pragma once

#include <cstdint>
#include <string_view>

namespace shunt {

// Packets of the file that `device` ("vdev:net_pcap0,rx_pcap=FILE,infinite_rx=1", one rx_pcap per queue)
// plays to this queue again and again; 0 for anything else, and for a file that can't be read (opening the
// device says so). Reads the file.
uint32_t replayed_packets(std::string_view device, unsigned queue);

}  // namespace shunt
