// The laws of fuzz_guest_line.cc on inputs that are made from good lines at random: bits turned over, bytes lost,
// repeated and swapped, NULs and newlines, parts of two lines, floods. libFuzzer looks for what is new; this one is
// many times faster, and a few inputs of each kind from each good line are what damage on a real port looks like.
//
//   hammer_guest_line docs/guest-line-vectors.txt COUNT [SEED]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Random = std::mt19937_64;

void Damage(Random& random, const std::vector<std::string>& lines, std::string& text) {
  if (text.empty()) text = "x";
  const size_t at = random() % text.size();
  const size_t length = random() % 20 + 1;
  switch (random() % 10) {
    case 0:
      text[at] = static_cast<char>(text[at] ^ 1 << random() % 8);
      break;
    case 1:
      text[at] = static_cast<char>(random());
      break;
    case 2:
      text[at] = '\0';
      break;
    case 3:
      text.erase(at, length);
      break;
    case 4:
      text.insert(at, text.substr(at / 2, length));
      break;
    case 5:
      text.resize(at);
      break;
    case 6:
      text.insert(at, random() % 2 == 0 ? "\n" : "\r\n");
      break;
    case 7:
      std::swap(text[at], text[text.size() - 1 - at]);
      break;
    case 8: {
      const std::string& other = lines[random() % lines.size()];
      text = text.substr(0, at) + other.substr(random() % other.size());
      break;
    }
    default:
      // What a line may hold, in a place where it may not.
      text[at] = "0123456789=*. ,_VRAPLabcdef#"[random() % 28];
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: hammer_guest_line VECTORS COUNT [SEED]\n");
    return 2;
  }
  std::vector<std::string> lines;
  std::ifstream vectors(argv[1]);
  for (std::string record; std::getline(vectors, record);) {
    const size_t colon = record.find(": ");
    if (record.empty() || record[0] == '#' || colon == std::string::npos || colon + 3 > record.size()) continue;
    lines.push_back(record.substr(colon + 2));
  }
  if (lines.size() < 50) {
    std::fprintf(stderr, "hammer_guest_line: %s has no vectors\n", argv[1]);
    return 1;
  }
  const long count = std::atol(argv[2]);
  Random random(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  std::vector<long> kinds(5);
  for (long i = 0; i < count; ++i) {
    // A flood is 3 kB and slow: one in fifty.
    const size_t kind = random() % 50 == 0 ? 4 : random() % 4;
    ++kinds[kind];
    std::string text;
    if (kind == 3 || random() % 16 == 0) {
      text.resize(random() % 160 + 2);
      for (char& c : text) c = static_cast<char>(random());
    } else {
      text = lines[random() % lines.size()];
      for (uint64_t n = random() % 4; n > 0; --n) Damage(random, lines, text);
      if (kind == 1) text.insert(0, 1, static_cast<char>(random()));  // the size of the pieces
    }
    text.insert(0, 1, static_cast<char>(kind));
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
  std::printf("%ld inputs held: %ld texts, %ld streams, %ld with a right CRC, %ld of two lines, %ld floods\n", count,
              kinds[0], kinds[1], kinds[2], kinds[3], kinds[4]);
  return 0;
}
