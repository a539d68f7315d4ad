// NameResolver: DNS questions on an executor, by c-ares: several servers, retries, EDNS, TCP where an answer
// is cut off.
//
// Owner: one thread, the executor's. One resolver is for one round of questions: it reads /etc/resolv.conf
// when it is made, and has fresh ports. Bound: 64 KiB an answer, kMostRecords of it. Time: `timeout` for each
// server, about.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"

namespace shunt {

enum class RecordType : uint16_t { a = 1, aaaa = 28, srv = 33 };  // RFC 1035, 3596, 2782

// RFC 2782
struct SrvRecord {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;  // "." where the service is expressly not there
};

// What a name has of one type. A name that doesn't exist, or has nothing of the type, is an answer too: an
// empty one.
struct NameRecords {
  std::vector<IpAddress> addresses;
  std::vector<SrvRecord> services;
  std::chrono::seconds ttl{0};  // the least of the records used, aliases included; of a negative answer 0
};

class NameResolver {
 public:
  static constexpr size_t kMostRecords = 4'096;

  // `servers`: "192.0.2.53:53", "[2001:db8::53]:53"; none: those of /etc/resolv.conf.
  static Result<std::unique_ptr<NameResolver>> open(const boost::asio::any_io_executor& executor,
                                                    const std::vector<std::string>& servers,
                                                    std::chrono::milliseconds timeout);
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // The resolver has to live until the coroutine is over; cancel() ends it.
  boost::asio::awaitable<Result<NameRecords>> query(std::string name, RecordType type);
  // As programs look up hosts: /etc/hosts, search lists, both families. In the order to try them.
  boost::asio::awaitable<Result<std::vector<IpAddress>>> addresses(std::string host);
  void cancel();

 private:
  struct Core;
  explicit NameResolver(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

// The records of a message that belong to `name`, by its aliases too. An error where it isn't a well-formed
// answer.
Result<NameRecords> parse_name_records(const uint8_t* message, size_t size, const std::string& name,
                                       RecordType type);

}  // namespace shunt
