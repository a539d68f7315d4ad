#include "control/http2_call.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace shunt {
namespace {

constexpr size_t kMostFields = 32;
constexpr uint32_t kHeaderListBytes = 16'384;

uint8_t* bytes_of(const std::string& text) {
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));  // NOLINT: nghttp2 only reads
}

nghttp2_nv field(const std::string& name, const std::string& value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string text_of(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};  // NOLINT
}

}  // namespace

// What nghttp2 calls back; `user` is the call.
struct Http2Call::Callbacks {
  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Answer& answer = static_cast<Http2Call*>(user)->answer_;
    const std::string key = text_of(name, name_size);
    if (key == ":status") {
      answer.status = text_of(value, value_size);
    } else if (answer.fields.size() < kMostFields || answer.fields.contains(key)) {
      answer.fields[key] = text_of(value, value_size);
    }
    return 0;
  }

  static int on_data(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t size, void* user) {
    auto& call = *static_cast<Http2Call*>(user);
    if (call.answer_.body.size() + size > kMostBody) {
      call.error_ = "answer's body larger than 4 KiB";
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    call.answer_.body += text_of(data, size);
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t, uint32_t code, void* user) {
    Answer& answer = static_cast<Http2Call*>(user)->answer_;
    answer.complete = true;
    answer.stream_error = code;
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                           nghttp2_data_source*, void* user) {
    auto& call = *static_cast<Http2Call*>(user);
    const size_t size = std::min(room, call.request_.body.size() - call.body_sent_);
    std::memcpy(to, call.request_.body.data() + call.body_sent_, size);
    call.body_sent_ += size;
    if (call.body_sent_ == call.request_.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
};

Http2Call::Http2Call(Request request) : request_(std::move(request)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  const int made = nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) throw std::bad_alloc();
  submit();
}

Http2Call::~Http2Call() {
  nghttp2_session_del(session_);
}

void Http2Call::submit() {
  const std::array<nghttp2_settings_entry, 2> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kHeaderListBytes},
  }};
  const std::string method = "POST";
  const std::string trailers = "trailers";
  const std::string agent = "shunt-health";
  const std::string names[] = {":method",      ":scheme", ":authority", ":path",
                               "content-type", "te",      "user-agent"};
  const std::array<nghttp2_nv, 7> fields = {field(names[0], method),
                                            field(names[1], request_.scheme),
                                            field(names[2], request_.authority),
                                            field(names[3], request_.path),
                                            field(names[4], request_.content_type),
                                            field(names[5], trailers),
                                            field(names[6], agent)};
  nghttp2_data_provider body{};
  body.read_callback = Callbacks::read_body;
  const bool submitted =
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0 &&
      nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &body, nullptr) > 0;
  if (!submitted) error_ = "the request can't be made";
}

std::string Http2Call::take_output() {
  std::string output;
  while (error_.empty()) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) error_ = nghttp2_strerror(static_cast<int>(size));
    if (size <= 0) break;
    output += text_of(data, static_cast<size_t>(size));
  }
  // nghttp2 answers what it can't read with GOAWAY, and is done then.
  if (error_.empty() && !answer_.complete && nghttp2_session_want_read(session_) == 0)
    error_ = "malformed HTTP/2, or given up by the server";
  return output;
}

bool Http2Call::put_input(std::string_view bytes) {
  received_ += bytes.size();
  if (received_ > kMostBytes) error_ = "answer larger than 64 KiB";
  if (!error_.empty()) return false;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());  // NOLINT
  const ssize_t taken = nghttp2_session_mem_recv(session_, data, bytes.size());
  if (taken < 0 && error_.empty())
    error_ = std::string("malformed HTTP/2: ") + nghttp2_strerror(static_cast<int>(taken));
  return error_.empty();
}

}  // namespace shunt
