#include "control/base64.h"

#include <openssl/evp.h>

namespace shunt {

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  const size_t end = text.find('=');
  const size_t padding = end == std::string_view::npos ? 0 : text.size() - end;
  const bool well_formed = text.size() % 4 == 0 && padding <= 2 &&
                           text.find_first_of(" \t\r\n-") == std::string_view::npos &&
                           (padding < 2 || text.ends_with("=="));
  if (!well_formed) return std::nullopt;
  if (text.empty()) return std::string();
  std::string bytes(3 * (text.size() / 4), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

}  // namespace shunt
