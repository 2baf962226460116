#include "export/perfetto_writer.h"

#include "perfetto_trace.pb.h"

namespace vrapl {
namespace {

namespace pb = perfetto::protos;

// All packets are of one sequence; which one does not matter, but 0 is none.
constexpr uint32_t kSequence = 1;

pb::TracePacket EventAt(int64_t at_ns, uint64_t uuid, pb::TrackEvent::Type type) {
  pb::TracePacket packet;
  packet.set_timestamp(static_cast<uint64_t>(at_ns));
  packet.set_timestamp_clock_id(pb::BUILTIN_CLOCK_MONOTONIC);
  packet.mutable_track_event()->set_type(type);
  packet.mutable_track_event()->set_track_uuid(uuid);
  return packet;
}

}  // namespace

// A trace is packets one after the other, each as the field of a message `Trace`.
absl::Status PerfettoWriter::Write(pb::TracePacket& packet) {
  packet.set_trusted_packet_sequence_id(kSequence);
  if (!std::exchange(begun_, true)) packet.set_sequence_flags(pb::TracePacket::SEQ_INCREMENTAL_STATE_CLEARED);
  pb::Trace one;
  *one.add_packet() = std::move(packet);
  return file_.Write(one.SerializeAsString());
}

absl::Status PerfettoWriter::Clocks(const TraceClocks& clocks) {
  pb::TracePacket packet;
  for (const auto& [id, ns] : {std::pair(pb::BUILTIN_CLOCK_MONOTONIC, clocks.monotonic_ns),
                               std::pair(pb::BUILTIN_CLOCK_BOOTTIME, clocks.boottime_ns),
                               std::pair(pb::BUILTIN_CLOCK_REALTIME, clocks.realtime_ns)}) {
    pb::ClockSnapshot::Clock& clock = *packet.mutable_clock_snapshot()->add_clocks();
    clock.set_clock_id(static_cast<uint32_t>(id));
    clock.set_timestamp(static_cast<uint64_t>(ns));
  }
  return Write(packet);
}

absl::Status PerfettoWriter::AddTrack(const Track& track, uint64_t& uuid) {
  uuid = ++last_uuid_;
  pb::TracePacket packet;
  pb::TrackDescriptor& descriptor = *packet.mutable_track_descriptor();
  descriptor.set_uuid(uuid);
  if (track.parent != 0) descriptor.set_parent_uuid(track.parent);
  // A viewer sorts tracks by name unless their parent asks for the order of the ranks.
  descriptor.set_sibling_order_rank(static_cast<int32_t>(uuid));
  if (track.keep_order) descriptor.set_child_ordering(pb::TrackDescriptor::EXPLICIT);
  if (track.pid) {
    descriptor.mutable_process()->set_pid(*track.pid);
    descriptor.mutable_process()->set_process_name(track.name);
  } else {
    descriptor.set_name(track.name);
  }
  if (!track.counter_unit.empty()) descriptor.mutable_counter()->set_unit_name(track.counter_unit);
  return Write(packet);
}

absl::Status PerfettoWriter::Counter(uint64_t uuid, int64_t at_ns, double value) {
  pb::TracePacket packet = EventAt(at_ns, uuid, pb::TrackEvent::TYPE_COUNTER);
  packet.mutable_track_event()->set_double_counter_value(value);
  return Write(packet);
}

absl::Status PerfettoWriter::Instant(uint64_t uuid, int64_t at_ns, const std::string& name,
                                     const Annotations& annotations) {
  pb::TracePacket packet = EventAt(at_ns, uuid, pb::TrackEvent::TYPE_INSTANT);
  packet.mutable_track_event()->set_name(name);
  for (const auto& [key, value] : annotations) {
    pb::DebugAnnotation& annotation = *packet.mutable_track_event()->add_debug_annotations();
    annotation.set_name(key);
    annotation.set_string_value(value);
  }
  return Write(packet);
}

absl::Status PerfettoWriter::Slice(uint64_t uuid, int64_t from_ns, int64_t to_ns, const std::string& name) {
  pb::TracePacket begin = EventAt(from_ns, uuid, pb::TrackEvent::TYPE_SLICE_BEGIN);
  begin.mutable_track_event()->set_name(name);
  if (absl::Status status = Write(begin); !status.ok()) return status;
  pb::TracePacket end = EventAt(to_ns, uuid, pb::TrackEvent::TYPE_SLICE_END);
  return Write(end);
}

}  // namespace vrapl
