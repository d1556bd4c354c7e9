// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStyle>
#include <QTimer>
#include <QWidget>
#include <cstdint>
#include <utility>
#include <vector>

class QLabel;
class QSlider;
class QToolButton;

namespace eigenscape {

/// The slider over a run's epochs, with play.
class EpochBar : public QWidget {
  Q_OBJECT
 public:
  explicit EpochBar(QWidget* parent = nullptr);

  /// The epochs that can be shown, ascending, of so many that the run will have. Who looks at the last one stays at the
  /// last one when more arrive.
  void setEpochs(std::vector<std::int64_t> epochs, std::int64_t total);
  /// For another run: forget where the slider stood and go to the last epoch.
  void restart();
  std::int64_t epoch() const;
  void step(int by);
  void play(bool on);
  bool isPlaying() const { return timer_.isActive(); }
  /// Symbols in the colour of the palette's text, after that has changed.
  void tint();
  QSlider* slider() const { return slider_; }

 Q_SIGNALS:
  void epochChanged(qint64 epoch);

 private:
  QToolButton* addButton(QStyle::StandardPixmap picture, const QString& help);
  void show();
  void advance();

  std::vector<std::int64_t> epochs_;
  std::int64_t total_ = 0;
  QSlider* slider_ = nullptr;
  QLabel* label_ = nullptr;
  QToolButton* play_ = nullptr;
  std::vector<std::pair<QToolButton*, QStyle::StandardPixmap>> buttons_;
  QTimer timer_;
};

}  // namespace eigenscape
