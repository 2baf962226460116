// Blocks of several ways in shuffled order, each way once a round and the first twice: the control.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace vrapl {

// Calls run(way, column): column is the way, or `ways` for the first way once more.
inline void Interleave(int rounds, size_t ways, const std::function<void(size_t way, size_t column)>& run,
                       uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::vector<size_t> order(ways + 1);
  std::iota(order.begin(), order.end(), size_t{0});
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t column : order) run(column < ways ? column : 0, column);
  }
}

// The number after `name` and "=" among the words of a command line, or `otherwise`.
inline double NumberOption(int argc, char** argv, const std::string& name, double otherwise) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind(name + "=", 0) == 0) otherwise = std::atof(word.c_str() + name.size() + 1);
  }
  return otherwise;
}

}  // namespace vrapl
