// Requests: Kubernetes API concepts, "Efficient detection of changes": list in pages, watch from its
// resourceVersion, bookmarks, 410 Gone.
#include "control/discovery_kubernetes.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "common/unique_fd.h"
#include "control/discovery_endpoints.h"
#include "control/discovery_entries.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

using nlohmann::json;

constexpr unsigned kGone = 410;
constexpr std::chrono::milliseconds kLeastWatch{500};  // one that ends sooner isn't begun again at once
constexpr size_t kPage = 500;
constexpr size_t kMostTokenBytes = 65'536;
constexpr const char* kPodCa = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

// A pod's environment names the API server.
std::vector<HttpUrl> endpoints_of(const DiscoveryConfig& config) {
  if (!config.endpoints.empty()) return parse_urls(config.endpoints);
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) return {};
  const std::string name = std::strchr(host, ':') == nullptr ? host : "[" + std::string(host) + "]";
  return parse_urls({"https://" + name + ":" + port});
}

DiscoveryConfig with_defaults(DiscoveryConfig config) {
  if (config.endpoints.empty() && config.ca_file.empty()) config.ca_file = kPodCa;
  return config;
}

Result<std::string> read_token(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Error{path, std::strerror(errno)};
  std::string token(kMostTokenBytes, '\0');
  const ssize_t got = read(file.get(), token.data(), token.size());
  if (got < 0) return Error{path, std::strerror(errno)};
  token.resize(static_cast<size_t>(got));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  if (token.empty() || !plain) return Error{path, "isn't a token"};
  return token;
}

// RFC 3986 2.3, for a query: `continue` and versions are opaque texts of the server's.
std::string escaped(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string safe;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      safe += c;
    } else {
      safe += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return safe;
}

std::string metadata_text(const json& object, const char* key) {
  const json* metadata = json_at(object, "metadata");
  return metadata == nullptr ? std::string() : json_text(*metadata, key);
}

// "HTTP 403 endpointslices.discovery.k8s.io is forbidden: …": the message of a Status object.
std::string complaint(unsigned status, const std::string& body) {
  const auto answer = parse_json(body);
  return "HTTP " + std::to_string(status) + " " + shown(answer ? json_text(*answer, "message") : body);
}

}  // namespace

class KubernetesDiscovery::Follower : public EndpointFollower {
 public:
  Follower(const asio::any_io_executor& executor, const DiscoveryConfig& config)
      : EndpointFollower(executor, with_defaults(config), endpoints_of(config)) {}

 private:
  enum class After { go_on, list_again };

  asio::awaitable<Result<>> follow(HttpUrl url) override;
  asio::awaitable<Result<>> list(HttpUrl url);
  asio::awaitable<Result<After>> watch(HttpUrl url);
  Result<After> take_line(const std::string& line, bool& changed);
  Result<> put(const json& slice);
  Result<HttpRequest> request(const std::string& query) const;
  void report() {
    DiscoveryAnswer answer = join_slices(slices_);
    if (beyond_) answer.skip("more than " + std::to_string(kMostSlices) + " EndpointSlices");
    tell(std::move(answer));
  }

  std::map<std::string, EndpointSlice> slices_;
  std::string version_;  // resourceVersion that slices_ are of
  bool beyond_ = false;
};

Result<HttpRequest> KubernetesDiscovery::Follower::request(const std::string& query) const {
  auto token = read_token(config().token_file);
  if (!token) return token.error();
  HttpRequest request;
  request.target = "/apis/discovery.k8s.io/v1/namespaces/" + config().name_space +
                   "/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D" + config().service + query;
  request.fields = {{"Authorization", "Bearer " + token.value()}};
  return request;
}

asio::awaitable<Result<>> KubernetesDiscovery::Follower::follow(HttpUrl url) {
  if (auto listed = co_await list(url); !listed || stopped()) co_return listed;
  report();
  while (!stopped()) {
    const auto watched = co_await watch(url);
    if (!watched) co_return watched.error();
    if (watched.value() == After::list_again) co_return Ok{};
    report();  // nothing new is news too: the answer is of now
  }
  co_return Ok{};
}

asio::awaitable<Result<>> KubernetesDiscovery::Follower::list(HttpUrl url) {
  slices_.clear();
  beyond_ = false;
  std::string page;
  do {
    auto question =
        request("&limit=" + std::to_string(kPage) + (page.empty() ? "" : "&continue=" + escaped(page)));
    if (!question) co_return question.error();
    const auto exchange = open_exchange(url);
    const auto reply = co_await exchange->ask(question.take());
    if (!reply) co_return reply.error();
    const auto& [status, text] = reply.value();
    if (status != 200) co_return Error{url.text(), complaint(status, text)};
    const auto body = parse_json(text);
    const json* items = body ? json_at(*body, "items") : nullptr;
    version_ = body ? metadata_text(*body, "resourceVersion") : "";
    if (version_.empty() || (items != nullptr && !items->is_array()))
      co_return Error{url.text(), "the answer isn't a list of EndpointSlices"};
    if (items != nullptr) {
      for (const json& slice : *items) {
        if (auto taken = put(slice); !taken) co_return taken;
      }
    }
    page = metadata_text(*body, "continue");
  } while (!page.empty() && !beyond_ && !stopped());
  co_return Ok{};
}

Result<> KubernetesDiscovery::Follower::put(const json& slice) {
  const std::string name = metadata_text(slice, "name");
  if (name.empty()) return Error{"kubernetes", "an EndpointSlice has no name"};
  if (slices_.size() >= kMostSlices && !slices_.contains(name)) {
    beyond_ = true;
    return Ok{};
  }
  slices_[name] = read_endpoint_slice(slice, config().port_name);
  return Ok{};
}

asio::awaitable<Result<KubernetesDiscovery::Follower::After>> KubernetesDiscovery::Follower::watch(
    HttpUrl url) {
  // The server ends the watch; that it doesn't is a lost connection.
  const auto span =
      std::max<int64_t>(std::chrono::duration_cast<std::chrono::seconds>(config().refresh).count(), 1);
  auto question = request("&watch=1&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(span) +
                          "&resourceVersion=" + escaped(version_));
  if (!question) co_return question.error();
  const auto exchange = open_exchange(url);
  const auto status = co_await exchange->open(question.take());
  if (!status) co_return status.error();
  if (status.value() == kGone) co_return After::list_again;
  if (status.value() != 200) {
    const auto body = co_await exchange->read_body();
    co_return Error{url.text(), "watch: " + complaint(status.value(), body ? body.value() : std::string())};
  }
  bool changed = false;
  const auto begun = std::chrono::steady_clock::now();
  const auto idle = std::chrono::seconds(span) + config().timeout;
  while (!stopped()) {
    const HttpLine line = co_await exchange->read_line(idle);
    if (line.kind == HttpLine::Kind::end) {
      const bool lasted = std::chrono::steady_clock::now() - begun >= kLeastWatch;
      co_return lasted ? After::go_on : After::list_again;
    }
    if (line.kind == HttpLine::Kind::idle) co_return Error{url.text(), "the watch is silent"};
    if (line.kind == HttpLine::Kind::failed) co_return Error{"", line.text};
    const auto taken = take_line(line.text, changed);
    if (!taken) co_return Error{url.text(), taken.error().text()};
    if (taken.value() == After::list_again) co_return After::list_again;
    if (!changed || exchange->has_line()) continue;
    changed = false;
    report();
  }
  co_return After::go_on;
}

Result<KubernetesDiscovery::Follower::After> KubernetesDiscovery::Follower::take_line(const std::string& line,
                                                                                      bool& changed) {
  const auto event = parse_json(line);
  const json* object = event ? json_at(*event, "object") : nullptr;
  if (object == nullptr) return Error{"watch", "a line isn't an event"};
  const std::string type = json_text(*event, "type");
  if (type == "ERROR") {
    const json* code = json_at(*object, "code");
    if (code != nullptr && code->is_number_unsigned() && code->get<unsigned>() == kGone)
      return After::list_again;
    return Error{"watch", shown(json_text(*object, "message"))};
  }
  if (const std::string version = metadata_text(*object, "resourceVersion"); !version.empty())
    version_ = version;
  if (type == "BOOKMARK") return After::go_on;
  if (type == "DELETED") {
    slices_.erase(metadata_text(*object, "name"));
  } else if (type == "ADDED" || type == "MODIFIED") {
    if (auto taken = put(*object); !taken) return taken.error();
  } else {
    return Error{"watch", "an event of the type " + shown(type)};
  }
  changed = true;
  return beyond_ ? After::list_again : After::go_on;
}

KubernetesDiscovery::KubernetesDiscovery(const asio::any_io_executor& executor, const DiscoveryConfig& config)
    : follower_(std::make_shared<Follower>(executor, config)) {}

KubernetesDiscovery::~KubernetesDiscovery() {
  follower_->stop();
}

void KubernetesDiscovery::start(OnAnswer on_answer) {
  follower_->start(std::move(on_answer));
}

}  // namespace shunt
