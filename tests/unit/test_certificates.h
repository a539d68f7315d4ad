// Certificates made while a test runs: a CA, and server certificates that it signs or that sign themselves.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

namespace shunt::testing {

struct Certificate {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> x509;

  std::string pem() const {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(bio.get(), x509.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);  // NOLINT: a macro
    return {data, static_cast<size_t>(size)};
  }
};

struct CertificateWish {
  std::string names = "DNS:a.example,IP:127.0.0.1";  // subjectAltName; empty: none
  long valid_from = -3'600;                          // seconds from now
  long valid_to = 3'600;
  bool is_ca = false;
};

// Signed by `issuer`; nullptr: by itself.
inline Certificate make_certificate(const CertificateWish& wish, const Certificate* issuer = nullptr) {
  static long serial = 1;
  Certificate made{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
  X509* const x509 = made.x509.get();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x509), wish.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(x509), wish.valid_to);
  X509_set_pubkey(x509, made.key.get());
  X509_NAME* const name = X509_get_subject_name(x509);
  const std::string text = "shunt test " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()),
                             -1, -1, 0);
  X509_set_issuer_name(x509, issuer == nullptr ? name : X509_get_subject_name(issuer->x509.get()));
  const auto extend = [&](int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (wish.is_ca) extend(NID_basic_constraints, "critical,CA:TRUE");
  if (!wish.names.empty() && !wish.is_ca) extend(NID_subject_alt_name, wish.names);
  X509_sign(x509, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

inline std::shared_ptr<boost::asio::ssl::context> server_context(const Certificate& certificate) {
  auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  SSL_CTX_use_certificate(context->native_handle(), certificate.x509.get());
  SSL_CTX_use_PrivateKey(context->native_handle(), certificate.key.get());
  return context;
}

}  // namespace shunt::testing
