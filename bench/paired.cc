#include "bench/paired.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

// NaN when the way's own counter counted nothing.
double NsOfBlock(const Way& way, const PairedOptions& options) {
  if (way.before) way.before();
  const Count counted = way.counter ? way.counter() : Count{};
  const int64_t start_ns = options.clock->NowNs();
  way.run(options.times);
  Count block{.ns = options.clock->NowNs() - start_ns, .times = options.times};
  if (way.counter) {
    const Count now = way.counter();
    block = {.ns = now.ns - counted.ns, .times = now.times - counted.times};
  }
  if (way.after) way.after();
  return block.times == 0 ? std::nan("") : static_cast<double>(block.ns) / static_cast<double>(block.times);
}

template <typename Combine>
std::vector<double> Paired(const std::vector<double>& values, const std::vector<double>& others, Combine combine) {
  std::vector<double> combined(values.size());
  std::transform(values.begin(), values.end(), others.begin(), combined.begin(), combine);
  return combined;
}

std::string FlawOf(const std::vector<double>& blocks, uint64_t dropped) {
  const auto empty = std::count_if(blocks.begin(), blocks.end(), [](double ns) { return std::isnan(ns); });
  if (dropped > 0) return absl::StrFormat("%d dropped", dropped);
  return empty > 0 ? absl::StrFormat("nothing counted in %d of %d blocks", empty, blocks.size()) : "";
}

}  // namespace

double MedianInPlace(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  // Of an even number the mean of the two in the middle: the upper one alone would be too much, and the control not 1.
  return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Spread MedianOf(std::vector<double> values, uint32_t seed, double confidence) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {};
  constexpr int kResamples = 2000;
  std::mt19937 random(seed);
  std::vector<double> medians;
  std::vector<double> resampled(values.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& value : resampled) value = values[random() % values.size()];
    medians.push_back(MedianInPlace(resampled));
  }
  std::sort(medians.begin(), medians.end());
  const auto tail = static_cast<size_t>((1 - confidence) / 2 * kResamples);
  resampled = values;
  return {.median = MedianInPlace(resampled), .low = medians[tail], .high = medians[kResamples - 1 - tail]};
}

Comparison Compare(const std::vector<Way>& ways, const PairedOptions& options) {
  std::mt19937 random(options.seed);
  // The control is the first way once more, after the others.
  std::vector<const Way*> blocks;
  for (const Way& way : ways) blocks.push_back(&way);
  blocks.push_back(&ways.front());
  std::vector<uint64_t> dropped;
  for (const Way& way : ways) {
    dropped.push_back(way.dropped ? way.dropped() : 0);
    NsOfBlock(way, options);  // warm
  }

  std::vector<std::vector<double>> ns(blocks.size());
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (int round = 0; round < options.rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t which : order) ns[which].push_back(NsOfBlock(*blocks[which], options));
  }

  Comparison comparison{.floor = options.floor};
  const std::vector<double> nothing(ns.front().size(), 0);
  const std::vector<double>& floor = options.floor ? ns[*options.floor] : nothing;
  const std::vector<double> first = Paired(ns.front(), floor, std::minus<>());
  for (size_t i = 0; i < ways.size(); ++i) {
    const uint64_t lost = ways[i].dropped ? ways[i].dropped() - dropped[i] : 0;
    std::string flaw = FlawOf(ns[i], lost);
    if (i == 0 && flaw.empty()) flaw = FlawOf(ns.back(), lost);
    Comparison::Measured measured{
        .name = ways[i].name,
        .flaw = flaw,
        .block_ns = ns[i],
    };
    if (measured.flaw.empty()) {
      const std::vector<double> net = Paired(ns[i], floor, std::minus<>());
      measured.ns = MedianOf(ns[i], options.seed);
      measured.net_ns = MedianOf(net, options.seed);
      measured.to_first = MedianOf(Paired(net, first, std::divides<>()), options.seed);
      measured.above_ns = MedianOf(Paired(ns[i], ns.front(), std::minus<>()), options.seed);
    }
    comparison.ways.push_back(std::move(measured));
  }
  comparison.control = MedianOf(Paired(ns.back(), ns.front(), std::divides<>()), options.seed, 0.99);
  return comparison;
}

Spread Difference(const Comparison::Measured& way, const Comparison::Measured& other) {
  return MedianOf(Paired(way.block_ns, other.block_ns, std::minus<>()));
}

std::string Describe(const Spread& spread, int decimals) {
  return absl::StrFormat("%.*f [%.*f, %.*f]", decimals, spread.median, decimals, spread.low, decimals, spread.high);
}

std::string Describe(const Comparison& comparison) {
  const Comparison::Measured& first = comparison.ways.front();
  const std::string held = Describe(comparison.control, 3);
  for (const size_t needed : {size_t{0}, comparison.floor.value_or(0)}) {
    const Comparison::Measured& way = comparison.ways[needed];
    if (!way.flaw.empty()) return absl::StrFormat("No figures: \"%s\": %s.\n", way.name, way.flaw);
  }
  if (!comparison.sound()) {
    return absl::StrFormat("No figures: \"%s\" against itself was %s, which excludes 1. The machine was not quiet.\n",
                           first.name, held);
  }
  const bool net = comparison.floor.has_value();
  std::string text =
      net ? absl::StrFormat(
                "| way | ns [95 %%] | net of \"%s\", ns [95 %%] | net, to the first [95 %%] | "
                "above it, ns [95 %%] |\n| --- | --- | --- | --- | --- |\n",
                comparison.ways[*comparison.floor].name)
          : "| way | ns [95 %] | to the first [95 %] | above it, ns [95 %] |\n| --- | --- | --- | --- |\n";
  for (const Comparison::Measured& way : comparison.ways) {
    absl::StrAppend(&text, "| ", way.name, " | ");
    if (!way.flaw.empty()) {
      absl::StrAppend(&text, "no figures: ", way.flaw, net ? " | | | |\n" : " | | |\n");
      continue;
    }
    absl::StrAppend(&text, Describe(way.ns, 1), " | ");
    if (net) absl::StrAppend(&text, Describe(way.net_ns, 1), " | ");
    if (&way == &first) {
      text += "1 | 0 |\n";
    } else {
      absl::StrAppend(&text, Describe(way.to_first, 3), " | ", Describe(way.above_ns, 1), " |\n");
    }
  }
  return absl::StrCat(text, "\nControl, the first against itself: ", held, ".\n");
}

}  // namespace vrapl
