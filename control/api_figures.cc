#include "control/api_figures.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "control/status_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kRestFactor = 10;  // a reading's cost, and then so many times that of rest
constexpr int kInterest = 5;     // intervals for which somebody who asked is expected to ask again

const char* state_text(BackendState state) {
  switch (state) {
    case BackendState::up:
      return "up";
    case BackendState::down:
      return "down";
    case BackendState::disabled:
      return "disabled";
    case BackendState::unknown:
      break;
  }
  return "unknown";
}

uint64_t dropped_of(const DropsReport& drops) {
  return std::accumulate(drops.dropped.begin(), drops.dropped.end(), uint64_t{0},
                         [](uint64_t sum, const auto& entry) { return sum + entry.second; });
}

// A counter that was zeroed, as that of a number used again, has gained nothing.
double rate(uint64_t now, uint64_t before, double seconds) {
  return now > before ? static_cast<double>(now - before) / seconds : 0;
}

Json workers_json(const std::vector<WorkerStatus>& workers) {
  Json list = Json::array();
  for (const WorkerStatus& worker : workers) {
    list.push_back({{"cpu", worker.cpu},
                    {"busy", worker.busy},
                    {"packets_per_burst", worker.packets_per_burst},
                    {"ticks_per_packet", worker.ticks_per_packet}});
  }
  return list;
}

}  // namespace

// What a row has gained since the reading before; null where it wasn't there.
struct FigureReader::Round {
  double seconds = 0;  // since the reading before; 0: there was none
  const Readings& before;
  Readings now = {};

  Json rates(const std::string& key, const Counts& counts) {
    now[key] = counts;
    const auto found = before.find(key);
    if (found == before.end() || seconds <= 0) return nullptr;
    return {{"packets", rate(counts.packets, found->second.packets, seconds)},
            {"bytes", rate(counts.bytes, found->second.bytes, seconds)},
            {"new_flows", rate(counts.new_flows, found->second.new_flows, seconds)}};
  }

  Json of_backend(const std::string& service, const BackendStatus& backend) {
    return {{"pool", backend.pool},
            {"name", backend.name},
            {"state", state_text(backend.state)},
            {"weight", backend.weight},
            {"accept", backend.accept},
            {"packets", backend.packets},
            {"bytes", backend.bytes},
            {"new_flows", backend.new_flows},
            {"active_flows", backend.active_flows},
            {"rates", rates(service + "\n" + backend.pool + "\n" + backend.name,
                            {backend.packets, backend.bytes, backend.new_flows})}};
  }

  Json of_service(const ServiceStatus& service, bool with_backends) {
    Json json = {{"name", service.name},
                 {"fit", service.fit},
                 {"backends_up", service.backends_up},
                 {"packets", service.packets},
                 {"bytes", service.bytes},
                 {"new_flows", service.new_flows},
                 {"active_flows", service.active_flows},
                 {"rates", rates(service.name, {service.packets, service.bytes, service.new_flows})}};
    json["backends"] = Json::array();
    for (const BackendStatus& backend : service.backends) {
      if (with_backends) json["backends"].push_back(of_backend(service.name, backend));
    }
    return json;
  }

  // Of the node; its counts are kept under a name that no service has.
  Json of_node(const DropsReport& drops) {
    const uint64_t dropped = dropped_of(drops);
    const Json gained = rates("", {drops.received, drops.sent, dropped});
    const auto or_zero = [&](const char* key) { return gained.is_null() ? 0.0 : gained[key].get<double>(); };
    return {{"received", or_zero("packets")}, {"sent", or_zero("bytes")}, {"dropped", or_zero("new_flows")}};
  }
};

std::string FigureReader::read(Time now) {
  Round round{number_ == 0 ? 0 : std::chrono::duration<double>(now - before_at_).count(), before_};
  const std::vector<ServiceStatus> services = source_.services();
  const size_t pairs =
      std::accumulate(services.begin(), services.end(), size_t{0},
                      [](size_t sum, const ServiceStatus& service) { return sum + service.backends.size(); });
  const DropsReport drops = source_.drops();
  Json json;
  json["number"] = ++number_;
  json["at"] = rfc3339(std::chrono::system_clock::now());
  json["seconds"] = round.seconds;
  json["generation"] = source_.generation();
  json["received"] = drops.received;
  json["sent"] = drops.sent;
  json["dropped"] = dropped_of(drops);
  json["rates"] = round.of_node(drops);
  json["workers"] = workers_json(source_.workers());
  json["all_backends"] = pairs <= kMaxFigureBackends;
  json["services"] = Json::array();
  for (const ServiceStatus& service : services)
    json["services"].push_back(round.of_service(service, pairs <= kMaxFigureBackends));
  before_ = std::move(round.now);
  before_at_ = now;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

struct FigureFeed::State : std::enable_shared_from_this<FigureFeed::State> {
  using Clock = std::chrono::steady_clock;
  State(boost::asio::io_context& io, StatusSource& source, std::chrono::milliseconds every)
      : reader(source), interval(every), timer(io) {}

  void read();
  void wait();

  FigureReader reader;
  const std::chrono::milliseconds interval;
  boost::asio::steady_timer timer;
  std::shared_ptr<const std::string> text;
  std::map<uint64_t, std::function<void()>> viewers;
  uint64_t last_viewer = 0;
  Clock::duration cost{};
  Clock::time_point asked_at;
  Clock::time_point read_at;
  bool running = false;
  bool stopped = false;
};

void FigureFeed::State::read() {
  const auto begin = Clock::now();
  try {
    text = std::make_shared<const std::string>(reader.read(begin));
  } catch (const std::exception&) {
    text = nullptr;  // whoever asks for it gets a 500
  }
  read_at = begin;
  cost = Clock::now() - begin;
}

void FigureFeed::State::wait() {
  running = true;
  timer.expires_after(std::max<Clock::duration>(interval, kRestFactor * cost));
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    self->running = false;
    if (error || self->stopped) return;
    if (self->viewers.empty() && Clock::now() - self->asked_at > kInterest * self->interval) return;
    self->read();
    const auto woken = self->viewers;  // one may leave
    for (const auto& [id, wake] : woken)
      wake();
    self->wait();
  });
}

namespace {

class FigureCursor : public ApiFeedCursor {
 public:
  using Latest = std::function<std::pair<uint64_t, std::shared_ptr<const std::string>>()>;
  FigureCursor(Latest latest, std::function<void()> leave)
      : latest_(std::move(latest)), leave_(std::move(leave)) {}
  ~FigureCursor() override { leave_(); }
  FigureCursor(const FigureCursor&) = delete;
  FigureCursor& operator=(const FigureCursor&) = delete;
  std::shared_ptr<const std::string> next() override {
    auto [number, text] = latest_();
    return std::exchange(seen_, number) == number ? nullptr : std::move(text);
  }

 private:
  Latest latest_;
  std::function<void()> leave_;
  uint64_t seen_ = 0;
};

}  // namespace

FigureFeed::FigureFeed(boost::asio::io_context& io, StatusSource& source, std::chrono::milliseconds interval)
    : state_(std::make_shared<State>(io, source, interval)) {}

FigureFeed::~FigureFeed() {
  stop();
}

void FigureFeed::stop() {
  state_->stopped = true;
  state_->timer.cancel();
}

std::shared_ptr<const std::string> FigureFeed::latest() {
  State& state = *state_;
  state.asked_at = State::Clock::now();
  if (!state.running && !state.stopped) {
    if (state.asked_at - state.read_at >= state.interval) state.read();
    state.wait();
  }
  return state.text;
}

std::unique_ptr<ApiFeedCursor> FigureFeed::watch(std::function<void()> wake) {
  latest();
  const uint64_t id = ++state_->last_viewer;
  state_->viewers.emplace(id, std::move(wake));
  return std::make_unique<FigureCursor>(
      [state = state_] { return std::pair(state->reader.number(), state->text); },
      [state = state_, id] { state->viewers.erase(id); });
}

}  // namespace shunt
