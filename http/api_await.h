// await_callback: a coroutine that waits for a function which answers by a callback.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace shunt {

// Calls `start` with a callback, which may be called at once or later, once, on the same thread. A callback
// that is thrown away uncalled ends the coroutine.
template <typename T>
boost::asio::awaitable<T> await_callback(std::function<void(std::function<void(T)>)> start) {
  namespace asio = boost::asio;
  using Answer = std::optional<T>;  // not T: Asio throws an error_code that comes alone
  Answer answer = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
      [](auto handler, const std::function<void(std::function<void(T)>)>& begin) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        begin([kept](T value) {
          const auto executor = asio::get_associated_executor(*kept);
          asio::post(executor, [kept, given = Answer(std::move(value))]() mutable {
            std::move (*kept)(std::move(given));
          });
        });
      },
      asio::use_awaitable, std::move(start));
  co_return *std::move(answer);
}

}  // namespace shunt
