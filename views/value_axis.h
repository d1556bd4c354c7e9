// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "views/plot_figure.h"
#include "views/tickers.h"

namespace eigenscape {

/// An axis of eigenvalues: logarithmic for positive values, symmetric logarithmic where signs mix over a wide span,
/// else linear.
class ValueAxis {
 public:
  /// Linear.
  ValueAxis() = default;
  /// By the values that are to be shown; those that are not finite are passed over.
  explicit ValueAxis(const std::vector<double>& values);
  static ValueAxis symmetric(const SymmetricLog& scale);
  static ValueAxis logarithmic();
  /// As losses are shown: logarithmic over more than one and a half decades, else linear.
  static ValueAxis ofLosses(const std::vector<double>& losses);

  bool isLogarithmic() const { return kind_ == Kind::Logarithmic; }
  bool isLinear() const { return kind_ == Kind::Linear; }
  /// Where a value is put: plots know no symmetric logarithm, so the values themselves are turned.
  double place(double value) const { return kind_ == Kind::Symmetric ? scale_.forward(value) : value; }
  /// The value at a place.
  double value(double place) const { return kind_ == Kind::Symmetric ? scale_.backward(place) : place; }
  /// Fits the axis to the values and labels it.
  void apply(QCPAxis* axis, const Style& style, const QString& label, std::vector<double> values,
             double margin = 0.08) const;
  /// For the caption: what a symmetric logarithm is linear within; else empty.
  QString note() const;

 private:
  enum class Kind { Linear, Logarithmic, Symmetric } kind_ = Kind::Linear;
  SymmetricLog scale_;
};

}  // namespace eigenscape
