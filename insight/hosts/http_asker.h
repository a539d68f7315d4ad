// HttpAsker: GET http://ADDRESS:PORT/metrics, for HostScraper.
//
// Owner: the executor's thread. Bound: 4 MiB of an answer, kWhole_s for all of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "insight/hosts/host_scraper.h"

namespace shunt::insight {

// What HostScraper asks by. Each question has a connection of its own, and is answered once.
HostScraper::Ask http_asker(boost::asio::any_io_executor executor);

}  // namespace shunt::insight
