#include "insight/watch/node_watcher.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace shunt::insight {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kSlowUs = 5 * kSecondUs;  // how often discovery is asked for
constexpr int64_t kHurryUs = kSecondUs / 5;
constexpr int kMostEvents = 50;

}  // namespace

struct NodeWatcher::Round {
  std::shared_ptr<NodeAsker> asker;
  Clock clock;
  int64_t began_us = 0;
  uint64_t newest_event = 0;  // the ones after it are asked for
  uint64_t known_generation = 0;
  int64_t known_start_us = 0;
  bool wants_discovery = false;
  bool is_cancelled = false;
  uint64_t left_out = 0;
  bool is_foreign = false;  // what came isn't a shuntd's
  RawAnswers raw;
  NodeAnswers answers;

  asio::awaitable<Result<json>> ask(std::string target) {
    const std::string path = target.substr(0, target.find('?'));
    const auto body = co_await asker->ask(std::move(target));
    if (!body) co_return body.error();
    json answer = json::parse(body.value(), nullptr, false);
    is_foreign = answer.is_discarded();
    if (is_foreign) co_return Error{path, "answers something that isn't JSON"};
    co_return answer;
  }
  // What nobody counts on: without it the reading is good all the same.
  asio::awaitable<void> ask_also(std::string target, json& into) {
    auto answer = co_await ask(std::move(target));
    if (answer)
      into = answer.take();
    else
      ++left_out;
  }
};

NodeWatcher::NodeWatcher(asio::any_io_executor executor, std::shared_ptr<NodeAsker> asker, Clock clock,
                         Events events)
    : executor_(std::move(executor)),
      asker_(std::move(asker)),
      clock_(std::move(clock)),
      events_(std::move(events)),
      self_(std::make_shared<NodeWatcher*>(this)) {}

NodeWatcher::~NodeWatcher() {
  *self_ = nullptr;
  if (round_) asker_->cancel();
}

bool NodeWatcher::is_reading() const {
  return round_ != nullptr;
}

void NodeWatcher::hurry() {
  if (pause_us_ == 0) due_us_ = std::min(due_us_, began_us_ + kHurryUs);
}

void NodeWatcher::turn(int64_t now_us) {
  if (round_ == nullptr) {
    if (now_us >= due_us_) begin(now_us);
  } else if (!round_->is_cancelled && now_us - round_->began_us > kReadingLimitUs) {
    round_->is_cancelled = true;
    asker_->cancel();
  }
}

void NodeWatcher::begin(int64_t now_us) {
  due_us_ = (now_us / kSecondUs + 1) * kSecondUs;
  began_us_ = now_us;
  round_ = std::make_shared<Round>();
  round_->asker = asker_;
  round_->clock = clock_;
  round_->began_us = now_us;
  round_->newest_event = newest_event_;
  round_->known_generation = generation_;
  round_->known_start_us = started_us_;
  round_->wants_discovery = now_us >= slow_due_us_;
  // What the handler holds is the round and a word about whether this is still here.
  auto finished = [self = self_, round = round_](const std::exception_ptr& thrown, const std::string& error) {
    if (*self != nullptr) (*self)->end(*round, thrown ? "the reading ended in an exception" : error);
  };
  asio::co_spawn(executor_, read(round_), std::move(finished));
}

// Whatever is counted first, close together; then what people read. An error in words, or nothing.
asio::awaitable<std::string> NodeWatcher::read(std::shared_ptr<Round> round) {
  struct Question {
    const char* path;
    json* into;
  };
  RawAnswers& raw = round->raw;
  const std::array<Question, 5> questions = {{{"/api/v1/status", &raw.status},
                                              {"/api/v1/services", &raw.services},
                                              {"/api/v1/backends", &raw.backends},
                                              {"/api/v1/outcomes", &raw.outcomes},
                                              {"/api/v1/drops", &raw.drops}}};
  for (const Question& question : questions) {
    auto answer = co_await round->ask(question.path);
    if (!answer) co_return answer.error().text();
    *question.into = answer.take();
    if (question.into == &raw.services) raw.at_us = round->clock();
  }
  auto answers = parse_answers(raw);
  round->is_foreign = !answers;
  if (!answers) co_return "this is no shuntd that is known here: " + answers.error().text();
  round->answers = answers.take();
  const bool is_new = round->answers.started_us != round->known_start_us;
  std::string events = "/api/v1/events?limit=" + std::to_string(kMostEvents);
  if (!is_new && round->newest_event != 0) events += "&after=" + std::to_string(round->newest_event);
  co_await round->ask_also(events, raw.events);
  if (is_new || round->answers.generation != round->known_generation)
    co_await round->ask_also("/api/v1/history", raw.history);
  if (is_new || round->wants_discovery) co_await round->ask_also("/api/v1/discovery", raw.discovery);
  co_return "";
}

void NodeWatcher::end(Round& round, const std::string& error) {
  const auto held = std::move(round_);
  tally_.left_out += round.left_out;
  if (round.is_foreign) ++tally_.bad_answers;
  if (round.is_cancelled) {
    ++tally_.late;
    fail("no answer in " + std::to_string(kReadingLimitUs / kSecondUs) + " s");
  } else if (!error.empty()) {
    fail(error);
  } else {
    take(round);
  }
}

void NodeWatcher::fail(const std::string& why) {
  ++tally_.failures;
  pause_us_ = pause_us_ == 0 ? kFirstPauseUs : std::min(pause_us_ * 2, kLongestPauseUs);
  due_us_ = clock_() + pause_us_;
  events_.failed(why);
}

void NodeWatcher::take(const Round& round) {
  ++tally_.readings;
  pause_us_ = 0;
  due_us_ = std::max(due_us_, (clock_() / kSecondUs + 1) * kSecondUs);
  if (started_us_ != 0 && round.answers.started_us != started_us_) ++tally_.restarts;
  started_us_ = round.answers.started_us;
  if (!round.raw.history.is_null()) generation_ = round.answers.generation;
  if (round.wants_discovery) slow_due_us_ = round.began_us + kSlowUs;
  const json& events = round.raw.events;
  if (events.is_object() && events.contains("newest") && events["newest"].is_number_unsigned())
    newest_event_ = events["newest"].get<uint64_t>();
  events_.reading(round.answers, round.raw);
}

}  // namespace shunt::insight
