#include "control/ctl_check.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "control/config_load.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

Json diagnostics_json(const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    Json json;
    json["file"] = diagnostic.file;
    json["line"] = diagnostic.position.line;
    json["column"] = diagnostic.position.column;
    json["id"] = diagnostic_name(diagnostic.id);
    json["message"] = diagnostic.message;
    json["hint"] = diagnostic.hint;
    list.push_back(std::move(json));
  }
  return list;
}

std::string counted(size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string summary(const Config& config) {
  size_t backends = 0;
  for (const PoolConfig& pool : config.pools)
    backends += pool.backends.size();
  return counted(config.services.size(), "service") + ", " + counted(config.pools.size(), "pool") + ", " +
         counted(backends, "backend") + ", " + counted(config.ports.size(), "port");
}

std::string texts(const std::vector<Diagnostic>& diagnostics) {
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics)
    all += printable_lines(diagnostic.text()) + "\n";
  return all;
}

void print_json(const LoadResult& loaded, const CtlIo& io) {
  Json json;
  json["ok"] = loaded.config.has_value();
  json["errors"] = diagnostics_json(loaded.errors);
  json["warnings"] = diagnostics_json(loaded.warnings);
  io.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace

CtlExit check_file(const std::string& file, bool json, const CtlIo& io) {
  const LoadResult loaded = load_config_file(file);
  if (json) {
    print_json(loaded, io);
  } else {
    io.err << texts(loaded.errors) << texts(loaded.warnings);
    if (loaded.config) {
      io.out << printable(file) << ": ok: " << summary(*loaded.config) << '\n';
    } else {
      io.err << printable(file) << ": " << counted(loaded.errors.size(), "error") << '\n';
    }
  }
  return loaded.config ? kExitOk : kExitBadConfiguration;
}

Result<ApiAddress> api_address_in(const std::string& file) {
  const LoadResult loaded = load_config_file(file);
  if (!loaded.config) return Error{"", texts(loaded.errors) + file + ": has no usable [api] listen"};
  const std::vector<std::string>& listen = loaded.config->api.listen;
  for (const std::string& one : listen) {
    if (one.starts_with("unix:")) return ApiAddress::parse(one);
  }
  if (listen.empty()) return Error{file, "[api] listen is empty, so shuntd can't be asked"};
  return ApiAddress::parse(listen.front());
}

}  // namespace shunt
