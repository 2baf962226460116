// Hands samples from the millisecond thread to the flush loop: one writer, one reader, no locks, no allocation.
//
// A sample is as long as the threads that ran are many, so the ring holds words, not slots. When it is full the writer
// keeps its window open and offers a longer one next time: resolution is lost then, energy and time are not.
//
// A writer that finds the ring empty begins at the front again: as long as the reader keeps up, the same few pages are
// used, which stay in the cache, and the rest of a ring that is made for bad times costs no memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "absl/types/span.h"
#include "base/run_time_types.h"
#include "base/sample.h"

namespace vrapl {

class SampleRing {
 public:
  // Room for `words` 8-byte words, rounded up to a power of two.
  explicit SampleRing(size_t words) {
    size_t capacity = 1024;
    while (capacity < words) capacity *= 2;
    size_ = capacity;
    // Zeroed pages that exist once they are touched.
    words_.reset(static_cast<uint64_t*>(std::calloc(capacity, sizeof(uint64_t))));
    if (words_ == nullptr) throw std::bad_alloc();
    for (size_t i = 0; i < std::min(capacity, kTouchedWords); i += 512) words_[i] = 1;
  }

  // Writer. False: no room; nothing was written.
  bool TryPush(const SampleHeader& header, absl::Span<const uint64_t> ticks, absl::Span<const int32_t> errors,
               absl::Span<const ThreadRun> threads, absl::Span<const CpuTime> cores = {}) {
    const size_t error_words = (errors.size() + 1) / 2;
    const size_t size =
        1 + kHeaderWords + ticks.size() + error_words + threads.size() * kThreadWords + cores.size() * kCoreWords;
    const size_t mask = size_ - 1;
    uint64_t at = written_.load(std::memory_order_relaxed);
    const uint64_t read = read_.load(std::memory_order_acquire);
    // A sample lies in one piece: what is left at the end of the buffer is skipped when it does not fit there; or all
    // of it, when nothing waits in front. The reader finds its way by the mark where the skipped part begins, which
    // must stay until it has passed.
    const size_t to_end = size_ - (at & mask);
    const bool begin_again = read == at && (at & mask) >= size_ / 4 && size <= (at & mask);
    const size_t skipped = to_end < size || begin_again ? to_end : 0;
    if (begin_again) {
      mark_ = at;
      front_ = at + skipped;
    } else if (read < front_) {
      if (skipped > 0 || at + size - front_ > (mark_ & mask)) return false;
    } else if (at + skipped + size - read > size_) {
      return false;
    }
    if (skipped > 0) {
      words_[at & mask] = kSkip;
      at += skipped;
    }
    uint64_t* out = &words_[at & mask];
    *out++ = size;
    std::memcpy(out, &header, sizeof header);
    out += kHeaderWords;
    if (!ticks.empty()) std::memcpy(out, ticks.data(), ticks.size() * sizeof(uint64_t));
    out += ticks.size();
    if (!errors.empty()) std::memcpy(out, errors.data(), errors.size() * sizeof(int32_t));
    out += error_words;
    if (!threads.empty()) std::memcpy(static_cast<void*>(out), threads.data(), threads.size() * sizeof(ThreadRun));
    out += threads.size() * kThreadWords;
    if (!cores.empty()) std::memcpy(static_cast<void*>(out), cores.data(), cores.size() * sizeof(CpuTime));
    written_.store(at + size, std::memory_order_release);
    return true;
  }

  // Reader. Calls visit(const Sample&) for the oldest sample, whose spans are valid during the call; false when empty.
  template <typename Visit>
  bool Pop(Visit visit) {
    const size_t mask = size_ - 1;
    uint64_t at = read_.load(std::memory_order_relaxed);
    const uint64_t end = written_.load(std::memory_order_acquire);
    if (at == end) return false;
    if (words_[at & mask] == kSkip) at += size_ - (at & mask);
    const uint64_t* in = &words_[at & mask];
    const uint64_t size = *in++;
    Sample sample;
    std::memcpy(static_cast<void*>(&sample.header), in, sizeof sample.header);
    in += kHeaderWords;
    sample.ticks = {in, sample.header.domains};
    in += sample.header.domains;
    sample.errors = {reinterpret_cast<const int32_t*>(in), sample.header.domains};
    in += (sample.header.domains + 1) / 2;
    sample.threads = {reinterpret_cast<const ThreadRun*>(in), sample.header.threads};
    in += sample.header.threads * kThreadWords;
    sample.cores = {reinterpret_cast<const CpuTime*>(in), sample.header.cores};
    visit(static_cast<const Sample&>(sample));
    read_.store(at + size, std::memory_order_release);
    return true;
  }

 private:
  static constexpr uint64_t kSkip = ~uint64_t{0};
  static constexpr size_t kHeaderWords = sizeof(SampleHeader) / sizeof(uint64_t);
  static constexpr size_t kThreadWords = sizeof(ThreadRun) / sizeof(uint64_t);
  static constexpr size_t kCoreWords = sizeof(CpuTime) / sizeof(uint64_t);
  static_assert(sizeof(SampleHeader) % sizeof(uint64_t) == 0 && sizeof(ThreadRun) % sizeof(uint64_t) == 0 &&
                sizeof(CpuTime) % sizeof(uint64_t) == 0);

  static constexpr size_t kTouchedWords =
      256 << 10;  // 2 MiB: a quarter of the usual ring, which is what a reader that keeps up leaves in use
  struct Free {
    void operator()(uint64_t* words) const { std::free(words); }
  };

  size_t size_ = 0;
  // The writer's: where it last began again with nothing waiting in front, and where that left its mark.
  uint64_t front_ = 0;
  uint64_t mark_ = 0;
  std::unique_ptr<uint64_t[], Free> words_;
  alignas(64) std::atomic<uint64_t> written_{0};
  alignas(64) std::atomic<uint64_t> read_{0};
};

}  // namespace vrapl
