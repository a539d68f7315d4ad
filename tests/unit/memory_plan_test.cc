// MemoryPlan: how many pages, from where, and what the operator reads.
#include "control/memory_plan.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dataplane/dpdk_port.h"
#include "dataplane/flow_table.h"
#include "dataplane/probation_table.h"
#include "tests/unit/control_samples.h"

namespace shunt {
namespace {

constexpr MemoryNeed kNeed{3 * kPageBytes + 1, 2 * kPageBytes};  // 4 + 2 pages

TEST(MemoryPlan, RoundsBothPartsUpToPages) {
  EXPECT_EQ(pages_for(kNeed), 6U);
  EXPECT_EQ(pages_for({1, 1}), 2U);
  EXPECT_EQ(pages_for({kPageBytes, kPageBytes}), 2U);
}

TEST(MemoryPlan, TakesHugepagesThatSuffice) {
  for (const MemoryMode mode : {MemoryMode::automatic, MemoryMode::hugepages}) {
    for (const uint64_t free_pages : {6U, 7U, 1'000U}) {
      const auto plan = plan_memory(mode, kNeed, free_pages);
      ASSERT_TRUE(plan);
      EXPECT_TRUE(plan.value().hugepages);
      EXPECT_EQ(plan.value().notice, "");
      EXPECT_EQ(plan.value().need.buffer_bytes, kNeed.buffer_bytes);
    }
  }
}

TEST(MemoryPlan, OrdinaryAsksForNone) {
  const auto plan = plan_memory(MemoryMode::ordinary, kNeed, 1'000);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan.value().hugepages);
  EXPECT_EQ(plan.value().notice, "");
}

TEST(MemoryPlan, AutoSaysWhatItWouldHaveTaken) {
  const auto plan = plan_memory(MemoryMode::automatic, kNeed, 5);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan.value().hugepages);
  EXPECT_EQ(plan.value().notice,
            "6 hugepages of 2 MiB needed, 5 free: using ordinary memory, which costs some speed "
            "(sysctl -w vm.nr_hugepages=6 reserves them)");
  EXPECT_EQ(plan_memory(MemoryMode::automatic, kNeed, std::nullopt).value().notice,
            "6 hugepages of 2 MiB needed, 0 free: using ordinary memory, which costs some speed "
            "(sysctl -w vm.nr_hugepages=6 reserves them)");
}

TEST(MemoryPlan, HugepagesThatAreShortAreAnError) {
  const auto plan = plan_memory(MemoryMode::hugepages, kNeed, 5);
  ASSERT_FALSE(plan);
  EXPECT_EQ(
      plan.error().text(),
      "[dataplane] memory = \"hugepages\": 6 hugepages of 2 MiB needed, 5 free. Reserve them "
      "(sysctl -w vm.nr_hugepages=6, beside those in use), lower `connections`, or set memory = \"auto\"");
  EXPECT_FALSE(plan_memory(MemoryMode::hugepages, kNeed, std::nullopt));
}

TEST(MemoryNeed, CoversBuffersAndTablesOfEachWorker) {
  Config config = control_test::config({}, {});
  config.dataplane.workers = {1};
  config.dataplane.connections = 100'000;
  const MemoryNeed one = memory_need(config);
  EXPECT_GE(one.table_bytes, FlowTable::bytes_for(100'000) + ProbationTable::bytes_for() +
                                 FragmentTable::bytes_for(FragmentLimits{}));
  EXPECT_EQ(one.table_bytes % kPageBytes, 0U);
  EXPECT_GT(one.buffer_bytes, uint64_t{buffers_for(1)} * buffer_bytes(1500));

  config.dataplane.workers = {1, 2, 3};
  const MemoryNeed three = memory_need(config);
  EXPECT_EQ(three.table_bytes, 3 * one.table_bytes);
  EXPECT_GE(three.buffer_bytes, one.buffer_bytes + 2 * uint64_t{buffers_for(1)} * buffer_bytes(1500));

  // The largest MTU of all ports decides.
  config.ports.push_back(config.ports[0]);
  const MemoryNeed two_ports = memory_need(config);
  EXPECT_GT(two_ports.buffer_bytes, three.buffer_bytes);
  config.ports[1].mtu = 9'000;
  EXPECT_GE(memory_need(config).buffer_bytes, 3 * uint64_t{buffers_for(2)} * buffer_bytes(9'000));
}

TEST(MemoryNeed, HoldsTheFileThatAPortReplays) {
  namespace fs = std::filesystem;
  const fs::path file = fs::path(testing::TempDir()) / ("replay." + std::to_string(getpid()) + ".pcap");
  constexpr uint32_t kHeader[6] = {0xa1b2c3d4, 0x0004'0002, 0, 0, 65535, 1};
  constexpr uint32_t kRecord[4] = {0, 0, 4, 4};  // and four bytes
  {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(kHeader), sizeof kHeader);
    for (int packet = 0; packet < 300; ++packet)
      out.write(reinterpret_cast<const char*>(kRecord), sizeof kRecord).write("ABCD", 4);
  }
  Config config = control_test::config({}, {});
  config.dataplane.workers = {1, 2};
  const auto buffers = [&](const std::string& arguments, unsigned worker) {
    config.ports[0].device = "vdev:net_pcap0," + arguments;
    return worker_buffers(config, worker) - buffers_for(1);
  };
  const std::string receive = "rx_pcap=" + file.string();
  EXPECT_EQ(buffers(receive, 0), 0U) << "played once: each packet gets a buffer when its turn comes";
  EXPECT_EQ(buffers(receive + ",infinite_rx=1", 0), 300U);
  EXPECT_EQ(buffers("infinite_rx=1,tx_pcap=out.pcap," + receive, 0), 300U);
  EXPECT_EQ(buffers(receive + ",infinite_rx=1", 1), 0U) << "one file: the first queue's";
  EXPECT_EQ(buffers("rx_pcap=absent.pcap," + receive + ",infinite_rx=1", 0), 0U);
  EXPECT_EQ(buffers("rx_pcap=absent.pcap," + receive + ",infinite_rx=1", 1), 300U);
  const MemoryNeed with = memory_need(config);
  config.ports[0].device = "vdev:net_null0";
  const MemoryNeed without = memory_need(config);
  EXPECT_GE(with.buffer_bytes - without.buffer_bytes, 300U * buffer_bytes(1500));
  EXPECT_EQ(with.ordinary_buffer_bytes - without.ordinary_buffer_bytes, 300U * 4096U);
  fs::remove(file);
}

TEST(MemoryPlan, OrdinaryMemoryHasRoomForBuffersInSmallPages) {
  constexpr MemoryNeed kSpread{1000, 2000, 1500};
  EXPECT_EQ(plan_memory(MemoryMode::ordinary, kSpread, 0).value().need.buffer_bytes, 1500U);
  EXPECT_EQ(plan_memory(MemoryMode::automatic, kSpread, 0).value().need.buffer_bytes, 1500U);
  EXPECT_EQ(plan_memory(MemoryMode::automatic, kSpread, 10).value().need.buffer_bytes, 1000U);
}

TEST(FreeHugepages, ReadsTheKernelsCount) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / ("memory_plan_test." + std::to_string(getpid()));
  EXPECT_EQ(free_hugepages(folder), std::nullopt) << "no such folder";
  fs::create_directories(folder / "hugepages-2048kB");
  EXPECT_EQ(free_hugepages(folder), std::nullopt) << "no such file";
  const fs::path file = folder / "hugepages-2048kB" / "free_hugepages";
  std::ofstream(file) << "17\n";
  EXPECT_EQ(free_hugepages(folder), 17U);
  std::ofstream(file) << "none\n";
  EXPECT_EQ(free_hugepages(folder), std::nullopt);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace shunt
