#include "dataplane/pcap_replay.h"

#include <pcap/pcap.h>

#include <memory>
#include <string>

namespace shunt {
namespace {

struct Close {
  void operator()(pcap_t* file) const { pcap_close(file); }
};

uint32_t packets_in(const std::string& file_name) {
  char reason[PCAP_ERRBUF_SIZE];
  const std::unique_ptr<pcap_t, Close> file(pcap_open_offline(file_name.c_str(), reason));
  if (!file) return 0;
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  uint32_t packets = 0;
  while (pcap_next_ex(file.get(), &header, &bytes) == 1)
    ++packets;
  return packets;
}

}  // namespace

uint32_t replayed_packets(std::string_view device, unsigned queue) {
  constexpr std::string_view kReceiveFile = "rx_pcap=";
  if (!device.starts_with("vdev:net_pcap")) return 0;
  std::string file;
  bool again_and_again = false;
  unsigned files = 0;
  while (!device.empty()) {
    const std::string_view argument = device.substr(0, device.find(','));
    if (argument == "infinite_rx=1") again_and_again = true;
    if (argument.starts_with(kReceiveFile) && files++ == queue) file = argument.substr(kReceiveFile.size());
    device.remove_prefix(argument.size() == device.size() ? device.size() : argument.size() + 1);
  }
  return again_and_again && !file.empty() ? packets_in(file) : 0;
}

}  // namespace shunt
