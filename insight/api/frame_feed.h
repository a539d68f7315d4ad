// FrameFeed: the second's frame, made once for everybody who is told it.
//
// Owner: the server's thread. Bound: the server's viewers; nothing is queued for one: whoever is slow gets
// the newest when it is ready for it. Cost: a frame a second while somebody watches, none otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "http/api_feed.h"

namespace shunt::insight {

class FrameFeed {
 public:
  explicit FrameFeed(std::function<std::string()> make) : make_(std::move(make)) {}

  void publish();  // what was made is old now; wakes viewers
  std::shared_ptr<const std::string> latest();
  // Begins with the frame that is there. The feed has to live as long.
  std::unique_ptr<ApiFeedCursor> watch(std::function<void()> wake);
  size_t viewers() const { return cursors_.size(); }

 private:
  class Cursor;
  std::function<std::string()> make_;
  std::shared_ptr<const std::string> frame_;
  uint64_t number_ = 1;
  std::set<Cursor*> cursors_;
};

}  // namespace shunt::insight
