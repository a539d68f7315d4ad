#include "http/api_transport.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <optional>

namespace shunt {

namespace asio = boost::asio;

struct ApiTransport::Streams {
  using Plain = boost::beast::basic_stream<Protocol>;
  Streams(Protocol::socket socket, std::shared_ptr<asio::ssl::context> context)
      : plain(std::move(socket)), kept(std::move(context)) {
    if (kept) tls.emplace(plain, *kept);
  }
  Plain plain;
  std::shared_ptr<asio::ssl::context> kept;  // that of a later reload doesn't change this one
  std::optional<asio::ssl::stream<Plain&>> tls;
};

ApiTransport::ApiTransport(Protocol::socket socket, std::shared_ptr<asio::ssl::context> tls)
    : streams_(std::make_unique<Streams>(std::move(socket), std::move(tls))) {}

ApiTransport::~ApiTransport() = default;

ApiTransport::executor_type ApiTransport::get_executor() {
  return streams_->plain.get_executor();
}

bool ApiTransport::is_tls() const {
  return streams_->tls.has_value();
}

ApiTransport::Protocol::socket& ApiTransport::socket() {
  return streams_->plain.socket();
}

void ApiTransport::expires_after(std::chrono::milliseconds time) {
  streams_->plain.expires_after(time);
}

void ApiTransport::expires_never() {
  streams_->plain.expires_never();
}

void ApiTransport::close() {
  streams_->plain.close();
}

void ApiTransport::connect(const Protocol::endpoint& endpoint, Done done) {
  streams_->plain.async_connect(endpoint, std::move(done));
}

void ApiTransport::accept_tls(Done done) {
  streams_->tls->async_handshake(asio::ssl::stream_base::server, std::move(done));
}

void ApiTransport::connect_tls(const std::string& name, Done done) {
  std::string copy = name;  // what SSL_set_tlsext_host_name() is, without its cast
  if (!copy.empty()) {
    SSL_ctrl(streams_->tls->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             copy.data());
  }
  streams_->tls->async_handshake(asio::ssl::stream_base::client, std::move(done));
}

void ApiTransport::end_tls(Done done) {
  streams_->tls->async_shutdown(std::move(done));
}

void ApiTransport::read(const ReadBuffers& buffers, ApiIoHandler handler) {
  if (streams_->tls) return streams_->tls->async_read_some(buffers, std::move(handler));
  streams_->plain.async_read_some(buffers, std::move(handler));
}

void ApiTransport::write(const WriteBuffers& buffers, ApiIoHandler handler) {
  if (streams_->tls) return streams_->tls->async_write_some(buffers, std::move(handler));
  streams_->plain.async_write_some(buffers, std::move(handler));
}

}  // namespace shunt
