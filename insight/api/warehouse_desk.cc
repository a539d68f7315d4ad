#include "insight/api/warehouse_desk.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <utility>

namespace shunt::insight {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

ApiResponse retry_later(const std::string& detail) {
  ApiResponse response = problem(503, detail);
  response.fields["Retry-After"] = "1";
  return response;
}

}  // namespace

struct WarehouseDesk::State : std::enable_shared_from_this<WarehouseDesk::State> {
  using Made = Result<std::function<ApiResponse()>>;

  State(asio::io_context& context, DeskSettings from) : io(context), settings(std::move(from)) {}

  Made run(const DeskWork& work, Clock::time_point deadline);
  void finish(const Made& made, const Answer& answer);

  asio::io_context& io;
  const DeskSettings settings;
  Tally tally;
  std::atomic<bool> stopped = false;
  std::optional<WarehouseReader> reader;    // the desk's thread's
  std::optional<asio::thread_pool> thread;  // from the first question on
};

WarehouseDesk::State::Made WarehouseDesk::State::run(const DeskWork& work, Clock::time_point deadline) {
  if (stopped) return Error{"warehouse", "the program ends"};
  if (Clock::now() >= deadline) return Error{"warehouse", "too many questions are waiting"};
  try {
    if (!reader) {
      Result<WarehouseReader> opened = WarehouseReader::open(settings.address, settings.retention);
      if (!opened) return opened.error();
      reader.emplace(opened.take());
      reader->set_given_up(&stopped);
    }
    reader->set_deadline(deadline);
    Made made = work(*reader);
    if (!made) reader.reset();
    return made;
  } catch (const std::exception& error) {
    reader.reset();
    return Error{"warehouse", error.what()};
  }
}

void WarehouseDesk::State::finish(const Made& made, const Answer& answer) {
  --tally.waiting;
  if (stopped) return;
  if (!made) {
    ++tally.failed;
    answer(retry_later(made.error().text()));
    return;
  }
  try {
    answer(made.value()());
  } catch (const std::exception& error) {
    answer(problem(500, error.what()));
  }
}

WarehouseDesk::WarehouseDesk(asio::io_context& io, DeskSettings settings)
    : settings_(settings), state_(std::make_shared<State>(io, std::move(settings))) {}

WarehouseDesk::~WarehouseDesk() {
  stop();
}

const WarehouseDesk::Tally& WarehouseDesk::tally() const {
  return state_->tally;
}

void WarehouseDesk::ask(DeskWork work, Answer answer) {
  if (state_->stopped) return;
  ++state_->tally.asked;
  if (state_->tally.waiting >= settings_.waiting) {
    ++state_->tally.refused;
    answer(retry_later("the warehouse has " + std::to_string(settings_.waiting) + " questions waiting"));
    return;
  }
  ++state_->tally.waiting;
  if (!state_->thread) state_->thread.emplace(1);
  const Clock::time_point deadline = Clock::now() + settings_.deadline;
  // The thread is joined before the state goes, so work may refer to it.
  asio::post(*state_->thread, [state = state_.get(), weak = state_->weak_from_this(), deadline,
                               work = std::move(work), answer = std::move(answer)]() mutable {
    auto made = std::make_shared<State::Made>(state->run(work, deadline));
    asio::post(state->io, [weak, made, answer = std::move(answer)] {
      if (const auto self = weak.lock()) self->finish(*made, answer);
    });
  });
}

void WarehouseDesk::stop() {
  state_->stopped = true;
  if (!state_->thread) return;
  state_->thread->stop();
  state_->thread->join();
  state_->thread.reset();
  state_->reader.reset();
}

}  // namespace shunt::insight
