// NodeApi: what the handlers of shuntd's API share.
//
// Owner: the control thread.
#pragma once

#include "control/api_figures.h"
#include "control/event_log.h"
#include "control/status.h"
#include "http/api_limits.h"
#include "http/api_route.h"

namespace shunt {

struct NodeApi {
  NodeApi(boost::asio::io_context& context, StatusSource& status, EventLog& log, const ApiLimits& limits)
      : io(context), source(status), events(log), figures(context, status, limits.figures) {}

  boost::asio::io_context& io;
  StatusSource& source;
  EventLog& events;
  FigureFeed figures;
  const ApiRouteTable* table = nullptr;  // set when the server has started
  bool simple_writes = false;
};

}  // namespace shunt
