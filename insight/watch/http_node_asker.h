// HttpNodeAsker: over HTTP, by a unix socket, TCP or TLS, with a token where there is one. The connection is
// kept between questions; after an error a new one is made, and the token's file read again.
//
// Owner: one coroutine at a time on the executor's thread. Bound: an answer of 32 MiB.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "http/http_client.h"
#include "http/http_url.h"
#include "insight/watch/node_asker.h"

namespace shunt::insight {

struct NodePlace {
  HttpUrl url;
  std::string token_file;  // empty: none
  std::string ca_file;     // empty: the system's authorities
};

class HttpNodeAsker : public NodeAsker {
 public:
  HttpNodeAsker(boost::asio::any_io_executor executor, NodePlace place);

  boost::asio::awaitable<Result<std::string>> ask(std::string target) override;
  void cancel() override;

 private:
  Result<Ok> prepare();

  boost::asio::any_io_executor executor_;
  NodePlace place_;
  std::string token_;
  std::shared_ptr<HttpExchange> exchange_;  // nothing: none yet, or the last one failed
};

}  // namespace shunt::insight
