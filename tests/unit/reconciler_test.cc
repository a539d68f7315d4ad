// Changes of the desired state: each is all or nothing, lasts, and is remembered.
#include "control/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/desired_bed.h"

namespace shunt {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const BackendName kWeb1{"web", "web-1"};
const BackendName kWeb2{"web", "web-2"};

TEST(Reconciler, AWeightIsAnEditUntilItIsTheFilesAgain) {
  DesiredBed bed;
  const ChangeAnswer answer = bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  EXPECT_TRUE(answer.accepted());
  EXPECT_EQ(answer.generation, 2U);
  EXPECT_EQ(answer.text, "1 backend changed");
  EXPECT_EQ(bed.backend("web", "web-1").weight, 5);
  const EditsAnswer edits = bed.reconciler->edits();
  ASSERT_EQ(edits.edits.size(), 1U);
  EXPECT_EQ(edits.edits[0].edit.text(), "weight 5 instead of 1");
  EXPECT_EQ(edits.edits[0].edit.who, "root");
  EXPECT_TRUE(bed.reconciler->edit(kWeb1, uint16_t{1}, "root").accepted());
  EXPECT_THAT(bed.reconciler->edits().edits, IsEmpty());
  EXPECT_EQ(bed.backend("web", "web-1").weight, 1);
}

TEST(Reconciler, SourceHashThatIsSetGoesByTheSource) {
  DesiredBed bed;
  const auto hash = [&bed](size_t service) { return bed.running.services.at(service).hash; };
  EXPECT_TRUE(bed.reconciler->set_scheduler("api", "source-hash", "root").accepted());
  EXPECT_EQ(bed.running.services.at(1).scheduler, Scheduler::source_hash);
  EXPECT_EQ(hash(1), HashInput::source);
  EXPECT_NE(hash(0), HashInput::source) << "of another service";
  EXPECT_TRUE(bed.reconciler->set_scheduler("api", "maglev", "root").accepted());
  EXPECT_NE(hash(1), HashInput::source) << "its configuration's again";
}

TEST(Reconciler, ASchedulerLastsUntilTheFileIsReadAgain) {
  DesiredBed bed;
  const auto scheduler = [&bed](size_t service) { return bed.running.services.at(service).scheduler; };
  EXPECT_EQ(bed.reconciler->set_scheduler("api", "nonsense", "root").refusal, Refusal::unknown);
  const ChangeAnswer one = bed.reconciler->set_scheduler("api", "round-robin", "root");
  EXPECT_EQ(one.text, "1 service changed");
  EXPECT_EQ(bed.reconciler->desired_generation(), one.generation);
  EXPECT_EQ(scheduler(0), Scheduler::maglev);
  EXPECT_EQ(scheduler(1), Scheduler::round_robin);
  bed.reconciler->observed(++bed.generation, "web/web-1 is down");
  EXPECT_EQ(bed.reconciler->desired_generation(), one.generation);
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  EXPECT_EQ(scheduler(1), Scheduler::round_robin) << "another change leaves it alone";
  EXPECT_EQ(bed.reconciler->set_scheduler("", "rendezvous", "root").text, "2 services changed");
  EXPECT_EQ(bed.reconciler->history().front().cause.why, "scheduler rendezvous everywhere");
  EXPECT_TRUE(bed.reconciler->rollback(one.generation, "root").accepted());
  EXPECT_EQ(scheduler(0), Scheduler::maglev);
  EXPECT_EQ(scheduler(1), Scheduler::round_robin);
  EXPECT_THAT(bed.reconciler->save("root").warnings,
              Contains(HasSubstr("schedulers that were set aren't written")));
  EXPECT_TRUE(bed.reload().accepted());
  EXPECT_EQ(scheduler(1), Scheduler::maglev);
}

TEST(Reconciler, AnUnknownBackendIsRefused) {
  DesiredBed bed;
  const ChangeAnswer answer = bed.reconciler->edit({"web", "web-9"}, AdminState::draining, "root");
  EXPECT_EQ(answer.refusal, Refusal::unknown);
  EXPECT_EQ(answer.text, "there is no backend web/web-9");
  EXPECT_EQ(answer.generation, 1U);
  EXPECT_THAT(bed.event_kinds(), Contains("change.refused"));
}

TEST(Reconciler, EditsOutliveARestart) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  bed.reconciler->edit(kWeb2, AdminState::draining, "op");
  bed.start();
  EXPECT_THAT(bed.notes, IsEmpty());
  EXPECT_EQ(bed.backend("web", "web-1").weight, 5);
  EXPECT_EQ(bed.backend("web", "web-2").admin, AdminState::draining);
  EXPECT_EQ(bed.reconciler->edits().edits[1].edit.who, "op");
}

TEST(Reconciler, ATornEditsFileIsSetAsideAndSaid) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  const std::string whole = DesiredBed::read(bed.edits_file());
  for (const size_t size : {size_t{0}, size_t{1}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(bed.edits_file(), std::ios::binary) << whole.substr(0, size);
    bed.start();
    ASSERT_EQ(bed.notes.size(), 1U) << size;
    EXPECT_THAT(bed.notes[0], HasSubstr("edits.toml: is torn or was changed by hand"));
    EXPECT_THAT(bed.notes[0],
                HasSubstr("starting without edits, it is kept as " + bed.edits_file() + ".refused"));
    EXPECT_EQ(bed.backend("web", "web-1").weight, 1);
    EXPECT_EQ(DesiredBed::read(bed.edits_file() + ".refused"), whole.substr(0, size));
    EXPECT_FALSE(std::filesystem::exists(bed.edits_file()));
  }
}

TEST(Reconciler, WhereTheFileChangesTheValueItWins) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  bed.reconciler->edit(kWeb2, AdminState::draining, "root");
  bed.write(replaced(std::string(kDesiredText), "weight = 1", "weight = 3"));
  const ChangeAnswer answer = bed.reload();
  EXPECT_TRUE(answer.accepted());
  EXPECT_EQ(bed.backend("web", "web-1").weight, 3);
  EXPECT_EQ(bed.backend("web", "web-2").admin, AdminState::draining) << "the file says nothing about that";
  EXPECT_THAT(
      answer.warnings,
      Contains("edit dropped: web/web-1 weight 5 instead of 1 (by root): the configuration says weight 3 "
               "now, not 1"));
  EXPECT_THAT(bed.event_kinds(), Contains("edit.dropped"));
}

TEST(Reconciler, AnotherServerByTheNameIsAnotherBackend) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, AdminState::disabled, "root");
  bed.write(replaced(std::string(kDesiredText), "10.0.0.11", "10.0.0.99"));
  EXPECT_TRUE(bed.reload().accepted());
  EXPECT_EQ(bed.backend("web", "web-1").admin, AdminState::enabled);
  EXPECT_THAT(bed.reconciler->edits().edits, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(bed.edits_file()));
}

TEST(Reconciler, ABadFileChangesNothing) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  bed.write(replaced(std::string(kDesiredText), "pool = \"web\"", "pool = \"wbe\""));
  const ChangeAnswer answer = bed.reload();
  EXPECT_EQ(answer.refusal, Refusal::invalid);
  ASSERT_EQ(answer.errors.size(), 1U);
  EXPECT_THAT(answer.errors[0], HasSubstr(bed.file() + ":"));
  EXPECT_EQ(answer.generation, 2U);
  EXPECT_EQ(bed.backend("web", "web-1").weight, 5);
}

TEST(Reconciler, WhatCantBePublishedIsNotRemembered) {
  DesiredBed bed;
  bed.publish_error = "has no number left";
  EXPECT_EQ(bed.reconciler->edit(kWeb1, uint16_t{5}, "root").refusal, Refusal::conflict);
  bed.publish_error.clear();
  bed.reasons = {"[dataplane] can't be changed while shuntd runs: restart it"};
  EXPECT_EQ(bed.reconciler->apply({"new.toml", std::string(kDesiredText) + "# new"}, "root").refusal,
            Refusal::invalid);
  EXPECT_THAT(bed.reconciler->edits().edits, IsEmpty());
  EXPECT_EQ(bed.reconciler->history().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(bed.edits_file()));
}

TEST(Reconciler, AppliedTextRunsUntilTheFileChanges) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb2, uint16_t{7}, "root");
  const std::string other = replaced(std::string(kDesiredText), "drain = \"5m\"", "drain = \"1m\"");
  EXPECT_TRUE(bed.reconciler->apply({"new.toml", other}, "root").accepted());
  EXPECT_EQ(bed.running.pools[0].drain, seconds(60));
  EXPECT_EQ(bed.running.file, bed.file());
  EXPECT_EQ(bed.backend("web", "web-2").weight, 7) << "edits hold over what is applied";
  EXPECT_EQ(bed.reconciler->edits().applied_name, "new.toml");

  bed.start();
  EXPECT_EQ(bed.running.pools[0].drain, seconds(60)) << "it outlives a restart";
  const ChangeAnswer unchanged = bed.reload();
  EXPECT_THAT(unchanged.warnings, Contains(HasSubstr("the file is unchanged, so what root applied goes on")));
  EXPECT_EQ(bed.running.pools[0].drain, seconds(60));

  bed.write(replaced(std::string(kDesiredText), "drain = \"5m\"", "drain = \"2m\""));
  const ChangeAnswer changed = bed.reload();
  EXPECT_THAT(changed.warnings, Contains(HasSubstr("the file has changed since")));
  EXPECT_EQ(bed.running.pools[0].drain, seconds(120));
  EXPECT_EQ(bed.backend("web", "web-2").weight, 7);
  EXPECT_EQ(bed.reconciler->edits().applied_who, "");
}

TEST(Reconciler, TheFilesOwnTextNeedsNoApplying) {
  DesiredBed bed;
  bed.reconciler->apply({"new.toml", std::string(kDesiredText) + "# new"}, "root");
  EXPECT_TRUE(bed.reconciler->apply({"old.toml", std::string(kDesiredText)}, "root").accepted());
  EXPECT_EQ(bed.reconciler->edits().applied_who, "");
  EXPECT_FALSE(std::filesystem::exists(bed.edits_file()));
}

TEST(Reconciler, ABadTextIsRefusedWithItsPlaces) {
  DesiredBed bed;
  const ChangeAnswer answer = bed.reconciler->apply({"new.toml", "[[port]]\nnam = 1\n"}, "root");
  EXPECT_EQ(answer.refusal, Refusal::invalid);
  EXPECT_THAT(answer.errors, Contains(HasSubstr("new.toml:2:1: error:")));
}

TEST(Reconciler, RollbackBringsBackTextAndEdits) {
  DesiredBed bed;                                                   // 1
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");                 // 2
  bed.reconciler->observed(++bed.generation, "web/web-2 is down");  // 3
  bed.write(replaced(std::string(kDesiredText), "drain = \"5m\"", "drain = \"1m\""));
  bed.reload();                                  // 4
  bed.reconciler->forget(std::nullopt, "root");  // 5
  EXPECT_EQ(bed.backend("web", "web-1").weight, 1);
  const ChangeAnswer answer = bed.reconciler->rollback(3, "op");
  EXPECT_TRUE(answer.accepted()) << answer.text;
  EXPECT_EQ(answer.generation, 6U);
  EXPECT_EQ(bed.backend("web", "web-1").weight, 5);
  EXPECT_EQ(bed.running.pools[0].drain, seconds(300)) << "the file's text of then";
  EXPECT_EQ(bed.reconciler->history()[0].cause.why, "rollback to 3");
  bed.start();
  EXPECT_EQ(bed.running.pools[0].drain, seconds(300)) << "it outlives a restart";
  EXPECT_EQ(bed.reconciler->rollback(2, "op").refusal, Refusal::unknown) << "of the process before";
  EXPECT_EQ(bed.reconciler->rollback(99, "op").refusal, Refusal::unknown);
}

TEST(Reconciler, HistorySaysWhoAndWhatAndCountsTheRest) {
  DesiredBed bed;
  bed.reconciler->observed(++bed.generation, "web/web-1 is down");
  bed.reconciler->observed(++bed.generation, "");
  bed.reconciler->edit(kWeb1, AdminState::draining, "op");
  const std::vector<HistoryRow> rows = bed.reconciler->history();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].generation, 4U);
  EXPECT_EQ(rows[0].cause.who, "op");
  EXPECT_EQ(rows[0].cause.why, "drain web/web-1");
  EXPECT_THAT(rows[0].lines, ElementsAre("backend web/web-1: admin enabled → draining"));
  EXPECT_TRUE(rows[1].observed);
  EXPECT_EQ(rows[1].first, 2U);
  EXPECT_EQ(rows[1].generation, 3U);
  EXPECT_EQ(rows[1].summary, "2 publications for health and routes, last web/web-1 is down");
  EXPECT_EQ(rows[2].cause.why, "start");
}

TEST(History, IsBounded) {
  History history;
  DesiredState state;
  for (uint64_t i = 1; i <= 300; ++i)
    history.change(i, {"root", "x"}, "", std::vector<std::string>(200, "line"), state);
  EXPECT_EQ(history.rows().size(), History::kRows);
  EXPECT_EQ(history.rows()[0].lines.size(), History::kLines);
  EXPECT_FALSE(history.state_at(280));
  EXPECT_TRUE(history.state_at(281));
  EXPECT_TRUE(history.state_at(300));
  EXPECT_FALSE(history.state_at(301));
  EXPECT_FALSE(history.rows()[20].can_roll_back);
  EXPECT_TRUE(history.rows()[19].can_roll_back);
}

TEST(Reconciler, DiffTellsWithoutChanging) {
  DesiredBed bed;
  bed.flows.backends[kWeb1] = 12;
  bed.reconciler->edit(kWeb2, uint16_t{7}, "root");
  std::string text = replaced(std::string(kDesiredText), "name = \"web-1\"\naddress = \"10.0.0.11\"",
                              "name = \"web-1\"\naddress = \"10.0.0.13\"");
  const DiffAnswer answer = bed.reconciler->diff(NamedText{"new.toml", text});
  EXPECT_EQ(answer.refusal, Refusal::none);
  EXPECT_EQ(answer.plan.summary(), "1 backend added, 1 backend removed");
  EXPECT_EQ(answer.plan.flows(FlowFate::kept), 12U);
  EXPECT_EQ(bed.generation, 2U);
  EXPECT_EQ(bed.reconciler->history().size(), 2U);
  const DiffAnswer nothing = bed.reconciler->diff(std::nullopt);
  EXPECT_EQ(nothing.plan.summary(), "nothing changes");
  const DiffAnswer bad = bed.reconciler->diff(NamedText{"new.toml", "x"});
  EXPECT_EQ(bad.refusal, Refusal::invalid);
  EXPECT_THAT(bad.errors, Contains(HasSubstr("new.toml:1:")));
}

TEST(Reconciler, SaveWritesWeightsWhereTheyStand) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  bed.reconciler->edit(kWeb2, uint16_t{6}, "root");
  bed.reconciler->edit({"api", "api-1"}, uint16_t{7}, "root");
  bed.reconciler->edit(kWeb2, AdminState::draining, "root");
  const ChangeAnswer answer = bed.reconciler->save("root");
  EXPECT_TRUE(answer.accepted()) << answer.text;
  std::string wanted = replaced(std::string(kDesiredText), "weight = 1  # was 2", "weight = 5  # was 2");
  wanted = replaced(wanted, "\"10.0.0.12\" # rack 4\n", "\"10.0.0.12\" # rack 4\n  weight = 6\n");
  wanted = replaced(wanted, "address = \"10.0.1.1\" }", "address = \"10.0.1.1\", weight = 7 }");
  EXPECT_EQ(DesiredBed::read(bed.file()), wanted);
  EXPECT_THAT(answer.warnings, Contains(HasSubstr("1 edit can't stand in the file")));
  ASSERT_EQ(bed.reconciler->edits().edits.size(), 1U);
  EXPECT_TRUE(bed.reload().accepted());
  EXPECT_EQ(bed.reconciler->history()[0].summary, "nothing changes");
  EXPECT_EQ(bed.backend("web", "web-2").admin, AdminState::draining);
}

TEST(Reconciler, SaveOfAnAppliedTextMakesItTheFile) {
  DesiredBed bed;
  const std::string other = replaced(std::string(kDesiredText), "drain = \"5m\"", "drain = \"1m\"");
  bed.reconciler->apply({"new.toml", other}, "root");
  EXPECT_TRUE(bed.reconciler->save("root").accepted());
  EXPECT_EQ(DesiredBed::read(bed.file()), other);
  EXPECT_FALSE(std::filesystem::exists(bed.edits_file()));
}

TEST(Reconciler, SaveDoesntWriteOverWhatItHasntRead) {
  DesiredBed bed;
  bed.reconciler->edit(kWeb1, uint16_t{5}, "root");
  const std::string changed = std::string(kDesiredText) + "# by hand\n";
  bed.write(changed);
  const ChangeAnswer answer = bed.reconciler->save("root");
  EXPECT_EQ(answer.refusal, Refusal::conflict);
  EXPECT_THAT(answer.text, HasSubstr("reload it first"));
  EXPECT_EQ(DesiredBed::read(bed.file()), changed);
}

TEST(Reconciler, AFullDiskDoesntHoldUpADrain) {
  DesiredBed bed;
  std::ofstream(bed.folder + "/state") << "in the way of the folder";
  const ChangeAnswer answer = bed.reconciler->edit(kWeb1, AdminState::draining, "root");
  EXPECT_TRUE(answer.accepted());
  EXPECT_EQ(bed.backend("web", "web-1").admin, AdminState::draining);
  EXPECT_THAT(answer.warnings, Contains(HasSubstr("edits won't be there after a restart")));
  EXPECT_THAT(bed.event_kinds(), Contains("edits.unsaved"));
}

Discovered one(const char* name, const char* address) {
  BackendConfig backend;
  backend.name = name;
  backend.address = *IpAddress::parse(address);
  return {{"web", {backend}}};
}

const std::string kDiscovering =
    replaced(std::string(kDesiredText), "drain = \"5m\"",
             "drain = \"5m\"\ndiscovery = { type = \"file\", path = \"/etc/shunt/web.toml\" }");

TEST(Reconciler, DiscoveredBackendsJoinTheFiles) {
  DesiredBed bed(kDiscovering);
  EXPECT_TRUE(bed.reconciler->discovered(one("web-3", "10.0.0.13"), "web: 1 new: 1 backend").accepted());
  EXPECT_EQ(bed.backend("web", "web-3").weight, 1);
  EXPECT_EQ(bed.reconciler->history()[0].cause.who, "discovery");
  bed.reconciler->edit({"web", "web-3"}, AdminState::draining, "root");
  bed.reconciler->discovered({}, "web: 1 gone: 0 backends");
  ASSERT_EQ(bed.reconciler->edits().edits.size(), 1U);
  EXPECT_TRUE(bed.reconciler->edits().edits[0].waits);
  bed.reconciler->discovered(one("web-3", "10.0.0.13"), "web: 1 new: 1 backend");
  EXPECT_EQ(bed.backend("web", "web-3").admin, AdminState::draining) << "it comes back as it went";
}

TEST(Reconciler, BeginsWithWhatIsRemembered) {
  DesiredBed bed(kDiscovering);
  const Config first = bed.reconciler->begin(one("web-3", "10.0.0.13"));
  EXPECT_EQ(first.pools[0].backends.size(), 3U);
  EXPECT_EQ(first.file, bed.file());
  EXPECT_TRUE(bed.reconciler->edit({"web", "web-3"}, uint16_t{9}, "root").accepted());
  EXPECT_EQ(bed.backend("web", "web-3").weight, 9);
}

TEST(Reconciler, DiscoveryThatChangesNothingPublishesNothing) {
  DesiredBed bed(kDiscovering);
  bed.reconciler->discovered(one("web-3", "10.0.0.13"), "web: 1 new: 1 backend");
  const uint64_t generation = bed.generation;
  const ChangeAnswer answer = bed.reconciler->discovered(one("web-3", "10.0.0.13"), "again");
  EXPECT_TRUE(answer.accepted());
  EXPECT_EQ(answer.generation, generation);
  EXPECT_EQ(bed.generation, generation);
  EXPECT_EQ(bed.reconciler->history()[0].generation, generation);
}

TEST(Reconciler, APoolThatIsntDiscoveredAnyMoreHasTheFilesBackends) {
  DesiredBed bed(kDiscovering);
  bed.reconciler->discovered(one("web-3", "10.0.0.13"), "web: 1 new: 1 backend");
  bed.write(kDesiredText);
  EXPECT_TRUE(bed.reload().accepted());
  EXPECT_EQ(bed.running.pools[0].backends.size(), 2U);
  EXPECT_EQ(bed.reconciler->edit({"web", "web-3"}, uint16_t{9}, "root").refusal, Refusal::unknown);
}

TEST(Reconciler, ABadDiscoveredBackendIsLeftOut) {
  DesiredBed bed(kDiscovering);
  Discovered now = one("web-3", "198.51.100.10");  // a VIP
  now["web"].push_back(one("web-4", "10.0.0.14")["web"][0]);
  now["web"].push_back(one("twin", "10.0.0.11")["web"][0]);  // the file's web-1
  const ChangeAnswer answer = bed.reconciler->discovered(now, "dns");
  EXPECT_TRUE(answer.accepted());
  ASSERT_EQ(answer.warnings.size(), 1U);
  EXPECT_THAT(answer.warnings[0],
              HasSubstr("web/web-3, which was discovered, is left out: `198.51.100.10` is a VIP"));
  EXPECT_EQ(bed.running.pools[0].backends.size(), 3U);
  EXPECT_EQ(bed.backend("web", "web-4").position.line, 7U);
  ASSERT_EQ(bed.reconciler->refused().size(), 1U);
  EXPECT_EQ(bed.reconciler->refused()[0].backend, "web-3");
}

TEST(Reconciler, ARefusedBackendIsSaidOnce) {
  DesiredBed bed(kDiscovering);
  const auto said = [&] { return std::ranges::count(bed.event_kinds(), "discovery.refused"); };
  bed.reconciler->discovered(one("web-3", "198.51.100.10"), "dns");
  EXPECT_EQ(said(), 1);
  EXPECT_THAT(bed.reconciler->edit(kWeb1, uint16_t{5}, "root").warnings, IsEmpty());
  EXPECT_THAT(bed.reload().warnings, Not(Contains(HasSubstr("web-3"))));
  EXPECT_EQ(said(), 1);
  bed.reconciler->discovered({}, "dns");
  EXPECT_TRUE(bed.reconciler->refused().empty());
  bed.reconciler->discovered(one("web-3", "198.51.100.10"), "dns");
  EXPECT_EQ(said(), 2) << "it was gone, and is back";
}

}  // namespace
}  // namespace shunt
