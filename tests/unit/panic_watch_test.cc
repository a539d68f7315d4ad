// What is said when a pool is in panic or a backup pool is used.
#include "control/panic_watch.h"

#include <gtest/gtest.h>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;

struct Watched {
  explicit Watched(const Config& what) : bed(what), services(what.services) {}

  std::string look() {
    bed.compile();
    std::vector<PanicWatch::Seen> seen;
    for (const ServiceConfig& each : services)
      seen.push_back({&each, bed.compiler.condition(key_of(each))});
    std::string text;
    for (const PanicEvent& event : watch.update(seen))
      text += event.kind + " " + event.subject + ": " + event.text + "\n";
    return text;
  }
  void health(const std::string& pool, unsigned first, unsigned last, bool up) {
    for (unsigned i = first; i <= last; ++i)
      bed.health(pool, i, up);
  }

  Bed bed;
  std::vector<ServiceConfig> services;
  PanicWatch watch;
};

TEST(PanicWatch, SaysWhenItBeginsAndWhenItEnds) {
  Watched watched(config({pool("web", 1, 6)}, {service(1, "web")}));
  EXPECT_EQ(watched.look(), "");
  watched.health("web", 1, 3, false);
  EXPECT_EQ(watched.look(), "") << "half is no panic";
  watched.health("web", 4, 4, false);
  EXPECT_EQ(watched.look(),
            "pool.panic s1: 2 of 6 backends of pool web up: new flows go to all of them, up or down\n");
  EXPECT_EQ(watched.look(), "") << "once";
  watched.health("web", 1, 4, true);
  EXPECT_EQ(watched.look(),
            "pool.calm s1: 6 of 6 backends of pool web up: new flows go to those that are up again\n");
}

TEST(PanicWatch, APoolOfNobodyIsInNoPanic) {
  Config what = config({pool("web", 1, 2)}, {service(1, "web")});
  for (BackendConfig& backend : what.pools[0].backends)
    backend.admin = AdminState::draining;
  Watched watched(what);
  EXPECT_EQ(watched.look(), "");
}

TEST(PanicWatch, SaysWhenABackupPoolIsUsed) {
  Watched watched(config({pool("web", 1, 4), pool("far", 11, 12)}, {service(1, "web", "far")}));
  watched.health("web", 1, 3, false);
  EXPECT_EQ(watched.look(), "service.backup s1: 1 of 4 backends of pool web up: new flows go to pool far\n");
  watched.health("web", 1, 1, true);
  EXPECT_EQ(watched.look(),
            "service.primary s1: 2 of 4 backends of pool web up: the backup pool isn't used any more\n");
}

TEST(PanicWatch, AServiceThatIsGoneIsForgotten) {
  Watched watched(config({pool("web", 1, 6)}, {service(1, "web")}));
  watched.health("web", 1, 6, false);
  EXPECT_NE(watched.look(), "");
  const auto services = std::exchange(watched.services, {});
  EXPECT_EQ(watched.look(), "");
  watched.services = services;
  EXPECT_NE(watched.look(), "") << "a new one begins anew";
}

// ---- What a backend asks for and what passive evidence leaves of it, in the choice.

TEST(CompilerShare, AgentAndEvidenceLowerAcceptTogether) {
  Bed bed(config({pool("web", 1, 4)}, {service(1, "web")}));
  const auto accept = [&](unsigned i) {
    const Service& compiled = bed.compiled(1);
    return compiled.accept(BackendRef::of(compiled.choice_pool, bed.number("web", i)));
  };
  Config passive = config({pool("web", 1, 4)}, {service(1, "web")});
  passive.pools[0].passive = true;
  bed.load(passive);
  EXPECT_TRUE(bed.compiler.set_asked_share("web", "b1", 0.5));
  EXPECT_FALSE(bed.compiler.set_asked_share("web", "b1", 0.5));
  EXPECT_TRUE(bed.compiler.set_trusted("web", "b1", 64));
  EXPECT_TRUE(bed.compiler.set_trusted("web", "b2", 128));
  EXPECT_TRUE(bed.compiler.set_asked_share("web", "b3", 0.0001));
  EXPECT_FALSE(bed.compiler.set_trusted("web", "b9", 128));
  bed.compile();
  EXPECT_EQ(accept(1), 32);
  EXPECT_EQ(accept(2), 128);
  EXPECT_EQ(accept(3), 1) << "the least is something";
  EXPECT_EQ(accept(4), 256);
  passive.pools[0].passive = false;
  bed.load(passive);
  EXPECT_EQ(accept(1), 128);
  EXPECT_EQ(accept(2), 256);
}

TEST(CompilerShare, ADrainedBackendIsNoMember) {
  Bed bed(config({pool("web", 1, 4)}, {service(1, "web")}));
  bed.compiler.set_asked_share("web", "b1", 0);
  bed.compile();
  const PoolCondition condition = bed.compiler.condition(key_of(service(1, "web")))->pool;
  EXPECT_EQ(condition.members, 3U);
  EXPECT_EQ(condition.up, 3U);
  for (uint64_t tuple = 0; tuple < 2'000; ++tuple)
    EXPECT_NE(chosen_address(bed, 1, tuple), backend(1).address);
  bed.compiler.set_asked_share("web", "b1", 1);
  bed.compile();
  EXPECT_EQ(bed.compiler.condition(key_of(service(1, "web")))->pool.members, 4U);
}

}  // namespace
}  // namespace shunt
