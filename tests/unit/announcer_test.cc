// Which VIPs are announced, with what metric, and what is told of it.
#include "control/announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace shunt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const Prefix kWeb = Prefix::parse("198.51.100.10").value();
const Prefix kDns = Prefix::parse("2001:db8::10").value();

ServiceConfig service(const std::string& name, const Prefix& vip, Announce announce = Announce::route) {
  ServiceConfig config;
  config.name = name;
  config.address = vip;
  config.announce = announce;
  return config;
}

std::vector<std::string> texts(const std::vector<RouteEvent>& events) {
  std::vector<std::string> lines;
  for (const RouteEvent& event : events)
    lines.push_back(event.kind + " " + event.subject + ": " + event.text);
  return lines;
}

struct Bed {
  explicit Bed(bool standby = false, std::set<Prefix> left = {}) : announcer(standby, std::move(left)) {
    config.services = {service("web", kWeb)};
    fitness["web"] = {2, 0, 2, 1};
  }
  std::vector<std::string> update() {
    return texts(announcer.update(config, [this](const ServiceConfig& each) { return fitness[each.name]; }));
  }

  Config config;
  std::map<std::string, Fitness> fitness;  // by service
  Announcer announcer;
};

TEST(Announcer, AnnouncesWhatIsFitAndTellsChangesOnce) {
  Bed bed;
  bed.config.routes.metric = 10;
  EXPECT_THAT(bed.update(),
              ElementsAre("route.announced 198.51.100.10: metric 10: 2 of 2 backends of web up"));
  EXPECT_THAT(bed.announcer.routes(), ElementsAre(Pair(kWeb, 10)));
  EXPECT_THAT(bed.update(), IsEmpty());
  bed.fitness["web"].up = 0;
  EXPECT_THAT(bed.update(),
              ElementsAre("route.withdrawn 198.51.100.10: 0 of 2 backends of web up, 1 needed"));
  EXPECT_THAT(bed.announcer.routes(), IsEmpty());
  EXPECT_FALSE(bed.announcer.vips()[0].announced);
  bed.fitness["web"].up = 1;
  EXPECT_THAT(bed.update(),
              ElementsAre("route.announced 198.51.100.10: metric 10: 1 of 2 backends of web up"));
  bed.config.services.clear();
  EXPECT_THAT(bed.update(), ElementsAre("route.withdrawn 198.51.100.10: no service has it any more"));
}

TEST(Announcer, AVipIsAsFitAsTheWorstOfItsServices) {
  Bed bed;
  bed.config.services.push_back(service("tls", kWeb));
  bed.config.routes = {90, 254, 100, 7, {}, ""};
  bed.fitness["web"] = {3, 0, 10, 1};
  bed.fitness["tls"] = {5, 0, 5, 5};
  bed.update();
  EXPECT_THAT(bed.announcer.routes(), ElementsAre(Pair(kWeb, 149)));  // seven tenths of web are down
  EXPECT_EQ(bed.announcer.vips()[0].service, "web");
  bed.fitness["tls"].up = 4;
  EXPECT_THAT(bed.update(),
              ElementsAre("route.withdrawn 198.51.100.10: 4 of 5 backends of tls up, 5 needed"));
  ASSERT_EQ(bed.announcer.vips().size(), 1U);
  EXPECT_EQ(bed.announcer.vips()[0].up, 4U);
}

TEST(Announcer, TheMetricGrowsWithEachWholeTenthThatIsDown) {
  Bed bed;
  bed.config.routes = {90, 254, 10, 2, {}, ""};
  struct Row {
    Fitness fitness;
    uint32_t metric;
  };
  const Row rows[] = {{{100, 0, 100, 1}, 10}, {{91, 0, 100, 1}, 10}, {{90, 0, 100, 1}, 12},
                      {{2, 0, 3, 1}, 16},     {{1, 0, 3, 1}, 22},    {{1, 2, 3, 1}, 10},
                      {{1, 0, 100, 1}, 28},   {{0, 0, 4, 0}, 30},    {{0, 0, 0, 0}, 10}};
  for (const Row& row : rows) {
    bed.fitness["web"] = row.fitness;
    bed.update();
    EXPECT_THAT(bed.announcer.routes(), ElementsAre(Pair(kWeb, row.metric)))
        << row.fitness.up << " of " << row.fitness.members;
  }
  bed.fitness["web"] = {3, 0, 4, 1};
  EXPECT_THAT(bed.update(), ElementsAre("route.metric 198.51.100.10: 10 → 14: 3 of 4 backends of web up"));
}

TEST(Announcer, StandbyAnnouncesNothing) {
  Bed bed(true);
  bed.config.services.push_back(service("lan", kDns, Announce::arp));
  bed.fitness["lan"] = {0, 0, 1, 1};
  EXPECT_THAT(bed.update(), IsEmpty());
  EXPECT_EQ(bed.announcer.vips()[1].reason, "this shunt is in standby");
  bed.announcer.set_on(true);
  EXPECT_THAT(bed.update(),
              ElementsAre("route.announced 198.51.100.10: metric 0: 2 of 2 backends of web up"));
  EXPECT_TRUE(bed.announcer.vips()[1].announced) << "ARP and ND are answered whatever is up";
  bed.announcer.set_on(false);
  EXPECT_THAT(bed.update(), ElementsAre("route.withdrawn 198.51.100.10: this shunt is in standby"));
  EXPECT_FALSE(bed.announcer.vips()[1].announced);
}

TEST(Announcer, StoppingWithdrawsRoutesAndGoesOnAnswering) {
  Bed bed;
  bed.config.services.push_back(service("lan", kDns, Announce::arp));
  bed.update();
  bed.announcer.stop();
  EXPECT_THAT(bed.update(), ElementsAre("route.withdrawn 198.51.100.10: shuntd is stopping"));
  EXPECT_TRUE(bed.announcer.vips()[1].announced);
}

TEST(Announcer, ARouteFromBeforeStaysWhileFirstChecksRun) {
  Bed bed(false, {kWeb, kDns});
  bed.fitness["web"] = {0, 2, 2, 1};
  bed.update();
  EXPECT_THAT(bed.announcer.routes(), ElementsAre(Pair(kWeb, 0)));
  bed.fitness["web"] = {0, 1, 2, 1};
  EXPECT_THAT(bed.update(), IsEmpty());
  bed.fitness["web"] = {0, 0, 2, 1};
  EXPECT_THAT(bed.update(),
              ElementsAre("route.withdrawn 198.51.100.10: 0 of 2 backends of web up, 1 needed"));
  bed.fitness["web"] = {0, 2, 2, 1};
  EXPECT_THAT(bed.update(), IsEmpty()) << "once withdrawn, it waits for results like any other";
  // One that wasn't there before does so from the start.
  Bed fresh;
  fresh.fitness["web"] = {0, 2, 2, 1};
  EXPECT_THAT(fresh.update(), IsEmpty());
}

TEST(Announcer, NoneIsNeverAnnounced) {
  Bed bed;
  bed.config.services[0].announce = Announce::none;
  EXPECT_THAT(bed.update(), IsEmpty());
  EXPECT_EQ(bed.announcer.vips()[0].announce, "none");
  EXPECT_FALSE(bed.announcer.vips()[0].announced);
}

}  // namespace
}  // namespace shunt
