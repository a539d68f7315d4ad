// Numbers and times as a person reads them. Pure functions, no locale.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace shunt {

std::string grouped(uint64_t number);            // 1,234,567
std::string grouped_signed(int64_t number);      // -1,234
std::string si_bytes(uint64_t bytes);            // 999 B, 1.23 MB: powers of 1000, three digits
std::string percent(double ratio);               // 12.3%
std::string fixed(double number, int decimals);  // 18.4
std::string capitals(std::string text);          // no_backend → NO BACKEND
std::string duration_text(double seconds);       // 340 µs, 12.5 ms, 3.00 s, 2 min 5 s
// 192.0.2.1:80, [2001:db8::1]:80; for port 0 `any` stands behind the address.
std::string with_port(const std::string& address, uint64_t port, const char* any);
std::string span_text(std::chrono::seconds span);  // 45 s, 12 min 5 s, 3 h 12 min, 4 d 2 h

}  // namespace shunt
