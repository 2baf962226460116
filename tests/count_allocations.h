// Counts what this thread allocates, to see that a path makes none: `allocations`. Replaces operator new, so one file
// of a test program includes it. Sanitizers have an operator new of their own: COUNTS_ALLOCATIONS is not defined there.
#pragma once

#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS
thread_local int allocations = 0;

// Not inlined: GCC would take free() for the mate of the standard new.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif
