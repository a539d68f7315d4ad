#include "tests/unit/api_harness.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <utility>

namespace shunt {

ServerOnThread::ServerOnThread(ApiLimits limits, ApiSettings settings, std::vector<ApiRoute> more)
    : work_(io_.get_executor()) {
  settings.listen = {unix_address(), "127.0.0.1:0"};
  auto started = ApiServer::start(io_, {status, events, std::move(more)}, settings, limits);
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().text());
  if (!started) return;
  server_ = started.take();
  tcp_address_ = server_->addresses().at(1);
  thread_ = std::thread([this] { io_.run(); });
}

ServerOnThread::~ServerOnThread() {
  if (!thread_.joinable()) return;
  stop();
  work_.reset();
  thread_.join();
}

void ServerOnThread::on_control_thread(const std::function<void()>& work) {
  std::promise<void> done;
  boost::asio::post(io_, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void ServerOnThread::stop() {
  on_control_thread([this] { server_->stop(); });
}

}  // namespace shunt
