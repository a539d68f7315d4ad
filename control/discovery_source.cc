#include "control/discovery_source.h"

#include "control/discovery_dns.h"
#include "control/discovery_etcd.h"
#include "control/discovery_file.h"
#include "control/discovery_kubernetes.h"

namespace shunt {

std::string discovery_text(const DiscoveryConfig& config) {
  switch (config.type) {
    case DiscoveryType::file:
      return "file " + config.path;
    case DiscoveryType::dns:
      switch (config.record) {
        case DnsRecords::srv:
          return "dns SRV " + config.name;
        case DnsRecords::a:
          return "dns A " + config.name;
        case DnsRecords::aaaa:
          return "dns AAAA " + config.name;
        case DnsRecords::addresses:
          break;
      }
      return "dns " + config.name;
    case DiscoveryType::etcd:
      return "etcd " + config.prefix;
    case DiscoveryType::kubernetes:
      break;
  }
  return "kubernetes " + config.name_space + "/" + config.service +
         (config.port_name.empty() ? "" : " port " + config.port_name);
}

std::unique_ptr<DiscoverySource> make_discovery_source(const boost::asio::any_io_executor& executor,
                                                       const DiscoveryConfig& config) {
  switch (config.type) {
    case DiscoveryType::file:
      return std::make_unique<FileDiscovery>(executor, config);
    case DiscoveryType::dns:
      return std::make_unique<DnsDiscovery>(executor, config);
    case DiscoveryType::etcd:
      return std::make_unique<EtcdDiscovery>(executor, config);
    case DiscoveryType::kubernetes:
      break;
  }
  return std::make_unique<KubernetesDiscovery>(executor, config);
}

}  // namespace shunt
