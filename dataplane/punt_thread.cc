#include "dataplane/punt_thread.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "dataplane/arp.h"
#include "dataplane/neighbour_discovery.h"

namespace shunt {
namespace {

constexpr size_t kLargestFrame = 65'536;
constexpr unsigned kBatch = 64;  // frames from one source before the next one has its turn

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

bool answers_for(const Snapshot& snapshot, const IpAddress& address, uint8_t port) {
  return std::ranges::any_of(snapshot.announced, [&](const AnnouncedVip& announced) {
    return (announced.ports >> port & 1U) != 0 && announced.vip.contains(address);
  });
}

}  // namespace

PuntThread::PuntThread(Settings settings) : settings_(std::move(settings)), buffer_(kLargestFrame) {}

PuntThread::~PuntThread() {
  stop();
}

void PuntThread::start() {
  thread_ = std::thread([this] { loop(); });
}

void PuntThread::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void PuntThread::loop() {
  pthread_setname_np(pthread_self(), "shunt-punt");
  prctl(PR_SET_TIMERSLACK, 1);
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (!run_once(monotonic_ns())) wait();
  }
  run_once(monotonic_ns());  // what the workers handed over before they ended
}

bool PuntThread::run_once(uint64_t now_ns) {
  const Snapshot* snapshot = settings_.snapshot();
  bool busy = false;
  if (snapshot != nullptr) {
    for (PuntRings* rings : settings_.from_workers) {
      busy |= drain(rings->urgent, *snapshot);
      busy |= drain(rings->rest, *snapshot);
    }
    for (size_t port = 0; port < settings_.host_fds.size(); ++port) {
      if (settings_.host_fds[port] >= 0) busy |= read_host(static_cast<uint8_t>(port), *snapshot);
    }
    announce(*snapshot, now_ns);
  }
  block_.publish(ledger_);
  settings_.done();
  return busy;
}

void PuntThread::wait() {
  polled_.clear();
  for (const int fd : settings_.host_fds) {
    if (fd >= 0) polled_.push_back({fd, POLLIN, 0});
  }
  const timespec nap{0, kPuntNapUs * 1000};
  ppoll(polled_.data(), polled_.size(), &nap, nullptr);
  // An interface that somebody removed is always "ready": sleep anyway.
  const bool gone =
      std::ranges::any_of(polled_, [](const pollfd& entry) { return (entry.revents & ~POLLIN) != 0; });
  if (gone) nanosleep(&nap, nullptr);
}

bool PuntThread::drain(FrameRing& ring, const Snapshot& snapshot) {
  unsigned taken = 0;
  for (; taken < kBatch; ++taken) {
    const auto record = ring.front();
    if (!record) break;
    ++ledger_.left;
    handle(*record, snapshot);
    ring.pop();
  }
  return taken > 0;
}

void PuntThread::handle(FrameRing::Record record, const Snapshot& snapshot) {
  if (answer_arp(record, snapshot)) return ledger_.drop(DropReason::arp);
  if (answer_solicitation(record, snapshot)) return ledger_.drop(DropReason::nd);
  if (!snapshot.probe_prefixes.empty() && record.mark != kOwnAnswerMark && !probes_.restore(record, snapshot))
    return ledger_.drop(DropReason::bad_source);
  const int fd = settings_.host_fds[record.port];
  if (fd < 0) return ledger_.drop(DropReason::no_host_interface);
  const ssize_t written = write(fd, record.frame.data(), record.frame.size());
  if (written == static_cast<ssize_t>(record.frame.size())) {
    ++ledger_.punted;
  } else {
    ledger_.drop(DropReason::punt_failed);
  }
}

bool PuntThread::answer_arp(const FrameRing::Record& record, const Snapshot& snapshot) {
  const auto request = read_arp_request(record.frame);
  if (!request) return false;
  // A probe for a duplicate (sender 0, RFC 5227) is answered like any other: the VIP is in use.
  if (!answers_for(snapshot, IpAddress::v4(request->target), record.port)) return false;
  // Somebody announcing the VIP himself (sender = target) isn't asking.
  if (request->sender == request->target) return false;
  originate(record.port, arp_reply(record.frame, *request, snapshot.ports[record.port].mac));
  return true;
}

// As with ARP: a probe for a duplicate is answered, and a source that is the VIP isn't asking.
bool PuntThread::answer_solicitation(const FrameRing::Record& record, const Snapshot& snapshot) {
  const auto solicitation = read_solicitation(record.frame);
  if (!solicitation || solicitation->source == solicitation->target) return false;
  if (!answers_for(snapshot, solicitation->target, record.port)) return false;
  originate(record.port, advertisement(record.frame, *solicitation, snapshot.ports[record.port].mac));
  return true;
}

void PuntThread::originate(uint8_t port, std::span<const uint8_t> frame) {
  if (!settings_.to_worker->push(port, 0, frame)) return;  // not made after all; who asked asks again
  ++ledger_.originated;
  ++ledger_.entered;
}

bool PuntThread::read_host(uint8_t port, const Snapshot& snapshot) {
  unsigned taken = 0;
  for (; taken < kBatch; ++taken) {
    const ssize_t bytes = read(settings_.host_fds[port], buffer_.data(), buffer_.size());
    if (bytes < 14) break;
    ++ledger_.received;
    const std::span<uint8_t> frame(buffer_.data(), static_cast<size_t>(bytes));
    const bool is_probe = !snapshot.probe_prefixes.empty() && probes_.take(port, frame, snapshot);
    if (settings_.to_worker->push(port, is_probe ? kProbeMark : 0, frame)) {
      ++ledger_.entered;
    } else {
      ledger_.drop(DropReason::ring_full);
    }
  }
  return taken > 0;
}

// A VIP that wasn't announced before is announced kGratuitousRepeats times. (A prefix isn't: its neighbours
// ask.)
void PuntThread::announce(const Snapshot& snapshot, uint64_t now_ns) {
  if (snapshot.generation != seen_generation_) {
    seen_generation_ = snapshot.generation;
    std::vector<Gratuitous> next;
    for (const AnnouncedVip& vip : snapshot.announced) {
      const auto known = std::ranges::find(announced_, vip, &Gratuitous::vip);
      next.push_back(known != announced_.end() ? *known : Gratuitous{kGratuitousRepeats, now_ns, vip});
    }
    announced_ = std::move(next);
  }
  for (Gratuitous& entry : announced_) {
    if (entry.left == 0 || now_ns < entry.next_ns) continue;
    --entry.left;
    entry.next_ns = now_ns + 1'000'000'000U;
    if (!entry.vip.vip.is_host()) continue;
    const IpAddress& address = entry.vip.vip.address;
    for (uint8_t port = 0; port < snapshot.ports.size(); ++port) {
      if ((entry.vip.ports >> port & 1U) == 0) continue;
      const MacAddress& mac = snapshot.ports[port].mac;
      if (address.is_v4()) {
        originate(port, gratuitous_arp(mac, address.v4()));
      } else {
        originate(port, unsolicited_advertisement(mac, address));
      }
    }
  }
}

}  // namespace shunt
