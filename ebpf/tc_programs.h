// BPF programs on an interface's clsact qdisc: attached, found again by their place, taken away.
//
// Ours have a priority and handle of their own, so that others' filters stay as they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

struct bpf_object;

namespace shunt {

enum class TcSide { ingress, egress };

// An object of ours, loaded. What it attached stays when this goes.
class BpfObject {
 public:
  // `name`: for messages.
  static Result<BpfObject> load(std::span<const unsigned char> bytes, const std::string& name);
  BpfObject(BpfObject&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
  BpfObject& operator=(BpfObject&&) = delete;
  ~BpfObject();

  int program(const char* name) const;

 private:
  explicit BpfObject(bpf_object* object) : object_(object) {}
  bpf_object* object_;
};

// The index of an interface.
Result<int> interface_index(const std::string& name);

// In place of ours, if it is there already.
Result<> attach_program(int interface, TcSide side, int program);
// No error if it wasn't there.
Result<> detach_program(int interface, TcSide side);
// Ours; -1 if it isn't there.
UniqueFd attached_program(int interface, TcSide side);
// A map that the program uses; -1 if it has none of this name.
UniqueFd map_of_program(int program, const std::string& name);

}  // namespace shunt
