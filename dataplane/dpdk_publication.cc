#include <rte_rcu_qsbr.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "dataplane/dpdk_publication.h"

namespace shunt {

void Publication::FreeQsbr::operator()(rte_rcu_qsbr* qsbr) const {
  std::free(qsbr);
}

Publication::Publication(unsigned readers, Watcher watcher) : watcher_(std::move(watcher)) {
  const size_t bytes = rte_rcu_qsbr_get_memsize(readers);
  qsbr_.reset(
      static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(bytes))));
  if (!qsbr_ || rte_rcu_qsbr_init(qsbr_.get(), readers) != 0) throw std::bad_alloc();
  for (unsigned id = 0; id < readers; ++id)
    rte_rcu_qsbr_thread_register(qsbr_.get(), id);
}

Publication::~Publication() = default;

void Publication::online(unsigned id) {
  rte_rcu_qsbr_thread_online(qsbr_.get(), id);
}
void Publication::quiescent(unsigned id) {
  rte_rcu_qsbr_quiescent(qsbr_.get(), id);
}
void Publication::offline(unsigned id) {
  rte_rcu_qsbr_thread_offline(qsbr_.get(), id);
}

void Publication::publish(std::unique_ptr<const Snapshot> snapshot) {
  reached(PublicationStep::made);
  current_.store(snapshot.get(), std::memory_order_release);
  reached(PublicationStep::visible);
  owned_.swap(snapshot);
  if (snapshot) retired_.push_back({std::move(snapshot), rte_rcu_qsbr_start(qsbr_.get())});
  reached(PublicationStep::retired);
}

size_t Publication::reclaim() {
  while (!retired_.empty() && rte_rcu_qsbr_check(qsbr_.get(), retired_.front().token, false) == 1) {
    reached(PublicationStep::passed);
    retired_.pop_front();
    reached(PublicationStep::freed);
  }
  return retired_.size();
}

}  // namespace shunt
