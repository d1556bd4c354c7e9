// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "datasets/readers.h"

// The built-in set. All arithmetic is on integers, so the same seed gives the same bytes with every compiler, library
// and machine; each image has a random stream of its own, so the first N do not depend on how many are drawn.
namespace eigenscape {
namespace {

constexpr std::int64_t kSide = 16;      // pixels
constexpr std::int64_t kPixel = 256;    // subpixels: the unit of positions and widths
constexpr std::int64_t kOne = 1 << 16;  // 1.0 in the affine map
constexpr std::int64_t kTrain = 4000, kTest = 1000;
constexpr double kMean = 0.1933, kDeviation = 0.1836;  // of the 4000 training images of seed 0

/// A counter run through the SplitMix64 finalizer.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : counter_(mix(seed ^ mix(stream))) {}

  std::uint64_t next() { return mix(counter_ += 0x9E3779B97F4A7C15u); }
  /// Uniform on low … high, both included (spans below 2³²).
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto span = static_cast<std::uint64_t>(high - low + 1);
    return low + static_cast<std::int64_t>(((next() >> 32) * span) >> 32);
  }
  /// The sum of four bytes less its mean: nearly normal, deviation 147.8.
  std::int64_t bell() {
    const auto bits = next();
    return static_cast<std::int64_t>((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24 & 255)) - 510;
  }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::uint64_t counter_;
};

struct Point {
  std::int64_t x, y;
};

/// From a to b; `bend` is the control point of a quadratic curve, on the chord where the stroke is straight.
struct Stroke {
  Point a, bend, b;
};

constexpr Stroke line(Point a, Point b) {
  return {a, {(a.x + b.x) / 2, (a.y + b.y) / 2}, b};
}

struct Glyph {
  const char* name;
  std::vector<Stroke> strokes;  // in a box of −100 … 100, y downwards
};

/// No class is the mirror image of another, and each image is mirrored as often as not: random flips keep labels true.
const std::array<Glyph, 10>& glyphs() {
  static const std::array<Glyph, 10> list = {{
      {"ring",
       {{{-90, 0}, {-90, -90}, {0, -90}},
        {{0, -90}, {90, -90}, {90, 0}},
        {{90, 0}, {90, 90}, {0, 90}},
        {{0, 90}, {-90, 90}, {-90, 0}}}},
      {"plus", {line({-95, 0}, {95, 0}), line({0, -95}, {0, 95})}},
      {"cross", {line({-80, -80}, {80, 80}), line({80, -80}, {-80, 80})}},
      {"triangle", {line({0, -90}, {90, 75}), line({90, 75}, {-90, 75}), line({-90, 75}, {0, -90})}},
      {"tee", {line({-90, -85}, {90, -85}), line({0, -85}, {0, 95})}},
      {"vee", {line({-85, -90}, {0, 90}), line({0, 90}, {85, -90})}},
      {"arch",
       {line({-80, 90}, {-80, 0}),
        {{-80, 0}, {-80, -90}, {0, -90}},
        {{0, -90}, {80, -90}, {80, 0}},
        line({80, 0}, {80, 90})}},
      {"fork", {line({0, 95}, {0, 0}), line({0, 0}, {-80, -90}), line({0, 0}, {80, -90})}},
      {"ladder", {line({-70, -90}, {-70, 90}), line({70, -90}, {70, 90}), line({-70, 0}, {70, 0})}},
      {"zigzag", {line({-80, -85}, {80, -85}), line({80, -85}, {-80, 85}), line({-80, 85}, {80, 85})}},
  }};
  return list;
}

/// Rotation, shear, scale and shift from box units to subpixels.
class Affine {
 public:
  explicit Affine(Random& random) {
    const auto half = random.between(-kOne * 18 / 100, kOne * 18 / 100);  // tan(angle/2): up to ±20°
    const auto square = half * half / kOne;
    const auto cosine = (kOne - square) * kOne / (kOne + square), sine = 2 * half * kOne / (kOne + square);
    const auto scaleX = random.between(40, 56) * kPixel / 10, scaleY = random.between(40, 56) * kPixel / 10;
    const auto shear = random.between(-kOne / 5, kOne / 5);
    const auto mirror = random.between(0, 1) == 1 ? -1 : 1;
    // 100 box units are one scale; (x, y) → rotation · (mirror·scaleX·x + shear·scaleX·y, scaleY·y).
    const auto skewed = shear * scaleX / kOne;
    xx_ = mirror * cosine * scaleX / 100, xy_ = (cosine * skewed - sine * scaleY) / 100;
    yx_ = mirror * sine * scaleX / 100, yy_ = (sine * skewed + cosine * scaleY) / 100;
    const auto centre = kSide * kPixel / 2, shift = 20 * kPixel / 10;
    shift_ = {centre + random.between(-shift, shift), centre + random.between(-shift, shift)};
  }

  Point operator()(Point p) const {
    return {(xx_ * p.x + xy_ * p.y) / kOne + shift_.x, (yx_ * p.x + yy_ * p.y) / kOne + shift_.y};
  }

 private:
  std::int64_t xx_, xy_, yx_, yy_;
  Point shift_;
};

std::int64_t squareRoot(std::int64_t value) {
  std::int64_t root = 0;
  for (std::int64_t bit = 1 << 15; bit != 0; bit >>= 1) {
    if ((root + bit) * (root + bit) <= value) root += bit;
  }
  return root;
}

using Canvas = std::array<std::int64_t, kSide * kSide>;  // share of ink, 0 … 255

/// A line of round ends, its edge one pixel soft.
void paint(Canvas& canvas, Point p, Point q, std::int64_t halfWidth) {
  const auto reach = halfWidth + kPixel / 2;
  const auto clampPixel = [](std::int64_t v) { return std::clamp<std::int64_t>(v / kPixel, 0, kSide - 1); };
  const auto left = clampPixel(std::min(p.x, q.x) - reach), right = clampPixel(std::max(p.x, q.x) + reach);
  const auto top = clampPixel(std::min(p.y, q.y) - reach), bottom = clampPixel(std::max(p.y, q.y) + reach);
  const auto dx = q.x - p.x, dy = q.y - p.y, length2 = std::max<std::int64_t>(dx * dx + dy * dy, 1);
  for (auto row = top; row <= bottom; ++row) {
    for (auto column = left; column <= right; ++column) {
      const auto x = column * kPixel + kPixel / 2 - p.x, y = row * kPixel + kPixel / 2 - p.y;
      const auto along = std::clamp<std::int64_t>(x * dx + y * dy, 0, length2);
      const auto awayX = x - dx * along / length2, awayY = y - dy * along / length2;
      const auto away2 = awayX * awayX + awayY * awayY;
      if (away2 >= reach * reach) continue;
      auto& pixel = canvas[static_cast<std::size_t>(row * kSide + column)];
      pixel = std::max(pixel, std::min<std::int64_t>((reach - squareRoot(away2)) * 255 / kPixel, 255));
    }
  }
}

void paint(Canvas& canvas, const Stroke& stroke, const Affine& map, std::int64_t halfWidth) {
  constexpr std::int64_t kPieces = 6;
  const bool straight = 2 * stroke.bend.x == stroke.a.x + stroke.b.x && 2 * stroke.bend.y == stroke.a.y + stroke.b.y;
  const auto pieces = straight ? 1 : kPieces;
  const Point a = map(stroke.a), bend = map(stroke.bend), b = map(stroke.b);
  Point from = a;
  for (std::int64_t i = 1; i <= pieces; ++i) {
    const auto j = pieces - i, n = pieces * pieces;
    const Point to = {(j * j * a.x + 2 * i * j * bend.x + i * i * b.x) / n,
                      (j * j * a.y + 2 * i * j * bend.y + i * i * b.y) / n};
    paint(canvas, from, to, halfWidth);
    from = to;
  }
}

void draw(Random random, const Glyph& glyph, std::uint8_t* pixels) {
  Canvas canvas{};
  const Affine map(random);
  const auto halfWidth = random.between(kPixel * 4 / 10, kPixel * 9 / 10);
  for (Stroke stroke : glyph.strokes) {
    for (Point* point : {&stroke.a, &stroke.bend, &stroke.b}) {
      point->x += random.between(-8, 8), point->y += random.between(-8, 8);
    }
    paint(canvas, stroke, map, halfWidth);
  }
  if (random.between(0, 2) == 0) {  // a short stroke that means nothing
    const auto edge = kSide * kPixel;
    const Point from = {random.between(0, edge), random.between(0, edge)};
    const Point to = {from.x + random.between(-edge / 5, edge / 5), from.y + random.between(-edge / 5, edge / 5)};
    paint(canvas, from, to, halfWidth);
  }
  const auto paper = random.between(10, 50), ink = random.between(120, 190);
  for (const auto share : canvas) {
    const auto value = paper + ink * share / 255 + random.bell() * 18 / 148;
    *pixels++ = static_cast<std::uint8_t>(std::clamp<std::int64_t>(value, 0, 255));
  }
}

RawSplit drawSplit(std::uint64_t seed, std::uint64_t split, std::int64_t count, const Context& context) {
  RawSplit drawn;
  drawn.images = torch::empty({count, 1, kSide, kSide}, torch::kUInt8);
  drawn.labels = torch::empty({count}, torch::kInt64);
  auto* pixels = drawn.images.data_ptr<std::uint8_t>();
  auto* labels = drawn.labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % 256 == 0) context.check();
    labels[i] = i % 10;
    draw(Random(seed, split << 40 | static_cast<std::uint64_t>(i)), glyphs()[static_cast<std::size_t>(i % 10)],
         pixels + i * kSide * kSide);
  }
  return drawn;
}

}  // namespace

Dataset drawGlyphs(const DatasetRequest& request, const Context& context) {
  Dataset set;
  set.mirrored = true;
  set.classes = static_cast<std::int64_t>(glyphs().size());
  for (const auto& glyph : glyphs()) set.classNames.emplace_back(glyph.name);
  set.mean = {kMean}, set.deviation = {kDeviation};
  set.train = drawSplit(request.seed, 1, limited(kTrain, request.trainLimit), context);
  set.test = drawSplit(request.seed, 2, limited(kTest, request.testLimit), context);
  return set;
}

}  // namespace eigenscape
