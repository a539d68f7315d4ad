// A WebSocket as tests need it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/http_harness.h"

namespace shunt {

// RFC 6455 as far as the tests need it: frames of the server, unmasked, whole.
class WebSocket {
 public:
  WebSocket(const std::string& address, const std::string& target, const std::string& more = {})
      : client_(address) {
    client_.send(request_text("GET", target,
                              "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                                  more));
    answer_ = client_.read_answer(true);
  }
  RawAnswer& answer() { return answer_; }
  RawClient& client() { return client_; }
  // The next text message as JSON; null at the end.
  nlohmann::json next() {
    for (;;) {
      const std::string head = client_.read_bytes(2);
      if (head.size() < 2) return nullptr;
      size_t size = static_cast<uint8_t>(head[1]) & 0x7fU;
      if (size >= 126) {
        const std::string more = client_.read_bytes(size == 126 ? 2 : 8);
        size = 0;
        for (const char c : more)
          size = size << 8U | static_cast<uint8_t>(c);
      }
      const std::string body = client_.read_bytes(size);
      if ((static_cast<uint8_t>(head[0]) & 0x0fU) == 1) return nlohmann::json::parse(body);
      if ((static_cast<uint8_t>(head[0]) & 0x0fU) == 9)  // a ping: a pong, masked by zeros
        client_.send(std::string("\x8a") + static_cast<char>(0x80U | body.size()) + std::string(4, '\0') +
                     body);
      if ((static_cast<uint8_t>(head[0]) & 0x0fU) == 8) return nullptr;
    }
  }

 private:
  RawClient client_;
  RawAnswer answer_;
};

}  // namespace shunt
