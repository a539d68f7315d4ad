// SharedMapping: memory of a file descriptor, mapped for as long as this lives.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace shunt {

class SharedMapping {
 public:
  SharedMapping() = default;
  // Its first `bytes`. Empty if the kernel refuses: errno says why.
  SharedMapping(int fd, size_t bytes, bool writable) {
    void* at = ::mmap(nullptr, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return;
    data_ = static_cast<uint8_t*>(at);
    bytes_ = bytes;
  }
  SharedMapping(SharedMapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  SharedMapping& operator=(SharedMapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~SharedMapping() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }

  explicit operator bool() const { return data_ != nullptr; }
  uint8_t* data() const { return data_; }
  size_t size() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace shunt
