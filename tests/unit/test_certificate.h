// A certificate for 127.0.0.1 and localhost, signed by itself, and its key, as PEM files: made anew for each
// test.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

namespace shunt {

class TestCertificate {
 public:
  explicit TestCertificate(const std::string& folder)
      : certificate_(folder + "/cert.pem"), key_(folder + "/key.pem") {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509* x509 = made.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3'600);
    X509_set_pubkey(x509, key.get());
    X509_NAME* name = X509_get_subject_name(x509);
    const std::string common = "shunt test";
    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key.get(), EVP_sha256());
    write(certificate_, [&](std::FILE* file) { PEM_write_X509(file, x509); });
    write(key_, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  const std::string& certificate() const { return certificate_; }
  const std::string& key() const { return key_; }

 private:
  template <typename Print>
  static void write(const std::string& path, Print print) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    print(file);
    std::fclose(file);
  }
  std::string certificate_;
  std::string key_;
};

}  // namespace shunt
