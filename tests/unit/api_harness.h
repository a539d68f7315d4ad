// A real ApiServer on a thread of its own, listening on a unix socket in a new folder and on a loopback port;
// and a client that writes and reads bytes as they are, with a deadline on each.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "control/api_server.h"
#include "tests/unit/fake_status.h"

namespace shunt {

// A folder of the test's own, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

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

struct RawAnswer {
  unsigned status = 0;                        // 0: the connection ended before an answer
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(const std::string& address);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // False when the other side has closed.
  bool send(const std::string& bytes);
  void finish_sending();
  RawAnswer read_answer(bool without_body = false);
  // So many; fewer at the end.
  std::string read_bytes(size_t size);
  // Whether the other side ended the connection, after at most the deadline; what came before is thrown away.
  bool ends();
  // The same, by an orderly end and not by a reset, which may cost the client the last answer.
  bool ends_in_order();

 private:
  bool read_more();
  bool read_chunks(RawAnswer& answer);
  int fd_ = -1;
  bool connected_ = false;
  bool in_order_ = false;
  std::string received_;
};

RawAnswer ask(const std::string& address, const std::string& method, const std::string& target);
std::string request_text(const std::string& method, const std::string& target, const std::string& more = {});

}  // namespace shunt
