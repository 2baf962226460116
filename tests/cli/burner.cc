// A load with known children, for the tests of `vrapl run`: burner threads N MS | storm N | lines.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

void BurnMs(long ms) {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  const long until = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + ms;
  do {
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  } while (now.tv_sec * 1000 + now.tv_nsec / 1'000'000 < until);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "threads") == 0) {
    std::vector<std::thread> threads;
    for (int i = 0; i < std::atoi(argv[2]); ++i) threads.emplace_back([ms = std::atol(argv[3])] { BurnMs(ms); });
    for (std::thread& thread : threads) thread.join();
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "storm") == 0) {
    for (int i = 0; i < std::atoi(argv[2]); ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        const pid_t grandchild = ::fork();
        if (grandchild == 0) ::_exit(0);
        ::waitpid(grandchild, nullptr, 0);
        ::_exit(0);
      }
      ::waitpid(child, nullptr, 0);
    }
    return 0;
  }
  return 2;
}
