// ApiContext: what the server's connections share. Control thread only; coroutines keep it alive.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>
#include <string>

#include "control/api_audit.h"
#include "control/api_auth.h"
#include "control/api_figures.h"
#include "control/api_limits.h"
#include "control/api_route.h"
#include "control/event_log.h"
#include "control/status.h"

namespace boost::asio::ssl {
class context;
}

namespace shunt {

class ApiTransport;

struct ApiContext {
  ApiContext(boost::asio::io_context& context, StatusSource& status, EventLog& log, const ApiLimits& bounds)
      : io(context),
        source(status),
        events(log),
        limits(bounds),
        auth(context),
        peers(bounds),
        figures(context, status, bounds.figures) {}

  boost::asio::io_context& io;
  StatusSource& source;
  EventLog& events;
  const ApiLimits limits;
  ApiRouteTable table;
  ApiAuth auth;
  ApiAudit audit;
  PeerLimits peers;
  FigureFeed figures;
  std::shared_ptr<boost::asio::ssl::context> tls;  // nullptr: TCP is plain
  std::set<ApiTransport*> transports;              // that stop() closes
  size_t tcp_connections = 0;
  size_t unix_connections = 0;
  size_t viewers = 0;
  bool stopped = false;
};

}  // namespace shunt
