#include "http/api_tls.h"

#include <boost/asio/ssl/context.hpp>

namespace shunt {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Result<std::shared_ptr<ssl::context>> make_api_tls(const std::string& certificate, const std::string& key) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  error_code error;
  if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION) != 1)
    return Error{"[api]", "this OpenSSL has no TLS 1.3"};
  context->use_certificate_chain_file(certificate, error);
  if (error) return Error{"[api] tls_certificate", certificate + ": " + error.message()};
  context->use_private_key_file(key, ssl::context::pem, error);
  if (error) return Error{"[api] tls_key", key + ": " + error.message()};
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return Error{"[api] tls_key", key + ": isn't the key of " + certificate};
  return context;
}

}  // namespace shunt
