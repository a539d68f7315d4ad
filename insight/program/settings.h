// The configuration in the words of the parts that it is for.
#pragma once

#include <vector>

#include "insight/api/http_node_actor.h"
#include "insight/api/insight_api.h"
#include "insight/config/insight_config.h"
#include "insight/findings/findings.h"
#include "insight/hosts/host_scraper.h"
#include "insight/warehouse/warehouse_writer.h"

namespace shunt::insight {

WriterSettings writer_settings(const WarehouseConfig& config);
FindingSettings finding_settings(const InsightConfig& config);
HostSettings host_settings(const HostsConfig& config);
InsightApiSettings api_settings(const InsightConfig& config);
std::vector<NodeAddress> node_addresses(const InsightConfig& config);

}  // namespace shunt::insight
