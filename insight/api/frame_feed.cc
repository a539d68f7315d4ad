#include "insight/api/frame_feed.h"

namespace shunt::insight {

class FrameFeed::Cursor : public ApiFeedCursor {
 public:
  Cursor(FrameFeed& feed, std::function<void()> wake) : feed_(feed), wake_(std::move(wake)) {
    feed_.cursors_.insert(this);
  }
  ~Cursor() override { feed_.cursors_.erase(this); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  std::shared_ptr<const std::string> next() override {
    if (seen_ == feed_.number_) return nullptr;
    seen_ = feed_.number_;
    return feed_.latest();
  }
  void wake() const { wake_(); }

 private:
  FrameFeed& feed_;
  std::function<void()> wake_;
  uint64_t seen_ = 0;
};

void FrameFeed::publish() {
  ++number_;
  frame_.reset();
  for (const Cursor* cursor : cursors_)
    cursor->wake();
}

std::shared_ptr<const std::string> FrameFeed::latest() {
  if (!frame_) frame_ = std::make_shared<const std::string>(make_());
  return frame_;
}

std::unique_ptr<ApiFeedCursor> FrameFeed::watch(std::function<void()> wake) {
  return std::make_unique<Cursor>(*this, std::move(wake));
}

}  // namespace shunt::insight
