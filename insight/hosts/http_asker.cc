// One exchange, and a timer that ends it.
#include "insight/hosts/http_asker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

#include "http/http_client.h"

namespace shunt::insight {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kStep{3'000};  // connecting, and each wait for more
constexpr std::chrono::milliseconds kWhole{5'000};
constexpr size_t kMostBytes = 4U << 20U;

struct Question {
  std::shared_ptr<HttpExchange> exchange;
  asio::steady_timer deadline;
  std::string where;
  HostScraper::Answer answer;
};

asio::awaitable<void> fetch(std::shared_ptr<Question> question) {
  HttpRequest request;
  request.target = "/metrics";
  request.fields.emplace_back("Accept", "text/plain;version=0.0.4");
  Result<HttpReply> reply = co_await question->exchange->ask(std::move(request));
  question->deadline.cancel();
  if (!reply)
    question->answer(reply.error());
  else if (reply.value().status != 200)
    question->answer(Error{question->where, "answered with status " + std::to_string(reply.value().status)});
  else
    question->answer(std::move(reply.value().body));
}

}  // namespace

HostScraper::Ask http_asker(asio::any_io_executor executor) {
  return [executor = std::move(executor)](const std::string& address, uint16_t port,
                                          HostScraper::Answer answer) {
    HttpUrl url;
    url.host = address;
    url.port = port;
    HttpLimits limits;
    limits.timeout = kStep;
    limits.body_bytes = kMostBytes;
    auto question = std::make_shared<Question>(
        Question{std::make_shared<HttpExchange>(executor, url, HttpTlsFiles{}, limits),
                 asio::steady_timer(executor), url.text(), std::move(answer)});
    question->deadline.expires_after(kWhole);
    question->deadline.async_wait([waits = std::weak_ptr(question)](boost::system::error_code error) {
      if (const auto late = waits.lock(); late != nullptr && !error) late->exchange->cancel();
    });
    asio::co_spawn(executor, fetch(std::move(question)), asio::detached);
  };
}

}  // namespace shunt::insight
