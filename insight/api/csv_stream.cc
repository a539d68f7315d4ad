#include "insight/api/csv_stream.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "http/api_stream.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostPieces = 4;
constexpr std::chrono::minutes kLongest{10};

ApiResponse retry_later(const std::string& detail) {
  ApiResponse response = problem(503, detail);
  response.fields["Retry-After"] = "5";
  return response;
}

}  // namespace

// What the thread and the server's share is under the mutex.
class CsvExport::Running : public ApiStream {
 public:
  ~Running() override {
    end();
    if (thread_.joinable()) thread_.join();
  }

  void run(const DatabaseAddress& address, const std::string& view, TimeRange range,
           std::function<void(Result<Ok>)> begun);

  std::optional<std::string> take() override {
    const std::lock_guard lock(mutex_);
    if (pieces_.empty()) return has_ended_ ? std::nullopt : std::optional<std::string>("");
    std::string piece = std::move(pieces_.front());
    pieces_.pop_front();
    room_.notify_one();
    return piece;
  }
  void end() override {
    const std::lock_guard lock(mutex_);
    is_unwanted_ = true;  // under the lock for put(), which waits
    room_.notify_one();
  }
  bool is_cut() const override {
    const std::lock_guard lock(mutex_);
    return is_broken_;
  }
  bool has_ended() const {
    const std::lock_guard lock(mutex_);
    return has_ended_;
  }
  void start(std::function<void()> work) { thread_ = std::thread(std::move(work)); }

 private:
  bool put(std::string_view piece) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return is_unwanted_ || pieces_.size() < kMostPieces; });
    if (!is_unwanted_) pieces_.emplace_back(piece);
    return !is_unwanted_;
  }
  void finish(bool is_whole) {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    is_broken_ = !is_whole;
  }

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::string> pieces_;
  bool has_ended_ = false;
  bool is_broken_ = false;
  std::atomic<bool> is_unwanted_ = false;
  std::thread thread_;
};

// `begun` is called once, before there is anything to take, or with an error instead.
void CsvExport::Running::run(const DatabaseAddress& address, const std::string& view, TimeRange range,
                             std::function<void(Result<Ok>)> begun) {
  Result<WarehouseReader> reader = WarehouseReader::open(address);
  if (!reader) {
    finish(false);
    begun(reader.error());
    return;
  }
  reader.value().set_given_up(&is_unwanted_);
  reader.value().set_deadline(std::chrono::steady_clock::now() + kLongest);
  bool has_begun = false;
  const Result<uint64_t> rows = reader.value().export_csv(view, range, [&](std::string_view piece) {
    if (!std::exchange(has_begun, true)) begun(Ok{});
    return put(piece);
  });
  finish(rows.ok());
  if (!has_begun) begun(rows.ok() ? Result<Ok>(Ok{}) : Result<Ok>(rows.error()));
}

void CsvExport::forget_ended() {
  std::erase_if(running_, [](const std::shared_ptr<Running>& one) { return one->has_ended(); });
}

void CsvExport::start(const std::string& view, TimeRange range, std::function<void(ApiResponse)> answer) {
  forget_ended();
  if (running_.size() >= kMost) {
    answer(retry_later("two exports are on their way already"));
    return;
  }
  const auto running = std::make_shared<Running>();
  running_.push_back(running);
  const auto reply = [view, range, weak = std::weak_ptr(running),
                      answer = std::move(answer)](const Result<Ok>& begun) {
    const auto stream = weak.lock();
    if (!begun || !stream) return answer(retry_later(begun ? "the program ends" : begun.error().text()));
    ApiResponse response;
    response.content_type = "text/csv; charset=utf-8";
    response.fields["Content-Disposition"] = "attachment; filename=\"" + view + "-" +
                                             std::to_string(range.from_s) + "-" + std::to_string(range.to_s) +
                                             ".csv\"";
    response.stream = stream;
    answer(std::move(response));
  };
  running->start([raw = running.get(), io = &io_, address = address_, view, range, reply] {
    raw->run(address, view, range, [io, reply](const Result<Ok>& begun) {
      boost::asio::post(*io, [reply, begun] { reply(begun); });
    });
  });
}

void CsvExport::stop() {
  for (const std::shared_ptr<Running>& one : running_)
    one->end();
  running_.clear();
}

}  // namespace shunt::insight
