// ApiStream: the body of an answer that is made while it is sent.
//
// Owner: the server's thread, which asks for the next part when the one before has gone.
#pragma once

#include <optional>
#include <string>

namespace shunt {

class ApiStream {
 public:
  ApiStream() = default;
  ApiStream(const ApiStream&) = delete;
  ApiStream& operator=(const ApiStream&) = delete;
  virtual ~ApiStream() = default;

  // What came since, perhaps nothing yet. Nothing at all: it is over.
  virtual std::optional<std::string> take() = 0;
  // Nobody reads it any more.
  virtual void end() = 0;
  // Of one that is over: whether something is missing. Then the connection is cut, so that the client sees
  // it.
  virtual bool is_cut() const { return false; }
};

}  // namespace shunt
