// The API's TLS: 1.3 and nothing below, one certificate chain for every TCP address.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"

namespace boost::asio::ssl {
class context;
}

namespace shunt {

// From PEM files: the chain, the node's certificate first, and its key. An error names the file.
Result<std::shared_ptr<boost::asio::ssl::context>> make_api_tls(const std::string& certificate,
                                                                const std::string& key);

}  // namespace shunt
