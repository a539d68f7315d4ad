// A real ApiServer on a thread of its own, listening on a unix socket in a new folder and on a loopback port.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "control/api_server.h"
#include "tests/unit/fake_status.h"
#include "tests/unit/http_harness.h"

namespace shunt {

class ServerOnThread {
 public:
  explicit ServerOnThread(ApiLimits limits = {}, ApiSettings settings = {}, std::vector<ApiRoute> more = {});
  ~ServerOnThread();
  ServerOnThread(const ServerOnThread&) = delete;
  ServerOnThread& operator=(const ServerOnThread&) = delete;

  // Runs it on the server's thread and waits for its end.
  void on_control_thread(const std::function<void()>& work);
  void stop();

  std::string socket_path() const { return folder_.path() + "/api.sock"; }
  std::string unix_address() const { return "unix:" + socket_path(); }
  std::string tcp_address() const { return tcp_address_; }
  ApiServer& server() { return *server_; }

  FakeStatus status = fake_status();  // touched on the control thread only, once the server runs
  EventLog events;                    // likewise

 private:
  TemporaryFolder folder_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<ApiServer> server_;
  std::string tcp_address_;
  std::thread thread_;
};

}  // namespace shunt
