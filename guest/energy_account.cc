#include "guest/energy_account.h"

#include <cinttypes>
#include <cstdio>

#include "guest_line/crc32.h"

namespace vrapl {

void EnergyAccount::Advance(const std::optional<int64_t>& told, bool new_epoch, Count& count) {
  if (new_epoch) count.last = 0;
  if (!told.has_value()) return;
  count.known = true;
  if (*told < count.last)
    return;  // no writer of this line does that; a count that falls would be worse than one that waits
  count.total += *told - count.last;
  count.last = *told;
}

bool EnergyAccount::Take(const GuestLine& line) {
  const bool new_epoch = !started_ || line.epoch != epoch_;
  if (started_) {
    if (!new_epoch && line.seq <= seq_) return false;
    if (new_epoch && epochs_ > 1 && line.epoch == previous_epoch_) return false;
    skipped_ += line.seq - (new_epoch ? 0 : seq_) - 1;
  }
  if (new_epoch) {
    previous_epoch_ = epoch_;
    ++epochs_;
  }
  started_ = true;
  epoch_ = line.epoch;
  seq_ = line.seq;
  ++lines_;
  Advance(line.energy_uj, new_epoch, energy_);
  Advance(line.active_uj, new_epoch, active_);
  Advance(line.run_time_ns, new_epoch, run_time_);
  return true;
}

std::string EnergyAccount::Save() const {
  char text[512];
  std::snprintf(text, sizeof text, "1 %d %08" PRIx32 " %08" PRIx32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                started_ ? 1 : 0, epoch_, previous_epoch_, seq_, lines_, skipped_, epochs_);
  std::string saved = text;
  for (const Count& count : {energy_, active_, run_time_}) {
    std::snprintf(text, sizeof text, " %" PRId64 " %" PRId64 " %d", count.total, count.last, count.known ? 1 : 0);
    saved += text;
  }
  std::snprintf(text, sizeof text, " *%08" PRIx32 "\n", Crc32(saved));
  return saved + text;
}

std::optional<EnergyAccount> EnergyAccount::Load(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const size_t star = text.rfind(" *");
  if (star == std::string_view::npos) return std::nullopt;
  const std::string body(text.substr(0, star));
  char crc[16];
  std::snprintf(crc, sizeof crc, " *%08" PRIx32, Crc32(body));
  if (text.substr(star) != crc) return std::nullopt;

  EnergyAccount account;
  int version = 0;
  int started = 0;
  int known[3] = {};
  Count* const counts[3] = {&account.energy_, &account.active_, &account.run_time_};
  const int fields =
      std::sscanf(body.c_str(),
                  "%d %d %" SCNx32 " %" SCNx32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64
                  " %d %" SCNd64 " %" SCNd64 " %d %" SCNd64 " %" SCNd64 " %d",
                  &version, &started, &account.epoch_, &account.previous_epoch_, &account.seq_, &account.lines_,
                  &account.skipped_, &account.epochs_, &counts[0]->total, &counts[0]->last, &known[0],
                  &counts[1]->total, &counts[1]->last, &known[1], &counts[2]->total, &counts[2]->last, &known[2]);
  if (fields != 17 || version != 1) return std::nullopt;
  account.started_ = started != 0;
  for (int i = 0; i < 3; ++i) counts[i]->known = known[i] != 0;
  return account;
}

}  // namespace vrapl
