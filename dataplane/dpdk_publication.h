// Publication: how a snapshot reaches its readers, and how the one before is freed when nobody reads it any
// more.
//
// One writer (the control thread), a fixed number of readers (workers, punt thread). publish() never waits:
// it swaps a pointer; reclaim(), called now and then, frees what every reader has left behind (RCU by
// quiescent states, rte_rcu_qsbr). Cost for a reader: one load per loop, one store when it is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "dataplane/snapshot.h"

struct rte_rcu_qsbr;

namespace shunt {

// How far a publication has come.
enum class PublicationStep : uint8_t {
  made,     // nobody sees it yet
  visible,  // readers may hold the old one or this one
  retired,  // the old one waits for its readers
  passed,   // nobody holds it any more
  freed
};

class Publication {
 public:
  // Called on the writer's thread after each step; it may take its time, readers go on.
  using Watcher = std::function<void(PublicationStep)>;

  explicit Publication(unsigned readers, Watcher watcher = {});
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  // Reader `id`, from its own thread: between online and offline it may use what current() gave until
  // quiescent().
  void online(unsigned id);
  void quiescent(unsigned id);
  void offline(unsigned id);
  const Snapshot* current() const { return current_.load(std::memory_order_acquire); }

  // Writer.
  void publish(std::unique_ptr<const Snapshot> snapshot);
  // Frees what no reader can see; how many older snapshots are still waiting.
  size_t reclaim();

 private:
  struct Retired {
    std::unique_ptr<const Snapshot> snapshot;
    uint64_t token;
  };
  void reached(PublicationStep step) const {
    if (watcher_) watcher_(step);
  }
  struct FreeQsbr {
    void operator()(rte_rcu_qsbr* qsbr) const;
  };

  std::unique_ptr<rte_rcu_qsbr, FreeQsbr> qsbr_;
  std::unique_ptr<const Snapshot> owned_;
  std::atomic<const Snapshot*> current_ = nullptr;
  std::deque<Retired> retired_;
  Watcher watcher_;
};

}  // namespace shunt
