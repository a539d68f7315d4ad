// What stands in the head of every answer, whole or in chunks.
#pragma once

#include <boost/beast/http/message.hpp>

#include "http/api_context.h"
#include "http/api_message.h"

namespace shunt {

template <typename Body>
void set_head(boost::beast::http::response<Body>& response, const ApiContext& context,
              const ApiResponse& answer) {
  using boost::beast::http::field;
  response.result(answer.status);
  response.set(field::server, context.host.identity.program);
  response.set(field::content_type, answer.content_type);
  response.set(field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.fields)
    response.set(name, value);
}

}  // namespace shunt
