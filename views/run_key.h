// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QRectF>
#include <QString>
#include <QWidget>
#include <vector>

#include "views/style.h"

class QPainter;

namespace eigenscape {

/// A run's name and colour, as it stands above what is drawn in it.
struct KeyEntry {
  QString name;
  QColor color;
};

/// Height in layout units that the entries take within a width, in as many lines as they need.
double runKeyHeight(const std::vector<KeyEntry>& entries, const Style& style, double width);
/// A name that is longer than the width loses its middle.
void paintRunKey(QPainter& painter, const std::vector<KeyEntry>& entries, const Style& style, const QRectF& area);

/// The same on screen.
class RunKey : public QWidget {
 public:
  explicit RunKey(QWidget* parent = nullptr);
  void setEntries(std::vector<KeyEntry> entries);
  const std::vector<KeyEntry>& entries() const { return entries_; }
  void setTheme(Theme theme);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void fitHeight();
  Theme theme_ = Theme::Light;
  std::vector<KeyEntry> entries_;
};

}  // namespace eigenscape
