// NodeAsker: asks the API of one shuntd.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "common/result.h"

namespace shunt::insight {

class NodeAsker {
 public:
  virtual ~NodeAsker() = default;
  // The body of a 200; everything else is an error in words. One question at a time, and whoever waits for
  // the answer holds the asker.
  virtual boost::asio::awaitable<Result<std::string>> ask(std::string target) = 0;
  // Whoever waits gets an error soon.
  virtual void cancel() = 0;
};

}  // namespace shunt::insight
