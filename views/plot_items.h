// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "views/plotting.h"
#include "views/style.h"

namespace eigenscape {

/// Rectangles in axis coordinates, hatched with lines (not with a brush: SVG and PDF lose those). For what is not
/// finite.
class HatchedCells : public QCPAbstractItem {
 public:
  HatchedCells(QCustomPlot* plot, QCPAxisRect* rect, const Style& style);
  void addCell(const QCPRange& x, const QCPRange& y);
  std::size_t count() const { return cells_.size(); }
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  struct Cell {
    QCPRange x, y;
  };
  QCPAxis* x_;
  QCPAxis* y_;
  QPen pen_;
  double spacing_;
  std::vector<Cell> cells_;
};

/// Paper over everything outside of the axes: QSvgGenerator knows no clipping, so that what leaves the axes would cover
/// their numbers. Draws on vector devices only.
class OutsideMask : public QCPAbstractItem {
 public:
  OutsideMask(QCustomPlot* plot, QCPAxisRect* rect, const QColor& paper);
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  QCPAxisRect* rect_;
  QColor paper_;
};

/// Short ticks that stand on the lower edge of the axes, longer and darker for more weight: what a smooth curve above
/// them was made from.
class Rug : public QCPAbstractItem {
 public:
  /// `foot` and `height` are shares of the axes' height.
  Rug(QCustomPlot* plot, QCPAxisRect* rect, const Style& style, const QColor& color, double foot, double height);
  /// `strength` in 0..1.
  void addTick(double x, double strength);
  struct Tick {
    double x = 0, strength = 0;
  };
  const std::vector<Tick>& ticks() const { return ticks_; }
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  QCPAxis* x_;
  QCPAxisRect* rect_;
  QPen pen_;
  double foot_, height_;
  std::vector<Tick> ticks_;
};

/// Lines of equal value with their labels on them, placed anew for each view: on a straight stretch, well inside, apart
/// from each other.
class IsoLines : public QCPAbstractItem {
 public:
  IsoLines(QCustomPlot* plot, QCPAxisRect* rect, const Style& style);
  /// Lines of one level. `dark` lines stand on bright ground.
  void addLevel(double level, const QString& label, const std::vector<QVector<QPointF>>& lines, bool dark);
  std::size_t levels() const { return levels_.size(); }
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  struct Level {
    double value;
    QString label;
    std::vector<QVector<QPointF>> lines;
    bool dark;
  };
  struct Place {
    QPointF at;
    double angle = 0;
    bool found = false;
  };
  QPolygonF pixels(const QVector<QPointF>& line) const;
  Place placeFor(const QPolygonF& line, const QRectF& area, double length, const std::vector<QPointF>& taken) const;
  void drawLabel(QCPPainter* painter, const Place& place, const Level& level) const;

  QCPAxis* x_;
  QCPAxis* y_;
  Style style_;
  std::vector<Level> levels_;
};

}  // namespace eigenscape
