// HttpNodeActor: the NodeActor over shuntd's API.
//
// Owner: the thread of its io_context. Bound: a connection for each action, of kPatience at most. A node's
// file of its token is read for each action, as it may have changed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "http/http_url.h"
#include "insight/api/node_actor.h"

namespace shunt::insight {

struct NodeAddress {
  std::string name;
  HttpUrl api;
  std::string token_file;  // empty: no token
  std::string ca_file;
};

class HttpNodeActor : public NodeActor {
 public:
  HttpNodeActor(boost::asio::io_context& io, std::vector<NodeAddress> nodes)
      : io_(io), nodes_(std::move(nodes)) {}
  void act(const NodeAction& action, Done done) override;

 private:
  boost::asio::io_context& io_;
  std::vector<NodeAddress> nodes_;
};

// What shuntd's answer says: the generation of a change, the detail and errors of a problem.
NodeReply reply_of(unsigned status, const std::string& body);

}  // namespace shunt::insight
