// TLS of health checks: contexts, which are dear to make and so kept, and the handshake.
//
// Owner: one TlsContexts for each executor. Bound: as many contexts as there are ca_files in use (forgotten
// when there are kMostContexts). OpenSSL bounds records (16 KiB) and certificates (100 KiB) itself. TLS 1.2
// at least.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"
#include "control/config.h"
#include "control/health_probe.h"

namespace shunt {

class TlsContexts {
 public:
  // For `verify` and `ca_file`. A ca_file that has changed is read again.
  Result<std::shared_ptr<boost::asio::ssl::context>> find(const HealthSettings& settings);

 private:
  static constexpr size_t kMostContexts = 256;
  struct Kept {
    std::shared_ptr<boost::asio::ssl::context> context;
    int64_t modified_ns = 0;
  };
  std::map<std::pair<bool, std::string>, Kept> kept_;
};

// Over HealthProbe::stream.
using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

// Connects, makes `stream` (which lives as long as the probe's sockets do) and shakes hands with the name and
// the checks that the target asks for. `protocol`: what ALPN offers and wants back ("h2"); empty: no ALPN.
boost::asio::awaitable<HealthResult> connect_tls(HealthProbe& probe, std::unique_ptr<TlsStream>& stream,
                                                 std::string_view protocol);

// Whether a read ended because the other side closed, with or without a word.
bool is_end(const boost::system::error_code& error);

}  // namespace shunt
