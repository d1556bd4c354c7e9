// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/ranking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace eigenscape {

namespace {

bool comparable(const std::vector<double>& a, const std::vector<double>& b) {
  const auto finite = [](double x) { return std::isfinite(x); };
  return a.size() == b.size() && a.size() > 1 && std::all_of(a.begin(), a.end(), finite) &&
         std::all_of(b.begin(), b.end(), finite);
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto i, auto j) { return values[i] < values[j]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double mean = 0.5 * static_cast<double>(first + end - 1);
    for (; first < end; ++first) result[order[first]] = mean;
  }
  return result;
}

/// Scores and increases of one kind at one width (or all of them), layer by layer.
struct Pairs {
  std::vector<double> score, increase;
  std::vector<std::vector<std::size_t>> layers;
};

/// (layer, kind, bits) → increase.
using Losses = std::map<std::tuple<std::string, std::string, std::int64_t>, double>;

Pairs pairsOf(const std::vector<LayerScoreRow>& scores, const Losses& losses, const std::string& kind,
              const std::string& method, std::int64_t bits) {
  Pairs pairs;
  std::map<std::string, std::size_t> places;
  for (const auto& row : scores) {
    if (row.kind != kind || row.method != method || (bits > 0 && row.bits != bits)) continue;
    const auto found = losses.find({row.layer, row.kind, row.bits});
    if (found == losses.end()) continue;
    const auto place = places.emplace(row.layer, pairs.layers.size()).first->second;
    if (place == pairs.layers.size()) pairs.layers.emplace_back();
    pairs.layers[place].push_back(pairs.score.size());
    pairs.score.push_back(row.score);
    pairs.increase.push_back(found->second);
  }
  return pairs;
}

}  // namespace

double spearman(const std::vector<double>& a, const std::vector<double>& b) {
  if (!comparable(a, b)) return std::nan("");
  const auto x = ranks(a), y = ranks(b);
  const double mean = 0.5 * static_cast<double>(a.size() - 1);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
    xy += (x[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::nan("");
}

double kendall(const std::vector<double>& a, const std::vector<double>& b) {
  if (!comparable(a, b)) return std::nan("");
  double score = 0, apart = 0, bpart = 0;  // pairs that differ in a, in b
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int x = (a[i] > a[j]) - (a[i] < a[j]), y = (b[i] > b[j]) - (b[i] < b[j]);
      score += x * y;
      apart += x * x;
      bpart += y * y;
    }
  }
  return apart > 0 && bpart > 0 ? score / std::sqrt(apart * bpart) : std::nan("");
}

Interval bootstrapInterval(const std::vector<double>& a, const std::vector<double>& b,
                           const std::vector<std::vector<std::size_t>>& clusters,
                           double (*correlation)(const std::vector<double>&, const std::vector<double>&),
                           std::uint64_t seed, std::int64_t resamplings) {
  const Interval none{std::nan(""), std::nan("")};
  if (clusters.size() < 2) return none;
  std::mt19937_64 generator(seed);
  std::vector<double> found, x, y;
  for (std::int64_t draw = 0; draw < resamplings; ++draw) {
    x.clear(), y.clear();
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      // Not a distribution of the standard library, whose draws differ from one library to the next.
      for (const auto place : clusters[generator() % clusters.size()]) x.push_back(a[place]), y.push_back(b[place]);
    }
    if (const double value = correlation(x, y); std::isfinite(value)) found.push_back(value);
  }
  if (2 * static_cast<std::int64_t>(found.size()) < resamplings) return none;
  std::sort(found.begin(), found.end());
  const auto at = [&](double share) {
    return found[static_cast<std::size_t>(std::lround(share * static_cast<double>(found.size() - 1)))];
  };
  return {at(0.025), at(0.975)};
}

std::vector<RankingRow> ranking(const std::vector<LayerScoreRow>& scores, const std::vector<LayerLossRow>& losses,
                                std::uint64_t seed) {
  Losses increases;
  for (const auto& row : losses) increases[{row.layer, row.kind, row.bits}] = row.increase;
  std::vector<std::pair<std::string, std::string>> methods;  // kind and method, in the order of the scores
  std::map<std::string, std::set<std::int64_t>> widths;      // of a kind
  for (const auto& row : scores) {
    const std::pair one{row.kind, row.method};
    if (std::find(methods.begin(), methods.end(), one) == methods.end()) methods.push_back(one);
    widths[row.kind].insert(row.bits);
  }
  std::vector<RankingRow> rows;
  for (const auto& [kind, method] : methods) {
    auto bits = std::vector<std::int64_t>(widths[kind].begin(), widths[kind].end());
    if (bits.size() > 1) bits.push_back(0);
    for (const auto width : bits) {
      const auto pairs = pairsOf(scores, increases, kind, method, width);
      if (pairs.layers.empty()) continue;
      for (const auto& [name, measure] : {std::pair{"spearman", &spearman}, std::pair{"kendall", &kendall}}) {
        const auto interval = bootstrapInterval(pairs.score, pairs.increase, pairs.layers, measure, seed);
        rows.push_back({kind, width, method, name, measure(pairs.score, pairs.increase), interval.low, interval.high,
                        static_cast<std::int64_t>(pairs.layers.size())});
      }
    }
  }
  return rows;
}

}  // namespace eigenscape
