// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tickers.h"

#include <algorithm>
#include <cmath>

#include "views/style.h"

namespace eigenscape {

double SymmetricLog::forward(double value) const {
  return std::copysign(std::log10(1 + std::abs(value) / threshold), value);
}

double SymmetricLog::backward(double place) const {
  return std::copysign((std::pow(10.0, std::abs(place)) - 1) * threshold, place);
}

SymmetricLog SymmetricLog::fitting(const std::vector<double>& values) {
  double smallest = HUGE_VAL, largest = 0;
  for (const double value : values) {
    const double size = std::abs(value);
    if (!std::isfinite(size) || size == 0) continue;
    smallest = std::min(smallest, size);
    largest = std::max(largest, size);
  }
  if (largest == 0) return {};
  return {std::pow(10.0, std::floor(std::log10(std::max(smallest, largest * 1e-5))))};
}

double RoundTicker::getTickStep(const QCPRange& range) {
  return step_ = QCPAxisTicker::getTickStep(range);
}

QString RoundTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  // Sums of steps come out as 1e-17 instead of 0 and 0.30000000000000004 instead of 0.3.
  if (std::abs(tick) < step_ * 1e-6) return "0";
  const int digits = 1 + int(std::max(0.0, std::ceil(std::log10(std::abs(tick) / step_) + 1)));
  return numberText(tick, std::min(digits, 8));
}

double IntegerTicker::getTickStep(const QCPRange& range) {
  return std::max(1.0, std::round(QCPAxisTicker::getTickStep(range)));
}

QString IntegerTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  const auto whole = std::llround(tick);
  return (whole < 0 ? QStringLiteral("−") : QString()) + QString::number(std::llabs(whole));
}

QVector<double> DecadeTicker::createTickVector(double step, const QCPRange& range) {
  everyDecade_ = false;
  if (!(range.lower > 0) || !std::isfinite(range.upper)) return {};
  const double decades = std::log10(range.upper / range.lower);
  QVector<double> ticks;
  if (decades >= 1.99) {
    const int stride = std::max(1, int(std::ceil(decades / 6)));
    everyDecade_ = stride == 1;
    const int first = int(std::floor(std::log10(range.lower) / stride)) * stride;
    for (int k = first; k <= std::log10(range.upper) + stride; k += stride) ticks.append(std::pow(10.0, k));
    return ticks;
  }
  if (decades < 0.35) return QCPAxisTicker::createTickVector(step, range);
  const std::vector<double> mantissas =
      decades < 0.8 ? std::vector<double>{1, 1.5, 2, 3, 4, 5, 7} : std::vector<double>{1, 2, 5};
  for (int k = int(std::floor(std::log10(range.lower))) - 1; k <= std::log10(range.upper) + 1; ++k) {
    for (const double mantissa : mantissas) ticks.append(mantissa * std::pow(10.0, k));
  }
  return ticks;
}

QVector<double> DecadeTicker::createSubTickVector(int, const QVector<double>& ticks) {
  QVector<double> subTicks;
  if (!everyDecade_) return subTicks;
  for (const double tick : ticks) {
    for (int m = 2; m < 10; ++m) subTicks.append(tick * m);
  }
  return subTicks;
}

QString DecadeTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  return numberText(tick, 4);
}

QVector<double> SymmetricLogTicker::createTickVector(double, const QCPRange& range) {
  const double reach = std::max({1.0, range.upper, -range.lower});
  const int first = int(std::lround(std::log10(scale_.threshold)));
  const int stride = std::max(1, int(std::ceil(range.size() / 8)));
  QVector<double> ticks{0};
  for (int k = 0; k <= reach + stride; k += stride) {
    const double place = scale_.forward(std::pow(10.0, first + k));
    if (place < 0.06 * range.size()) continue;  // its number would run into that of 0
    ticks.append(place);
    ticks.append(-place);
  }
  std::sort(ticks.begin(), ticks.end());
  return ticks;
}

QString SymmetricLogTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  // 0.001 comes back as a little less, which would be written as a power of ten among decimals.
  return numberText(scale_.backward(tick) * (1 + 1e-9), 3);
}

std::vector<double> roundValues(double lower, double upper, int count) {
  std::vector<double> values;
  if (!(upper > lower)) return values;
  const double raw = (upper - lower) / std::max(1, count);
  const double decade = std::pow(10.0, std::floor(std::log10(raw)));
  double step = decade;
  for (const double mantissa : {2.0, 2.5, 5.0, 10.0}) {
    if (std::abs(std::log(mantissa * decade / raw)) < std::abs(std::log(step / raw))) step = mantissa * decade;
  }
  for (double k = std::ceil(lower / step); k * step < upper; ++k) {
    if (k * step > lower) values.push_back(k * step);
  }
  return values;
}

std::vector<double> roundLogValues(double lower, double upper, int count) {
  static const std::vector<std::vector<double>> choices = {
      {1}, {1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}};
  std::vector<double> best;
  if (!(lower > 0 && upper > lower)) return best;
  for (const auto& mantissas : choices) {
    std::vector<double> values;
    for (int k = int(std::floor(std::log10(lower))); k <= std::log10(upper); ++k) {
      for (const double mantissa : mantissas) {
        const double value = mantissa * std::pow(10.0, k);
        if (value > lower && value < upper) values.push_back(value);
      }
    }
    const auto miss = [&](const std::vector<double>& v) { return std::abs(double(v.size()) - count); };
    if (best.empty() || miss(values) < miss(best)) best = values;
  }
  return best;
}

}  // namespace eigenscape
