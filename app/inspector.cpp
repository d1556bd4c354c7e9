// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/inspector.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHeaderView>
#include <QSignalBlocker>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace eigenscape {

Inspector::Inspector(QWidget* parent)
    : QWidget(parent),
      split_(new QComboBox),
      scale_(new QComboBox),
      clip_(new QDoubleSpinBox),
      shared_(new QCheckBox(tr("One scale for all epochs"))),
      facts_(new QTreeWidget) {
  scale_->addItem(tr("Automatic"), QStringLiteral("auto"));
  scale_->addItem(tr("Linear"), QStringLiteral("linear"));
  scale_->addItem(tr("Logarithmic"), QStringLiteral("log"));
  clip_->setRange(0, 1e6);
  clip_->setDecimals(3);
  clip_->setSpecialValueText(tr("no losses"));
  clip_->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
  clip_->setKeyboardTracking(false);
  facts_->setColumnCount(2);
  facts_->setHeaderHidden(true);
  facts_->setRootIsDecorated(false);
  facts_->setAlternatingRowColors(true);
  facts_->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  facts_->setTextElideMode(Qt::ElideRight);
  split_->setAccessibleName(tr("split"));
  scale_->setAccessibleName(tr("height and colours"));
  clip_->setAccessibleName(tr("losses that are clipped"));
  shared_->setAccessibleName(shared_->text());
  facts_->setAccessibleName(tr("what the figure shows"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(6, 6, 6, 6);
  auto* choices = new QFormLayout;
  choices->addRow(tr("Split"), split_);
  choices->addRow(tr("Height and colours"), scale_);
  choices->addRow(tr("Clip above"), clip_);
  choices->addRow(shared_);
  column->addLayout(choices);
  column->addWidget(facts_, 1);
  connect(split_, &QComboBox::activated, this,
          [this] { choose([this](Figure& figure) { figure.setSplit(split_->currentText()); }); });
  connect(scale_, &QComboBox::activated, this, [this] {
    chooseHeight([this](HeightChoice& height) { height.kind = scale_->currentData().toString().toStdString(); });
  });
  connect(clip_, &QDoubleSpinBox::valueChanged, this,
          [this](double clip) { chooseHeight([clip](HeightChoice& height) { height.clip = clip; }); });
  connect(shared_, &QCheckBox::clicked, this,
          [this](bool on) { choose([on](Figure& figure) { figure.setSharedScale(on); }); });
  setFocusProxy(facts_);
}

void Inspector::inspect(Figure* figure) {
  if (figure_ != figure) {
    if (figure_) disconnect(figure_, nullptr, this, nullptr);
    figure_ = figure;
    if (figure) connect(figure, &Figure::factsChanged, this, &Inspector::refresh);
  }
  refresh();
}

void Inspector::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  refresh();
}

void Inspector::choose(const std::function<void(Figure&)>& change) {
  if (!figure_) return;
  const QSignalBlocker quiet(figure_);  // it is read once
  change(*figure_);
  refresh();
}

/// What is not changed stays as the figure has it: here a clip has fewer digits.
void Inspector::chooseHeight(const std::function<void(HeightChoice&)>& change) {
  choose([&](Figure& figure) {
    auto height = figure.heightChoice();
    if (!height) return;
    change(*height);
    figure.chooseHeight(*height);
  });
}

void Inspector::refresh() {
  if (!isVisible()) return;
  const QSignalBlocker quietClip(clip_);
  const QStringList splits = figure_ ? figure_->splits() : QStringList();
  split_->clear();
  split_->addItems(splits);
  split_->setCurrentText(figure_ ? figure_->split() : QString());
  split_->setEnabled(splits.size() > 1);
  const auto height = figure_ ? figure_->heightChoice() : std::nullopt;
  scale_->setEnabled(height.has_value());
  clip_->setEnabled(height.has_value());
  scale_->setCurrentIndex(height ? scale_->findData(QString::fromStdString(height->kind)) : 0);
  clip_->setValue(height ? height->clip : 0);
  shared_->setEnabled(figure_ && figure_->hasSharedScale());
  shared_->setChecked(figure_ && figure_->sharedScale());
  for (QWidget* choice : std::initializer_list<QWidget*>{split_, scale_, clip_, shared_})
    choice->setToolTip(choice->isEnabled() ? QString() : tr("The figure that is shown has no such choice"));
  facts_->clear();
  for (const auto& [name, value] : figure_ ? figure_->facts() : Figure::Facts()) {
    auto* row = new QTreeWidgetItem(facts_, {name, value});
    row->setToolTip(1, value);
  }
}

QString Inspector::fact(const QString& name) const {
  for (int i = 0; i < facts_->topLevelItemCount(); ++i) {
    if (facts_->topLevelItem(i)->text(0) == name) return facts_->topLevelItem(i)->text(1);
  }
  return {};
}

}  // namespace eigenscape
