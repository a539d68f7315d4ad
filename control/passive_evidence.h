// PassiveEvidence: from what clients meet at a pool's backends, which of them is to be given less.
//
// Owner: the control thread, one for each pool with `passive`. Pure: counts in, a factor for each backend
// out, 256 (all of its share) to 64 (a quarter). Bound: kSeconds counts of each backend. Cost: a sort of the
// pool for each backend, once a second.
//
// It must not be possible to turn it against a backend by packets with forged sources, and never can it empty
// a pool. So: a backend is only compared with its peers (the median one: a few odd peers prove nothing), over
// the last ten seconds, and two things have to hold at once, of which a forger has only one in hand:
//   handshakes: fewer were *completed* here than at the peers (a forged SYN completes none, so it can't lower
//     that), and more were left unfinished;
//   resets: more of the completed flows were reset by the server, and their clients are in many networks.
// The tests are binomial ones: under the same chances, an event falls to this backend or to the median peer
// as their shares of new flows are. Whatever the evidence, at most a third of a pool is lowered at once, each
// step halves, and 20 s without evidence give back a step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace shunt {

// Of one backend, TCP only. Counts since whenever; one that goes backwards starts anew.
struct PassiveSample {
  std::string backend;
  uint64_t share = 0;       // weight × accept: what it is given now of the pool's new flows; 0: nothing
  uint64_t completed = 0;   // handshakes
  uint64_t unfinished = 0;  // handshakes
  uint64_t reset = 0;       // by the server
};

// P(X ≥ k), X ~ Bin(n, p). Exact to 1e-9 up to n = 2,000, the normal approximation beyond.
double binomial_tail(uint64_t n, uint64_t k, double p);

class PassiveEvidence {
 public:
  static constexpr size_t kSeconds = 10;
  static constexpr uint16_t kAll = 256;
  static constexpr uint16_t kLeast = 64;
  static constexpr uint64_t kSettle = 10;  // seconds after a step until the next one down
  static constexpr uint64_t kQuiet = 20;   // seconds without evidence for a step up
  static constexpr size_t kNetworks = 8;

  struct Change {
    std::string backend;
    uint16_t accept = kAll;
    std::string reason;
  };

  // Once a second. `networks`: in how many networks (/24, /48) the clients are that a backend reset in the
  // last ten seconds; asked only where it matters.
  std::vector<Change> observe(const std::vector<PassiveSample>& samples,
                              const std::function<size_t(const std::string&)>& networks);

  // Empty: nothing is held against it.
  std::string reason(const std::string& backend) const;

 private:
  struct Counts {
    uint64_t share = 0;
    uint64_t completed = 0;
    uint64_t unfinished = 0;
    uint64_t reset = 0;
  };
  struct Watched {
    PassiveSample last;
    std::array<Counts, kSeconds> window{};
    Counts sum;
    uint16_t accept = kAll;
    uint64_t changed_at = 0;
    uint64_t evidence_at = 0;
    std::string reason;
    bool in_service = false;
  };

  void take(Watched& watched, const PassiveSample& sample) const;
  std::string judge(const std::string& backend, const Watched& watched,
                    const std::function<size_t(const std::string&)>& networks) const;
  std::vector<const Counts*> peers_of(const std::string& backend) const;
  size_t lowered() const;
  size_t in_service() const;

  std::map<std::string, Watched> watched_;
  uint64_t second_ = 0;
};

}  // namespace shunt
