// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace eigenscape {

/// What a user chose of the scale of losses.
struct HeightChoice {
  std::string kind = "auto";  ///< auto | linear | log
  double clip = 0;            ///< losses above it are drawn at it; 0: none
  bool operator==(const HeightChoice&) const = default;
};

/// The scale on which losses are shown, shared by contour and surface so that colours, heights and iso-lines agree.
/// Logarithmic where the values span more than one and a half decades; values far beyond the rest are clipped then.
/// A choice overrides both. Without a positive value there is no logarithm, and what clips all values clips none.
class ValueScale {
 public:
  ValueScale() = default;
  /// Values that are not finite are passed over.
  explicit ValueScale(const std::vector<double>& values, const HeightChoice& choice = {});

  bool logarithmic() const { return logarithmic_; }
  double lower() const { return lower_; }
  double upper() const { return upper_; }
  /// False where no value was finite.
  bool valid() const { return valid_; }
  double clamp(double value) const;
  bool isClipped(double value) const { return value < lower_ || value > upper_; }
  /// 0 at lower(), 1 at upper(); not clamped. What iso-lines are interpolated in.
  double position(double value) const;
  /// The value at a position.
  double value(double position) const;
  /// Round values strictly inside for iso-lines, or for ticks.
  std::vector<double> levels(int count = 9) const;

 private:
  bool valid_ = false;
  bool logarithmic_ = false;
  double lower_ = 0, upper_ = 1;
};

/// The threshold of the rule above, for axes: true when all values are positive and max/min > 10^1.5.
bool wantsLogarithm(const std::vector<double>& values);

}  // namespace eigenscape
