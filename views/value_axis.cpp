// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/value_axis.h"

#include <algorithm>
#include <cmath>

#include "views/plotting.h"
#include "views/value_scale.h"

namespace eigenscape {

ValueAxis::ValueAxis(const std::vector<double>& values) {
  bool positive = true;
  double smallest = HUGE_VAL, largest = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    positive = positive && value > 0;
    if (value != 0) smallest = std::min(smallest, std::abs(value));
    largest = std::max(largest, std::abs(value));
  }
  // Within less than a decade a logarithmic axis has too few ticks to be read.
  if (positive && largest > 8 * smallest) {
    kind_ = Kind::Logarithmic;
  } else if (largest > 30 * smallest) {
    kind_ = Kind::Symmetric;
    scale_ = SymmetricLog::fitting(values);
  }
}

ValueAxis ValueAxis::symmetric(const SymmetricLog& scale) {
  ValueAxis axis;
  axis.kind_ = Kind::Symmetric;
  axis.scale_ = scale;
  return axis;
}

ValueAxis ValueAxis::logarithmic() {
  ValueAxis axis;
  axis.kind_ = Kind::Logarithmic;
  return axis;
}

ValueAxis ValueAxis::ofLosses(const std::vector<double>& losses) {
  return wantsLogarithm(losses) ? logarithmic() : ValueAxis();
}

void ValueAxis::apply(QCPAxis* axis, const Style& style, const QString& label, std::vector<double> values,
                      double margin) const {
  for (double& value : values) value = place(value);
  fitAxis(axis, values, kind_ == Kind::Logarithmic, margin);
  QSharedPointer<QCPAxisTicker> ticker(new RoundTicker);
  QString kind;
  if (kind_ == Kind::Logarithmic) {
    ticker.reset(new DecadeTicker);
    kind = QObject::tr(" (log)");
  } else if (kind_ == Kind::Symmetric) {
    ticker.reset(new SymmetricLogTicker(scale_));
    kind = QObject::tr(" (symlog)");
  }
  labelAxis(axis, style, label + kind, ticker);
  axis->grid()->setZeroLinePen(kind_ == Kind::Logarithmic ? QPen(Qt::NoPen) : style.pen(style.softInk(), 0.6));
}

QString ValueAxis::note() const {
  if (kind_ != Kind::Symmetric) return {};
  return QObject::tr("symmetric logarithm, linear within ±%1").arg(numberText(scale_.threshold));
}

}  // namespace eigenscape
