#include "tests/tools/echo_udp.h"

#include <cerrno>

#include "tests/tools/destination.h"

namespace shunt {
namespace {

constexpr int kBufferBytes = 16 << 20;

}  // namespace

EchoUdp::EchoUdp(Fd socket, Poller& poller, Answerer& answerer, EchoCounts& counts)
    : socket_(std::move(socket)), answerer_(answerer), counts_(counts) {
  ask_for_destination(socket_.get());
  grow_buffers(socket_.get(), kBufferBytes);
  poller.add(socket_.get(), EPOLLIN, this);
}

void EchoUdp::on_ready(uint32_t /*events*/, uint64_t /*now_ns*/) {
  const size_t count = receive();
  answer_count_ = 0;
  for (size_t i = 0; i < count; ++i)
    answer(i);
  send();
}

size_t EchoUdp::receive() {
  for (size_t i = 0; i < kBatch; ++i) {
    Datagram& datagram = datagrams_[i];
    datagram.vector = {datagram.bytes.data(), datagram.bytes.size()};
    msghdr& header = received_[i].msg_hdr;
    header = {};
    header.msg_name = datagram.peer.get();
    header.msg_namelen = sizeof datagram.peer.storage;
    header.msg_iov = &datagram.vector;
    header.msg_iovlen = 1;
    header.msg_control = datagram.control.data();
    header.msg_controllen = datagram.control.size();
  }
  const int got = recvmmsg(socket_.get(), received_.data(), kBatch, MSG_DONTWAIT, nullptr);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

void EchoUdp::answer(size_t number) {
  Datagram& datagram = datagrams_[number];
  const std::span<uint8_t> frame(datagram.bytes.data(), received_[number].msg_len);
  const auto question = read_question(frame);
  if (!question) {
    ++counts_.not_ours;
    return;
  }
  ++counts_.udp_messages;
  const unsigned copies = answerer_.answer(frame, count_message(question->nonce));
  datagram.vector.iov_len = frame.size();
  send_from_destination(received_[number].msg_hdr);
  for (unsigned i = 0; i < copies; ++i)
    answers_[answer_count_++].msg_hdr = received_[number].msg_hdr;
}

void EchoUdp::send() {
  size_t sent = 0;
  while (sent < answer_count_) {
    const int done =
        sendmmsg(socket_.get(), &answers_[sent], static_cast<unsigned>(answer_count_ - sent), MSG_DONTWAIT);
    if (done > 0) {
      sent += static_cast<size_t>(done);
    } else if (errno != EINTR) {
      ++counts_.udp_send_failed;  // the first of them; the others are tried
      ++sent;
    }
  }
}

uint64_t EchoUdp::count_message(uint64_t nonce) {
  if (!answerer_.faults().any_per_message()) return 1;
  if (messages_of_.size() >= kMaxFlows) messages_of_.clear();
  return ++messages_of_[nonce];
}

}  // namespace shunt
