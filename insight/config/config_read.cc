#include "insight/config/config_read.h"

#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "common/did_you_mean.h"
#include "insight/config/config_section.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostNodes = 64;
constexpr size_t kMostListeners = 16;
constexpr size_t kLongestName = 63;
constexpr off_t kLargestFile = 1 << 20;

bool is_name(std::string_view text) {
  constexpr std::string_view kOthers = "._-:";
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

class Reader {
 public:
  Reader(const toml::table& root, ConfigProblems& problems) : root_(root), problems_(problems) {}

  InsightConfig read() {
    check_sections();
    read_api();
    read_warehouse();
    read_nodes();
    read_hosts();
    config_.availability = section("slo").number("availability");
    config_.detect = section("detect").boolean("enabled");
    config_.countries_dir = section("countries").text("dir");
    ConfigSection log = section("log");
    config_.log_level = static_cast<LogLevel>(log.choice("level"));
    config_.log_format = static_cast<LogFormat>(log.choice("format"));
    return std::move(config_);
  }

 private:
  void check_sections();
  ConfigSection section(std::string_view name) { return {root_[name].as_table(), name, problems_}; }
  void read_api();
  void read_warehouse();
  void read_nodes();
  void read_node(const toml::table& table);
  void read_hosts();

  const toml::table& root_;
  ConfigProblems& problems_;
  InsightConfig config_;
  std::map<std::string, toml::source_region> names_;
};

// Sections that there aren't, and those that are of another form.
void Reader::check_sections() {
  std::vector<std::string_view> known;
  for (const SectionRow& row : setting_sections()) {
    if (row.name.find('.') == std::string_view::npos) known.push_back(row.name);
  }
  for (const auto& [key, node] : root_) {
    const std::string_view name = key.str();
    const auto row = std::ranges::find(setting_sections(), name, &SectionRow::name);
    if (std::ranges::find(known, name) == known.end()) {
      const std::string near = did_you_mean(name, known);
      problems_.add(key.source(), "there is no section " + quoted(name) + (near.empty() ? "" : "; " + near));
    } else if (row->is_list && !node.is_array_of_tables()) {
      problems_.add(key.source(), quoted(name) + " is a list of tables: write [[" + std::string(name) + "]]");
    } else if (!row->is_list && !node.is_table()) {
      problems_.add(key.source(), quoted(name) + " is a table: write [" + std::string(name) + "]");
    }
  }
}

void Reader::read_api() {
  ConfigSection from = section("api");
  const auto listen = from.texts("listen");
  for (const std::string& text : listen) {
    const auto address = ApiAddress::parse(text);
    if (!address) {
      problems_.add(from.place("listen"),
                    quoted("listen") + ": " + quoted(text) + ": " + address.error().what);
      continue;
    }
    const bool is_double =
        std::ranges::any_of(config_.api.listen, [&](const auto& other) { return other.text() == text; });
    if (is_double) problems_.add(from.place("listen"), quoted("listen") + " has " + quoted(text) + " twice");
    config_.api.listen.push_back(address.value());
  }
  if (listen.empty() || listen.size() > kMostListeners)
    problems_.add(from.place("listen"), quoted("listen") + " has 1 to 16 addresses");
  config_.api.token_file = from.text("token_file");
  config_.api.anonymous = static_cast<AnonymousRole>(from.choice("anonymous"));
  config_.api.tls_certificate = from.text("tls_certificate");
  config_.api.tls_key = from.text("tls_key");
  config_.api.audit_file = from.text("audit_file");
  config_.api.page_dir = from.text("page_dir");
  if (config_.api.tls_certificate.empty() != config_.api.tls_key.empty())
    problems_.add(from.place(config_.api.tls_key.empty() ? "tls_certificate" : "tls_key"),
                  "`tls_certificate` and `tls_key` stand together");
}

void Reader::read_warehouse() {
  ConfigSection from = section("warehouse");
  config_.warehouse.url = from.text("url");
  const std::string& url = config_.warehouse.url;
  const bool is_known =
      url.starts_with("sqlite:/") || url.starts_with("postgresql://") || url.starts_with("postgres://");
  if (!is_known)
    problems_.add(from.place("url"), "`url` is sqlite:/PATH or postgresql://…, not " + quoted(url));
  config_.warehouse.max_bytes = from.size("max_bytes");
  const toml::node* keep = root_["warehouse"]["keep"].node();
  if (keep != nullptr && !keep->is_table())
    problems_.add(keep->source(), "`keep` is a table: write keep = { second = \"24h\" }");
  ConfigSection ages(root_["warehouse"]["keep"].as_table(), "warehouse.keep", problems_);
  config_.warehouse.keep = {ages.age_s("second"), ages.age_s("ten_seconds"), ages.age_s("minute"),
                            ages.age_s("hour"), ages.age_s("flows")};
}

void Reader::read_nodes() {
  const toml::array* list = root_["node"].as_array();
  if (!root_.contains("node")) problems_.add("there is no [[node]]: nothing is watched");
  if (list == nullptr) return;
  if (list->size() > kMostNodes) problems_.add(list->source(), "there are more than 64 nodes");
  for (const toml::node& entry : *list) {
    if (const toml::table* table = entry.as_table()) read_node(*table);
  }
}

void Reader::read_node(const toml::table& table) {
  ConfigSection from(&table, "node", problems_);
  NodeConfig node;
  node.name = from.text("name");
  const bool has_name = from.has("name") && table.get("name")->is_string();
  if (has_name && !is_name(node.name))
    problems_.add(from.place("name"),
                  "`name` has 1 to 63 letters, digits and . _ - :, not " + quoted(node.name));
  const auto [first, is_new] = names_.try_emplace(node.name, from.place("name"));
  if (has_name && !is_new)
    problems_.add(from.place("name"), "there is another node " + quoted(node.name) + ", in line " +
                                          std::to_string(first->second.begin.line));
  const std::string api = from.text("api");
  if (const auto url = HttpUrl::parse_server(api))
    node.api = *url;
  else if (from.has("api") && table.get("api")->is_string())
    problems_.add(
        from.place("api"),
        "`api` is unix:/PATH, HOST:PORT, http://HOST:PORT or https://HOST:PORT, not " + quoted(api));
  node.records = from.text("records");
  node.token_file = from.text("token_file");
  node.ca_file = from.text("ca_file");
  if (!node.ca_file.empty() && !node.api.tls)
    problems_.add(from.place("ca_file"), "`ca_file` is of an `api` with https://");
  if (!node.token_file.empty() && !node.api.socket.empty())
    problems_.add(from.place("token_file"), "`token_file` is of no use over a unix socket");
  config_.nodes.push_back(std::move(node));
}

void Reader::read_hosts() {
  ConfigSection from = section("hosts");
  config_.hosts.enabled = from.boolean("enabled");
  config_.hosts.port = static_cast<uint16_t>(from.number("port"));
  config_.hosts.interval = from.duration("interval");
  config_.hosts.cpu = from.number("cpu");
  config_.hosts.memory = from.number("memory");
  config_.hosts.disk = from.number("disk");
}

// Of a file with any size and kind.
Result<std::string> whole_file(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return Error{path, std::strerror(errno)};
  if (!S_ISREG(found.st_mode)) return Error{path, "is no file"};
  if (found.st_size > kLargestFile) return Error{path, "is larger than 1 MiB"};
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.fail())
    return found.st_size == 0 ? Result<std::string>("") : Error{path, "can't be read"};
  return std::move(text).str();
}

}  // namespace

ReadConfig read_config(std::string_view text, const std::string& file) {
  ConfigProblems problems(file);
  ReadConfig result;
  try {
    const toml::table root = toml::parse(text, file);
    result.config = Reader(root, problems).read();
  } catch (const toml::parse_error& failure) {
    problems.add(failure.source(), std::string(failure.description()));
  }
  result.errors = problems.texts();
  return result;
}

ReadConfig load_config(const std::string& path) {
  const auto text = whole_file(path);
  if (!text) return {{}, {text.error().text()}};
  return read_config(text.value(), path);
}

}  // namespace shunt::insight
