// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "views/plotting.h"

namespace eigenscape {

/// A logarithm for both signs: linear within ±threshold, one decade per unit far outside.
struct SymmetricLog {
  double threshold = 1;
  double forward(double value) const;
  double backward(double place) const;
  /// A threshold that shows the given values in at most five decades to each side.
  static SymmetricLog fitting(const std::vector<double>& values);
};

/// Few round ticks on a linear axis, written as numberText does.
class RoundTicker : public QCPAxisTicker {
 public:
  explicit RoundTicker(int count = 5) { setTickCount(count); }

 protected:
  double getTickStep(const QCPRange& range) override;
  QString getTickLabel(double tick, const QLocale&, QChar, int) override;

 private:
  double step_ = 1;
};

/// Whole numbers only: epochs, indices.
class IntegerTicker : public QCPAxisTicker {
 public:
  IntegerTicker() { setTickCount(6); }

 protected:
  double getTickStep(const QCPRange& range) override;
  int getSubTickCount(double) override { return 0; }
  QString getTickLabel(double tick, const QLocale&, QChar, int) override;
};

/// Decades on a logarithmic axis; 1-2-5 where there are fewer than two of them.
class DecadeTicker : public QCPAxisTicker {
 public:
  DecadeTicker() = default;

 protected:
  QVector<double> createTickVector(double step, const QCPRange& range) override;
  QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
  QString getTickLabel(double tick, const QLocale&, QChar, int) override;

 private:
  bool everyDecade_ = false;
};

/// Ticks of an axis whose values went through SymmetricLog::forward.
class SymmetricLogTicker : public QCPAxisTicker {
 public:
  explicit SymmetricLogTicker(SymmetricLog scale) : scale_(scale) {}

 protected:
  QVector<double> createTickVector(double step, const QCPRange& range) override;
  int getSubTickCount(double) override { return 0; }
  QString getTickLabel(double tick, const QLocale&, QChar, int) override;

 private:
  SymmetricLog scale_;
};

/// Round values strictly inside (lower, upper), about `count` of them.
std::vector<double> roundValues(double lower, double upper, int count);
/// The same on a logarithmic scale: decades, 1-3, 1-2-5 or finer, whichever comes nearest to `count`.
std::vector<double> roundLogValues(double lower, double upper, int count);

}  // namespace eigenscape
