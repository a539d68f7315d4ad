// CsvExport: a view of the warehouse as CSV, on its way to a client in pieces: the thread that reads the
// warehouse waits while four of them are waiting to be sent.
//
// Owner: the server's thread; each export has a thread and a connection of its own, so that a slow client
// holds up no question. Bound: kMost at once, beyond them 503; one takes ten minutes at most. One that breaks
// off cuts its connection.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "http/api_message.h"
#include "insight/warehouse/warehouse_reader.h"

namespace boost::asio {
class io_context;
}

namespace shunt::insight {

class CsvExport {
 public:
  static constexpr size_t kMost = 2;

  CsvExport(boost::asio::io_context& io, DatabaseAddress address) : io_(io), address_(std::move(address)) {}
  ~CsvExport() { stop(); }
  CsvExport(const CsvExport&) = delete;
  CsvExport& operator=(const CsvExport&) = delete;

  // Answers when the first piece is there, or an error.
  void start(const std::string& view, TimeRange range, std::function<void(ApiResponse)> answer);
  void stop();

 private:
  class Running;
  void forget_ended();

  boost::asio::io_context& io_;
  DatabaseAddress address_;
  std::list<std::shared_ptr<Running>> running_;
};

}  // namespace shunt::insight
