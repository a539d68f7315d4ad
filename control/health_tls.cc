#include "control/health_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using boost::system::error_code;

// When a file last changed; 0 for none.
int64_t modified_ns(const std::string& path) {
  struct stat file{};
  if (path.empty() || stat(path.c_str(), &file) != 0) return 0;
  return file.st_mtim.tv_sec * 1'000'000'000LL + file.st_mtim.tv_nsec;
}

// The name that is asked for; nullopt: the backend's address.
std::optional<std::string> server_name(const HealthSettings& settings) {
  std::string name = settings.sni.empty() ? settings.host : settings.sni;
  if (name.starts_with('[')) {  // [2001:db8::1]:443
    name = name.substr(1, name.find(']') - 1);
  } else if (const size_t colon = name.find(':'); colon != std::string::npos && name.rfind(':') == colon) {
    name.resize(colon);
  }
  if (name.ends_with('.')) name.pop_back();
  if (name.empty()) return std::nullopt;
  return name;
}

// RFC 6066 section 3: no addresses in SNI. False: out of memory.
bool set_name(SSL* tls, const HealthTarget& target) {
  const auto name = server_name(target.config);
  const std::string text = name.value_or(target.named().text());
  const bool is_address = IpAddress::parse(text).has_value();
  // SSL_set_tlsext_host_name is a macro with a cast of C's.
  if (!is_address && SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              const_cast<char*>(text.c_str())) != 1)  // NOLINT: it copies
    return false;
  if (!target.config.verify) return true;
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), text.c_str()) == 1;
  SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(tls, text.c_str()) == 1;
}

// RFC 7301 3.1: each name behind its length.
bool set_protocol(SSL* tls, std::string_view protocol) {
  if (protocol.empty()) return true;
  std::string list(1, static_cast<char>(protocol.size()));
  list += protocol;
  return SSL_set_alpn_protos(tls, reinterpret_cast<const unsigned char*>(list.data()),  // NOLINT
                             static_cast<unsigned>(list.size())) == 0;
}

bool has_protocol(SSL* tls, std::string_view protocol) {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(tls, &chosen, &size);
  return protocol.empty() || (size == protocol.size() && std::memcmp(chosen, protocol.data(), size) == 0);
}

HealthResult handshake_error(SSL* tls, bool verify, const error_code& error) {
  if (const long verified = SSL_get_verify_result(tls); verify && verified != X509_V_OK)
    return bad(std::string("certificate: ") + X509_verify_cert_error_string(verified));
  if (is_end(error)) return bad("TLS handshake: closed by the peer");
  return make_result(HealthOutcome::failed, "TLS handshake", error);
}

}  // namespace

bool is_end(const error_code& error) {
  return error == asio::error::eof || error == ssl::error::stream_truncated;
}

Result<std::shared_ptr<ssl::context>> TlsContexts::find(const HealthSettings& settings) {
  const int64_t modified = modified_ns(settings.ca_file);
  const std::pair key(settings.verify, settings.ca_file);
  const auto found = kept_.find(key);
  if (found != kept_.end() && found->second.modified_ns == modified) return found->second.context;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code error;
  if (!settings.verify) {
    context->set_verify_mode(ssl::verify_none, error);
  } else {
    context->set_verify_mode(ssl::verify_peer, error);
    if (!settings.ca_file.empty()) {
      context->load_verify_file(settings.ca_file, error);
    } else {
      context->set_default_verify_paths(error);
    }
  }
  ERR_clear_error();
  if (error) return Error{"ca_file " + settings.ca_file, error.message()};
  if (kept_.size() >= kMostContexts) kept_.clear();
  kept_.insert_or_assign(key, Kept{context, modified});
  return context;
}

asio::awaitable<HealthResult> connect_tls(HealthProbe& probe, std::unique_ptr<TlsStream>& stream,
                                          std::string_view protocol) {
  auto context = probe.tls.find(probe.target.config);
  if (!context) co_return make_result(HealthOutcome::internal, context.error().text());
  HealthResult connected = co_await connect_stream(probe);
  if (!connected.ok()) co_return connected;
  probe.stage = "in the TLS handshake";
  stream = std::make_unique<TlsStream>(probe.stream, *context.value());
  SSL* const tls = stream->native_handle();
  if (!set_name(tls, probe.target) || !set_protocol(tls, protocol))
    co_return make_result(HealthOutcome::internal, "TLS: out of memory");
  const auto [error] = co_await stream->async_handshake(ssl::stream_base::client, kAsValue);
  if (error) co_return handshake_error(tls, probe.target.config.verify, error);
  if (!has_protocol(tls, protocol)) co_return bad("TLS: the server doesn't speak " + std::string(protocol));
  co_return good("TLS established");
}

}  // namespace shunt
