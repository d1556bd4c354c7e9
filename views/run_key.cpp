// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/run_key.h"

#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace eigenscape {
namespace {

constexpr double marginMm = 1.5, swatchPoints = 14, gapPoints = 4, apartPoints = 12;

struct Placed {
  QRectF area;
  QString text;
};

std::vector<Placed> placed(const std::vector<KeyEntry>& entries, const Style& style, double width) {
  const QFontMetricsF metrics(style.font(1, true));
  const double margin = style.millimetres(marginMm), before = style.points(swatchPoints + gapPoints);
  const double available = std::max(20.0, width - 2 * margin - before);
  std::vector<Placed> all;
  double x = margin, y = 0.6 * margin;
  const double line = std::ceil(metrics.height() * 1.1);
  for (const auto& entry : entries) {
    const QString text = metrics.elidedText(entry.name, Qt::ElideMiddle, available);
    const double length = before + metrics.horizontalAdvance(text);
    if (x > margin && x + length > width - margin) x = margin, y += line;
    all.push_back({QRectF(x, y, length + 1, line), text});
    x += length + style.points(apartPoints);
  }
  return all;
}

}  // namespace

double runKeyHeight(const std::vector<KeyEntry>& entries, const Style& style, double width) {
  const auto all = placed(entries, style, width);
  return all.empty() ? 0 : std::ceil(all.back().area.bottom());
}

void paintRunKey(QPainter& painter, const std::vector<KeyEntry>& entries, const Style& style, const QRectF& area) {
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setFont(style.font(1, true));
  const auto all = placed(entries, style, area.width());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const QRectF place = all[i].area.translated(area.topLeft());
    const double height = style.points(5);
    painter.fillRect(QRectF(place.left(), place.center().y() - height / 2, style.points(swatchPoints), height),
                     entries[i].color);
    painter.setPen(style.ink());
    painter.drawText(place.adjusted(style.points(swatchPoints + gapPoints), 0, style.points(apartPoints), 0),
                     Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine, all[i].text);
  }
  painter.restore();
}

RunKey::RunKey(QWidget* parent) : QWidget(parent) {}

void RunKey::setEntries(std::vector<KeyEntry> entries) {
  entries_ = std::move(entries);
  QStringList names;
  for (const auto& entry : entries_) names << entry.name;
  setToolTip(names.join('\n'));
  fitHeight();
  update();
}

void RunKey::setTheme(Theme theme) {
  theme_ = theme;
  update();
}

void RunKey::fitHeight() {
  const int height = int(runKeyHeight(entries_, Style(), width()));
  if (height != minimumHeight()) setFixedHeight(height);
}

void RunKey::resizeEvent(QResizeEvent*) {
  fitHeight();
}

void RunKey::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  Style style;
  style.theme = theme_;
  painter.fillRect(rect(), style.paper());
  paintRunKey(painter, entries_, style, rect());
}

}  // namespace eigenscape
