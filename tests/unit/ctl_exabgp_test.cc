// `shuntctl routes` and `exabgp`: from shuntd's VIPs to ExaBGP's lines, and what its answers do.
#include "control/ctl_exabgp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "common/unique_fd.h"
#include "control/ctl_routes.h"
#include "control/route_json.h"
#include "tests/unit/fake_status.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> lines_for(ExabgpRoutes& routes, const RoutesStatus& status) {
  auto lines = routes.follow(routes_json(status));
  EXPECT_TRUE(lines.ok());
  return lines ? lines.value() : std::vector<std::string>{};
}

TEST(ExabgpRoutes, SaysOnlyWhatBecameAnother) {
  ExabgpRoutes routes;
  RoutesStatus status = fake_routes();
  EXPECT_THAT(lines_for(routes, status), ElementsAre("announce route 198.51.100.10/32 next-hop self med 12"));
  EXPECT_THAT(lines_for(routes, status), IsEmpty());
  EXPECT_EQ(routes.grace(), milliseconds(2000));
  status.vips[0].metric = 0;
  EXPECT_THAT(lines_for(routes, status), ElementsAre("announce route 198.51.100.10/32 next-hop self"));
  status.vips[0].announced = false;
  status.vips[1].announced = true;
  EXPECT_THAT(lines_for(routes, status), ElementsAre("withdraw route 198.51.100.10/32 next-hop self",
                                                     "announce route 2001:db8::/64 next-hop self"));
  EXPECT_THAT(routes.withdraw_all(), ElementsAre("withdraw route 2001:db8::/64 next-hop self"));
  EXPECT_THAT(routes.withdraw_all(), IsEmpty());
  EXPECT_THAT(lines_for(routes, status), ElementsAre("announce route 2001:db8::/64 next-hop self"));
}

TEST(ExabgpRoutes, TheFilesMedWinsAndArpIsNoRoute) {
  ExabgpRoutes routes;
  RoutesStatus status = fake_routes();
  status.exabgp = "next-hop 192.0.2.9 med 5";
  EXPECT_THAT(lines_for(routes, status),
              ElementsAre("announce route 198.51.100.10/32 next-hop 192.0.2.9 med 5"));
  status.vips[0].announce = "arp";
  EXPECT_THAT(lines_for(routes, status),
              ElementsAre("withdraw route 198.51.100.10/32 next-hop 192.0.2.9 med 5"));
  EXPECT_FALSE(routes.follow("no JSON"));
}

TEST(CtlRoutes, ATableOfVips) {
  std::ostringstream out;
  const CtlIo io{out, out, false, {}};
  RoutesStatus status = fake_routes();
  status.announcing = false;
  EXPECT_TRUE(show_routes(routes_json(status), io).ok());
  EXPECT_EQ(out.str(),
            "standby: VIPs are neither answered for nor have they routes\n"
            "VIP            BY     ANNOUNCED  METRIC  WHY\n"
            "198.51.100.10  route  yes            12  3 of 4 backends of web up\n"
            "2001:db8::/64  route  no              -  0 of 2 backends of dns up, 1 needed\n");
  EXPECT_FALSE(show_routes("no JSON", io));
}

struct Pipes {
  Pipes() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    answers = UniqueFd(ends[0]);
    to_answers = UniqueFd(ends[1]);
    EXPECT_EQ(::pipe(ends), 0);
    from_lines = UniqueFd(ends[0]);
    lines = UniqueFd(ends[1]);
  }
  void answer(const std::string& text) {
    EXPECT_EQ(::write(to_answers.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string sent() {
    char bytes[256];
    const ssize_t size = ::read(from_lines.get(), bytes, sizeof bytes);
    return {bytes, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }
  UniqueFd answers, to_answers, from_lines, lines;
  std::ostringstream log;
};

TEST(ExabgpPipe, ReadsAnAnswerForEachLine) {
  Pipes pipes;
  ExabgpPipe pipe(pipes.answers.get(), pipes.lines.get(), pipes.log);
  pipes.answer("done\nerror: no such neighbor\n");
  EXPECT_TRUE(pipe.send("announce route 192.0.2.1/32 next-hop self"));
  EXPECT_EQ(pipes.sent(), "announce route 192.0.2.1/32 next-hop self\n");
  EXPECT_EQ(pipes.log.str(), "");
  EXPECT_TRUE(pipe.send("withdraw route 192.0.2.1/32 next-hop self"));
  EXPECT_THAT(pipes.log.str(),
              HasSubstr("ExaBGP refuses `withdraw route 192.0.2.1/32 next-hop self`: error: no such"));
  EXPECT_TRUE(pipe.wait(milliseconds(1)));
}

TEST(ExabgpPipe, EndsWithExabgp) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipes pipes;
  ExabgpPipe pipe(pipes.answers.get(), pipes.lines.get(), pipes.log);
  pipes.to_answers.reset();
  EXPECT_FALSE(pipe.wait(milliseconds(10'000)));
  Pipes others;
  ExabgpPipe broken(others.answers.get(), others.lines.get(), others.log);
  others.from_lines.reset();
  EXPECT_FALSE(broken.send("announce route 192.0.2.1/32 next-hop self"));
}

}  // namespace
}  // namespace shunt
