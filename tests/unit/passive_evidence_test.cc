// Passive evidence under a virtual clock: who is lowered, who isn't, what floods can and can't do.
#include "control/passive_evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace shunt {
namespace {

// A pool whose backends meet so many flows a second; the numbers are drawn by a seed.
struct Pool {
  struct Backend {
    double completed = 100;  // a second, on average
    double unfinished = 0.1;
    double reset = 0;
    uint64_t share = 256;
    uint64_t accept = 256;
  };

  explicit Pool(size_t size) : backends(size), samples(size), random(5) {
    for (size_t i = 0; i < size; ++i)
      samples[i].backend = "b" + std::to_string(i);
  }

  void run(uint64_t seconds) {
    for (uint64_t i = 0; i < seconds; ++i) {
      for (size_t b = 0; b < backends.size(); ++b) {
        const Backend& backend = backends[b];
        const double given = static_cast<double>(backend.accept) / 256;
        samples[b].share = backend.share * backend.accept / 256;
        samples[b].completed += draw(backend.completed * given);
        samples[b].unfinished += draw(backend.unfinished * given);
        samples[b].reset += draw(backend.reset * given);
      }
      for (const auto& change : evidence.observe(samples, [this](const std::string&) { return networks; })) {
        backends[std::stoul(change.backend.substr(1))].accept = change.accept;
        changes.push_back(change);
      }
    }
  }
  uint64_t draw(double mean) { return mean <= 0 ? 0 : std::poisson_distribution<uint64_t>(mean)(random); }
  size_t lowered() const {
    return static_cast<size_t>(
        std::ranges::count_if(backends, [](const Backend& each) { return each.accept < 256; }));
  }

  std::vector<Backend> backends;
  std::vector<PassiveSample> samples;
  std::vector<PassiveEvidence::Change> changes;
  PassiveEvidence evidence;
  std::mt19937_64 random;
  size_t networks = 100;
};

TEST(BinomialTail, AgreesWithWhatIsKnown) {
  EXPECT_EQ(binomial_tail(10, 0, 0.5), 1);
  EXPECT_NEAR(binomial_tail(10, 10, 0.5), 1 / 1024.0, 1e-12);
  EXPECT_NEAR(binomial_tail(10, 6, 0.5), 386 / 1024.0, 1e-12);
  EXPECT_NEAR(binomial_tail(100, 20, 0.1), 0.0019785, 1e-6);
  EXPECT_EQ(binomial_tail(5, 6, 0.5), 0);
  EXPECT_EQ(binomial_tail(5, 2, 0), 0);
  EXPECT_EQ(binomial_tail(5, 5, 1), 1);
  EXPECT_NEAR(binomial_tail(2'000, 1'050, 0.5), binomial_tail(2'001, 1'050, 0.5), 2e-3) << "both ways meet";
  EXPECT_LT(binomial_tail(1'000'000, 510'000, 0.5), 1e-9);
}

TEST(PassiveEvidence, AHealthyPoolIsLeftAlone) {
  Pool pool(8);
  for (auto& backend : pool.backends)
    backend = {100, 5, 3, 256, 256};
  pool.run(600);
  EXPECT_TRUE(pool.changes.empty()) << pool.changes[0].reason;
}

TEST(PassiveEvidence, OneThatFinishesNoHandshakeIsLoweredToAQuarterAndReturns) {
  Pool pool(6);
  pool.run(30);
  pool.backends[2].completed = 0;
  pool.backends[2].unfinished = 100;
  pool.run(15);
  ASSERT_EQ(pool.changes.size(), 1U);
  EXPECT_EQ(pool.changes[0].backend, "b2");
  EXPECT_EQ(pool.changes[0].accept, 128);
  EXPECT_NE(pool.evidence.reason("b2").find("handshakes unfinished in 10 s"), std::string::npos);
  EXPECT_EQ(pool.evidence.reason("b1"), "");
  pool.run(60);
  EXPECT_EQ(pool.backends[2].accept, 64) << "and no less";
  EXPECT_EQ(pool.changes.size(), 2U);
  pool.backends[2].completed = 100;
  pool.backends[2].unfinished = 0.1;
  pool.run(80);
  EXPECT_EQ(pool.backends[2].accept, 256);
  EXPECT_EQ(pool.changes.size(), 4U);
  EXPECT_EQ(pool.evidence.reason("b2"), "");
}

TEST(PassiveEvidence, AFloodOfForgedSynsEjectsNobody) {
  Pool pool(8);
  pool.run(20);
  for (auto& backend : pool.backends)
    backend.unfinished = 100'000;
  pool.run(120);
  EXPECT_TRUE(pool.changes.empty());
}

TEST(PassiveEvidence, AFloodThatHitsOneBackendOnlyEjectsNobodyEither) {
  Pool pool(8);
  pool.run(20);
  pool.backends[3].unfinished = 100'000;  // hash = "source" and one forged address
  pool.run(120);
  EXPECT_TRUE(pool.changes.empty()) << "it still completes what its clients begin";
}

TEST(PassiveEvidence, MoreHandshakesAtOnePeerProveNothingAgainstTheOthers) {
  Pool pool(8);
  pool.run(20);
  pool.backends[0].completed = 50'000;
  for (size_t i = 1; i < 8; ++i)
    pool.backends[i].unfinished = 20;
  pool.run(120);
  EXPECT_TRUE(pool.changes.empty());
}

TEST(PassiveEvidence, AFloodHidesNoBackendThatReallyFails) {
  Pool pool(6);
  for (auto& backend : pool.backends)
    backend.unfinished = 10;
  pool.backends[1].completed = 0;
  pool.backends[1].unfinished = 110;
  pool.run(60);
  EXPECT_EQ(pool.backends[1].accept, 64);
  EXPECT_EQ(pool.lowered(), 1U);
}

TEST(PassiveEvidence, AtMostAThirdOfThePoolIsLowered) {
  for (const size_t size : {3U, 7U, 12U}) {
    Pool pool(size);
    pool.run(20);
    for (size_t i = 0; i < size / 2; ++i) {
      pool.backends[i].completed = 0;
      pool.backends[i].unfinished = 100;
    }
    pool.run(120);
    EXPECT_LE(pool.lowered(), size / 3) << size;
    EXPECT_GE(pool.lowered(), 1U) << size;
    for (const auto& backend : pool.backends)
      EXPECT_GE(backend.accept, PassiveEvidence::kLeast);
  }
}

TEST(PassiveEvidence, WhenMostFailNobodyStandsOut) {
  Pool pool(6);
  pool.run(20);
  for (auto& backend : pool.backends) {
    backend.completed = 0;
    backend.unfinished = 100;
  }
  pool.run(120);
  EXPECT_TRUE(pool.changes.empty()) << "the network's fault, not a backend's";
}

TEST(PassiveEvidence, TwoBackendsAreTooFewToCompare) {
  Pool pool(2);
  pool.backends[0].completed = 0;
  pool.backends[0].unfinished = 100;
  pool.run(60);
  EXPECT_TRUE(pool.changes.empty());
}

TEST(PassiveEvidence, WeightsAreTakenIntoAccount) {
  Pool pool(4);
  pool.backends[0] = {10, 0.5, 0.2, 26, 256};  // a tenth of the others' weight
  for (size_t i = 1; i < 4; ++i)
    pool.backends[i] = {100, 5, 2, 256, 256};
  pool.run(300);
  EXPECT_TRUE(pool.changes.empty());
}

TEST(PassiveEvidence, ResetsCountWhenTheyComeFromManyNetworks) {
  Pool few(6);
  few.networks = PassiveEvidence::kNetworks - 1;
  few.backends[4].reset = 60;
  few.run(60);
  EXPECT_TRUE(few.changes.empty()) << "one client can provoke what it likes";
  Pool many(6);
  many.networks = PassiveEvidence::kNetworks;
  many.backends[4].reset = 60;
  many.run(60);
  EXPECT_EQ(many.backends[4].accept, 64);
  EXPECT_EQ(many.lowered(), 1U);
  EXPECT_NE(many.evidence.reason("b4").find("reset "), std::string::npos);
}

TEST(PassiveEvidence, AFewResetsAreNothingUnusual) {
  Pool pool(6);
  pool.backends[4].reset = 5;  // of 100: more than its peers', and still rare
  pool.run(120);
  EXPECT_TRUE(pool.changes.empty());
}

TEST(PassiveEvidence, ABackendThatIsDownIsNoPeer) {
  Pool pool(4);
  pool.run(20);
  for (size_t i = 0; i < 2; ++i) {
    pool.backends[i].share = 0;
    pool.backends[i].completed = 0;
  }
  pool.backends[2].completed = 0;
  pool.backends[2].unfinished = 100;
  pool.run(60);
  EXPECT_TRUE(pool.changes.empty()) << "with one peer left there is nothing to compare with";
}

TEST(PassiveEvidence, CountsThatBeginAgainAreNoEvidence) {
  Pool pool(4);
  pool.run(30);
  pool.samples[1].completed = 0;
  pool.samples[1].unfinished = 0;
  pool.run(1);
  pool.samples[1] = {};
  pool.samples[1].backend = "b1";
  pool.run(60);
  EXPECT_TRUE(pool.changes.empty());
}

}  // namespace
}  // namespace shunt
