// ApiListener: a listening socket of the API, and the socket file that goes when it goes.
//
// A socket file that a killed shuntd left behind is replaced; one that somebody answers is not.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/result.h"
#include "http/api_address.h"

namespace shunt {

class ApiListener {
 public:
  static Result<ApiListener> open(const ApiAddress& address);

  ApiListener(ApiListener&& other) noexcept;
  ApiListener& operator=(ApiListener&& other) noexcept;
  ~ApiListener();

  // As bound: with the port that the kernel picked.
  const ApiAddress& address() const { return address_; }
  int family() const;
  // Gives the descriptor away; the socket file stays this object's.
  int release();
  // Removes the socket file, unless another one has taken its place.
  void remove_file();

 private:
  ApiListener() = default;
  Result<> bind_unix();
  Result<> bind_tcp();

  ApiAddress address_;
  int fd_ = -1;
  bool owns_file_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace shunt
