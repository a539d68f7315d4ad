#include "ebpf/tc_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace shunt {
namespace {

constexpr uint32_t kPriority = 7'343;
constexpr uint32_t kHandle = 1;

bpf_tc_hook hook_of(int interface, TcSide side) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = interface;
  hook.attach_point = side == TcSide::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
  return hook;
}

bpf_tc_opts our_place() {
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.handle = kHandle;
  options.priority = kPriority;
  return options;
}

Error error_of(const std::string& what, int result) {
  return {what, std::strerror(-result)};
}

}  // namespace

Result<BpfObject> BpfObject::load(std::span<const unsigned char> bytes, const std::string& name) {
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.object_name = name.c_str();
  bpf_object* const object = bpf_object__open_mem(bytes.data(), bytes.size(), &options);
  if (object == nullptr) return error_of(name, -errno);
  BpfObject loaded(object);
  const int result = bpf_object__load(object);
  if (result != 0) return error_of("the kernel doesn't take " + name, result);
  return loaded;
}

BpfObject::~BpfObject() {
  if (object_ != nullptr) bpf_object__close(object_);
}

int BpfObject::program(const char* name) const {
  return bpf_program__fd(bpf_object__find_program_by_name(object_, name));
}

Result<int> interface_index(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) return Error{name, "no such interface"};
  return static_cast<int>(index);
}

Result<> attach_program(int interface, TcSide side, int program) {
  bpf_tc_hook hook = hook_of(interface, side);
  const int made = bpf_tc_hook_create(&hook);
  if (made != 0 && made != -EEXIST) return error_of("clsact", made);
  bpf_tc_opts options = our_place();
  options.prog_fd = program;
  options.flags = BPF_TC_F_REPLACE;
  const int result = bpf_tc_attach(&hook, &options);
  if (result != 0) return error_of("tc", result);
  return Ok{};
}

Result<> detach_program(int interface, TcSide side) {
  const bpf_tc_hook hook = hook_of(interface, side);
  const bpf_tc_opts options = our_place();
  const int result = bpf_tc_detach(&hook, &options);
  if (result != 0 && result != -ENOENT && result != -EINVAL) return error_of("tc", result);
  return Ok{};
}

UniqueFd attached_program(int interface, TcSide side) {
  const bpf_tc_hook hook = hook_of(interface, side);
  bpf_tc_opts options = our_place();
  if (bpf_tc_query(&hook, &options) != 0) return UniqueFd(-1);
  return UniqueFd(bpf_prog_get_fd_by_id(options.prog_id));
}

UniqueFd map_of_program(int program, const std::string& name) {
  std::array<uint32_t, 16> maps{};
  bpf_prog_info info{};
  info.nr_map_ids = maps.size();
  info.map_ids = reinterpret_cast<uintptr_t>(maps.data());
  uint32_t bytes = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &bytes) != 0) return UniqueFd(-1);
  for (size_t i = 0; i < std::min<size_t>(info.nr_map_ids, maps.size()); ++i) {
    UniqueFd map(bpf_map_get_fd_by_id(maps[i]));
    bpf_map_info of_map{};
    bytes = sizeof of_map;
    if (map.get() >= 0 && bpf_obj_get_info_by_fd(map.get(), &of_map, &bytes) == 0 && name == of_map.name)
      return map;
  }
  return UniqueFd(-1);
}

}  // namespace shunt
