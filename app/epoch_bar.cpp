// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/epoch_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QToolButton>
#include <algorithm>
#include <utility>

#include "app/appearance.h"

namespace eigenscape {

namespace {
constexpr int playMs = 500;
}

EpochBar::EpochBar(QWidget* parent) : QWidget(parent) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 4, 8, 4);
  row->addWidget(new QLabel(tr("Epoch")));
  auto* first = addButton(QStyle::SP_MediaSkipBackward, tr("First epoch (Home)"));
  auto* back = addButton(QStyle::SP_MediaSeekBackward, tr("One epoch back (←)"));
  slider_ = new QSlider(Qt::Horizontal);
  slider_->setTickPosition(QSlider::TicksBelow);
  slider_->setPageStep(1);
  slider_->setTracking(true);
  slider_->setAccessibleName(tr("epoch"));
  row->addWidget(slider_, 1);
  auto* forward = addButton(QStyle::SP_MediaSeekForward, tr("One epoch on (→)"));
  auto* last = addButton(QStyle::SP_MediaSkipForward, tr("Last epoch (End)"));
  label_ = new QLabel;
  label_->setMinimumWidth(fontMetrics().horizontalAdvance(QStringLiteral("0000 of 0000")));
  row->addWidget(label_);
  play_ = addButton(QStyle::SP_MediaPlay, tr("Play through the epochs (Space)"));
  play_->setCheckable(true);
  play_->setText(tr("Play"));
  play_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);

  connect(first, &QToolButton::clicked, this, [this] { slider_->setValue(slider_->minimum()); });
  connect(back, &QToolButton::clicked, this, [this] { step(-1); });
  connect(forward, &QToolButton::clicked, this, [this] { step(1); });
  connect(last, &QToolButton::clicked, this, [this] { slider_->setValue(slider_->maximum()); });
  connect(play_, &QToolButton::toggled, this, &EpochBar::play);
  connect(slider_, &QSlider::valueChanged, this, [this] {
    show();
    Q_EMIT epochChanged(epoch());
  });
  timer_.setInterval(playMs);
  connect(&timer_, &QTimer::timeout, this, &EpochBar::advance);
  tint();
  setEpochs({}, 0);
}

QToolButton* EpochBar::addButton(QStyle::StandardPixmap picture, const QString& help) {
  auto* button = new QToolButton;
  buttons_.emplace_back(button, picture);
  button->setToolTip(help);
  button->setAccessibleName(help);
  button->setAutoRaise(true);
  layout()->addWidget(button);
  return button;
}

void EpochBar::tint() {
  for (const auto& [button, picture] : buttons_) button->setIcon(symbol(*style(), picture));
  if (isPlaying()) play_->setIcon(symbol(*style(), QStyle::SP_MediaPause));
}

void EpochBar::setEpochs(std::vector<std::int64_t> epochs, std::int64_t total) {
  if (epochs.empty()) epochs.push_back(0);
  const bool atEnd = slider_->value() == slider_->maximum();
  const std::int64_t shown = epoch();
  const bool same = epochs == epochs_;
  total_ = std::max(total, epochs.back());
  epochs_ = std::move(epochs);
  const int count = static_cast<int>(epochs_.size());
  {
    const QSignalBlocker quiet(slider_);
    slider_->setRange(0, count - 1);
    const auto at = std::upper_bound(epochs_.begin(), epochs_.end(), shown) - epochs_.begin() - 1;
    slider_->setValue(atEnd ? count - 1 : static_cast<int>(std::max<std::ptrdiff_t>(at, 0)));
  }
  setEnabled(count > 1);
  setToolTip(count > 1 ? QString() : tr("There is one epoch only, so far"));
  show();
  if (!same && epoch() != shown) Q_EMIT epochChanged(epoch());
}

void EpochBar::restart() {
  play(false);
  const QSignalBlocker quiet(slider_);
  epochs_.clear();
  slider_->setRange(0, 0);
}

std::int64_t EpochBar::epoch() const {
  const auto index = static_cast<std::size_t>(slider_->value());
  return index < epochs_.size() ? epochs_[index] : 0;
}

void EpochBar::step(int by) {
  slider_->setValue(slider_->value() + by);
}

void EpochBar::play(bool on) {
  if (on && epochs_.size() < 2) on = false;
  // Played to the end, it starts over.
  if (on && !timer_.isActive() && slider_->value() == slider_->maximum()) slider_->setValue(slider_->minimum());
  if (on) {
    timer_.start();
  } else {
    timer_.stop();
  }
  const QSignalBlocker quiet(play_);
  play_->setChecked(on);
  play_->setIcon(symbol(*style(), on ? QStyle::SP_MediaPause : QStyle::SP_MediaPlay));
  play_->setText(on ? tr("Pause") : tr("Play"));
}

void EpochBar::advance() {
  if (slider_->value() == slider_->maximum()) return play(false);
  step(1);
}

void EpochBar::show() {
  label_->setText(tr("%1 of %2").arg(epoch()).arg(total_));
}

}  // namespace eigenscape
