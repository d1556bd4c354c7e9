// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QImage>
#include <QObject>
#include <QPainter>
#include <QPolygonF>
#include <QString>
#include <QTimerEvent>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <vector>

/// Measures for how long the window's thread does not come back to its event loop. What counts is the processor time of
/// that thread, which is the same on a machine that others use too; the clock's time is noted beside it.
class Heart : public QObject {
 public:
  struct Step {
    QString name;
    double cpuMs = 0, wallMs = 0;  ///< the longest between two beats
  };

  Heart() {
    wall_.start();
    startTimer(1, Qt::PreciseTimer);
  }

  /// From now on the longest pause counts for this step.
  void begin(const QString& name) {
    settle();
    steps_.push_back({name, 0, 0});
  }

  /// Lets everything happen that was put off: returns when nothing was for a while.
  void settle() {
    QElapsedTimer patience;
    patience.start();
    quiet_ = 0;
    while (quiet_ < 40 && patience.elapsed() < 60000) {
      QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
    }
  }

  const std::vector<Step>& steps() const { return steps_; }

  /// How much slower this machine draws than the one that the bound on a pause was set on; at least 1. The least of
  /// some measurements of a fixed picture.
  static double slowness() {
    constexpr double referenceMs = 24;
    double least = HUGE_VAL;
    for (int i = 0; i < 5; ++i) {
      const double before = cpuNow();
      drawFixedPicture();
      least = std::min(least, cpuNow() - before);
    }
    return std::max(1.0, least / referenceMs);
  }

  /// Processor time of this thread, in milliseconds.
  static double cpuNow() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * double(now.tv_sec) + 1e-6 * double(now.tv_nsec);
  }

 private:
  static void drawFixedPicture() {
    QImage image(1000, 700, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    for (int line = 0; line < 60; ++line) {
      QPolygonF points;
      for (int i = 0; i < 200; ++i) points << QPointF(5 * i, 350 + 300 * std::sin(0.05 * i + 0.1 * line));
      painter.setPen(QPen(QColor::fromHsv(6 * line, 200, 200), 1.3));
      painter.drawPolyline(points);
    }
    for (int text = 0; text < 300; ++text)
      painter.drawText(QPointF(7 * (text % 130), 10 + 2.2 * text), QString::number(1.0 / (text + 3)));
  }

 protected:
  void timerEvent(QTimerEvent*) override {
    const double cpu = cpuNow(), wall = 1e-6 * double(wall_.nsecsElapsed());
    quiet_ = cpu - cpu_ < 0.5 ? quiet_ + 1 : 0;
    if (!steps_.empty()) {
      Step& step = steps_.back();
      if (cpu_ > 0) step.cpuMs = std::max(step.cpuMs, cpu - cpu_);
      if (cpu_ > 0) step.wallMs = std::max(step.wallMs, wall - wallAt_);
    }
    cpu_ = cpu;
    wallAt_ = wall;
  }

 private:
  QElapsedTimer wall_;
  double cpu_ = 0, wallAt_ = 0;
  int quiet_ = 0;
  std::vector<Step> steps_;
};
