// Result<T>: a value, or an Error that says where and what. What control code returns instead of throwing.
//
// Not std::expected: g++ 12 has it only from C++23 on.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace shunt {

// `where` names the thing that failed (a file and line, a device, a backend), `what` the cause, for a person.
struct Error {
  std::string where;
  std::string what;

  std::string text() const { return where.empty() ? what : where + ": " + what; }
};

struct Ok {};

template <typename T = Ok>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor): `return value;`
  Result(Error error)
      : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor): `return Error{…};`

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T take() { return std::move(std::get<0>(state_)); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace shunt
