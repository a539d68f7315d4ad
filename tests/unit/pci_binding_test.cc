// What an operator is told about a PCI device that DPDK couldn't take, from a sysfs made by hand.
#include "dataplane/pci_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace shunt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAddress = "0000:3b:00.0";
constexpr const char* kCommand = "dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0";

class PciBindingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "pci_binding.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    sysfs_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(sysfs_); }

  // An empty driver: none.
  void make_device(const std::string& driver, bool has_iommu) {
    const std::filesystem::path device = sysfs_ / kAddress;
    std::filesystem::create_directory(device);
    std::ofstream(device / "vendor") << "0x8086\n";
    std::ofstream(device / "device") << "0x10d3\n";
    if (!driver.empty()) std::filesystem::create_symlink("../../drivers/" + driver, device / "driver");
    if (has_iommu) std::filesystem::create_directory(device / "iommu_group");
  }
  std::string why() const { return why_not_usable(kAddress, sysfs_); }

  std::filesystem::path sysfs_;
};

TEST(FullPciAddress, IsWrittenAsSysfsWritesIt) {
  EXPECT_EQ(full_pci_address("3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(full_pci_address("0000:3b:00.1"), "0000:3b:00.1");
  EXPECT_EQ(full_pci_address("10000:AB:1f.7"), "10000:ab:1f.7");
}

TEST_F(PciBindingTest, NoSuchDevice) {
  EXPECT_THAT(why(), AllOf(HasSubstr("no PCI device"), HasSubstr("lspci"), Not(HasSubstr("devbind"))));
}

TEST_F(PciBindingTest, AKernelDriverIsNamedWithTheCommandThatTakesItAway) {
  make_device("e1000e", true);
  EXPECT_THAT(why(), AllOf(HasSubstr("driver e1000e has it"), HasSubstr(kCommand),
                           HasSubstr("kernel interface goes away"), Not(HasSubstr("intel_iommu"))));
}

TEST_F(PciBindingTest, UnboundNeedsTheCommandOnly) {
  make_device("", true);
  EXPECT_THAT(why(), AllOf(HasSubstr("isn't bound to vfio-pci"), HasSubstr(kCommand),
                           Not(HasSubstr("goes away")), Not(HasSubstr("intel_iommu"))));
}

TEST_F(PciBindingTest, WithoutAnIommuThatComesFirst) {
  make_device("e1000e", false);
  EXPECT_THAT(why(),
              AllOf(HasSubstr("driver e1000e has it"), HasSubstr("intel_iommu=on"), HasSubstr(kCommand)));
}

TEST_F(PciBindingTest, WithoutAnIommuThereIsUio) {
  make_device("", false);
  EXPECT_THAT(why(), AllOf(HasSubstr("isn't bound"), HasSubstr("uio_pci_generic and use hugepages")));
}

TEST_F(PciBindingTest, UioNeedsHugepages) {
  make_device("uio_pci_generic", false);
  EXPECT_THAT(why(), AllOf(HasSubstr("bound to uio_pci_generic"), HasSubstr("memory isn't hugepages"),
                           Not(HasSubstr("IOMMU"))));
}

TEST_F(PciBindingTest, BoundRightButRefused) {
  make_device("vfio-pci", true);
  EXPECT_THAT(why(), AllOf(HasSubstr("bound to vfio-pci"), HasSubstr("another process"),
                           HasSubstr("8086:10d3"), HasSubstr("IOMMU group"), Not(HasSubstr("devbind"))));
}

}  // namespace
}  // namespace shunt
