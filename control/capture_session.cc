#include "control/capture_session.h"

#include <algorithm>
#include <cstring>

#include "control/pcapng.h"

namespace shunt {

CaptureSession::CaptureSession(std::shared_ptr<CaptureTaps> taps, CaptureNames names,
                               const CaptureBounds& bounds, Clock clock, Ended ended)
    : taps_(std::move(taps)),
      names_(std::move(names)),
      bounds_(bounds),
      clock_(std::move(clock)),
      ended_(std::move(ended)) {
  write_pcapng_section(head_, names_.application);
  for (const std::string& port : names_.ports) {
    write_pcapng_interface(head_, port + " in", bounds_.snap_bytes);
    write_pcapng_interface(head_, port + " out", bounds_.snap_bytes);
  }
}

std::string CaptureSession::comment(const CaptureRecord& record) const {
  std::string text;
  switch (record.kind) {
    case CaptureKind::before:
      text = "before";
      break;
    case CaptureKind::after:
      text = "after";
      break;
    case CaptureKind::dropped:
      text = "dropped: " + std::string(name_of(record.reason));
      break;
    case CaptureKind::answered:
      text = "dropped: " + std::string(name_of(record.reason)) + ", answered";
      break;
    case CaptureKind::punted:
      text = "to the kernel";
      break;
    case CaptureKind::cut:
      text = "before, leaves in pieces";
      break;
  }
  if (record.is_reply) text += ", reply";
  if (record.service != 0) text += ", service " + names_.service(record.service);
  if (record.has_flow) {
    const std::string client = record.client.text();
    text += ", flow " + (record.client.is_v4() ? client : "[" + client + "]");
    if (record.client_port != 0) text += ":" + std::to_string(record.client_port);
  }
  if (record.has_backend) text += ", backend " + names_.backend(record.service, record.backend);
  return text;
}

// False: there are enough packets, and this is another one.
bool CaptureSession::write(const CaptureRecord& record, std::span<const uint8_t> frame,
                           std::vector<Block>& blocks) {
  const bool is_after = record.kind == CaptureKind::after;
  if (!is_after) {
    if (packets_ >= bounds_.packets) return false;
    ++packets_;
  }
  const std::string words = comment(record);
  PcapngPacket packet;
  packet.interface = 2U * record.port + (is_after ? 1U : 0U);
  packet.ns = wall_ns(record.ns);
  packet.wire_bytes = record.wire_bytes;
  packet.is_outbound = is_after;
  packet.bytes = frame;
  packet.comment = words;
  Block block{record.ns, blocks.size(), {}};
  write_pcapng_packet(block.bytes, packet);
  blocks.push_back(std::move(block));
  return true;
}

void CaptureSession::drain(CaptureTap& tap, std::vector<Block>& blocks) {
  FrameRing& ring = tap.ring();
  size_t bytes = 0;
  while (bytes < kTakeBytes) {
    const auto found = ring.front();
    if (!found) return;
    CaptureRecord record;
    std::memcpy(static_cast<void*>(&record), found->frame.data(), sizeof record);
    if (!write(record, found->frame.subspan(sizeof record), blocks)) return;
    bytes += blocks.back().bytes.size();
    ring.pop();
  }
}

// What the workers may still write into their rings when they are told to leave comes with the last ones.
std::optional<std::string> CaptureSession::take() {
  if (over_) return std::nullopt;
  std::string taken = std::exchange(head_, {});
  std::vector<Block> blocks;
  for (const auto& tap : taps_->taps())
    drain(*tap, blocks);
  std::ranges::sort(blocks);
  for (const Block& block : blocks)
    taken += block.bytes;
  const uint64_t now = clock_();
  if (ending_ && blocks.empty()) {
    write_pcapng_lost(taken, 0, wall_ns(now), taps_->missed());
    end();
  } else if (!ending_ && (packets_ >= bounds_.packets || now >= bounds_.until_ns)) {
    ending_ = true;
    taps_->stop();
  }
  return taken;
}

void CaptureSession::end() {
  if (over_) return;
  over_ = true;
  taps_->stop();
  if (ended_) ended_(packets_, taps_->missed());
}

}  // namespace shunt
