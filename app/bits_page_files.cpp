// SPDX-License-Identifier: GPL-3.0-or-later
// Bits from and to files.
#include <QDialog>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/measuring.h"
#include "core/quantization/bits_file.h"
#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/cost_unit.h"
#include "views/style.h"

namespace eigenscape {

void BitsPage::saveTo(const QString& file) const {
  if (!layers_) throw RunError("there are no bits to save; open a run with sensitivities");
  BitsProvenance provenance;
  provenance.program = "Eigenscape " + run_->info.program;
  provenance.run = run_->info.name;
  provenance.model = run_->info.model;
  provenance.weights = run_->info.weights;
  provenance.sensitivity = run_->info.sensitivity;
  const auto rules = rulesOf(*run_);
  provenance.granularity = rules.granularity;
  provenance.scheme = rules.scheme;
  provenance.range = rules.range;
  provenance.groupChannels = rules.group;
  writeFileAtomically(file.toStdString(),
                      bitsJson(*layers_, {{"workbench", settingOf(*layers_, held_.bits)}}, provenance));
}

void BitsPage::save(const QString& file) {
  try {
    saveTo(file);
    savedFile_ = QFileInfo(file).absoluteFilePath();
    savedBits_ = held_.bits;
    Q_EMIT said(tr("saved %1").arg(file));
  } catch (const RunError& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()));
  }
}

std::vector<std::string> BitsPage::batchSettings() const {
  if (!layers_ || savedFile_.isEmpty() || savedBits_ != held_.bits) return {};
  std::vector<std::string> settings{"quantization.settings=" + savedFile_.toStdString()};
  const bool pictured = chosen_ && chosen_ == landscape_->figure();
  if (pictured && landscape_->chosen()->directionsKept)  // else the run's recipe has no landscape
    settings.push_back(std::string("quantization.landscapes=") + kWorkbenchSetting);
  return settings;
}

void BitsPage::loadFrom(const QString& file) {
  if (!layers_) throw RunError("there are no layers that " + file.toStdString() + " could fit");
  auto settings = readBitsFile(file.toStdString(), *layers_);
  if (settings.size() > 1) return chooseSetting(file, std::move(settings));
  takeBits(settings.front().setting.bits, tr("bits of a file"));
}

void BitsPage::takeBits(const std::vector<std::int64_t>& bits, const QString& what) {
  HeldBits next = held_;
  next.bits = bits;
  setHeld(next, what);
}

/// With what tells them apart.
void BitsPage::chooseSetting(const QString& file, const std::vector<NamedSetting>& settings) {
  auto* dialog = new QDialog(this);
  dialog->setObjectName(QStringLiteral("ChooseSetting"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setWindowTitle(tr("Load bits"));
  auto* list = new QTreeWidget;
  const CostUnit unit = unitOf(Cost::Size);
  list->setHeaderLabels({tr("setting"), tr("sum of Ω"), tr("size (%1)").arg(unit.name)});
  list->setRootIsDecorated(false);
  list->setUniformRowHeights(true);
  list->setAccessibleName(tr("settings of %1").arg(QFileInfo(file).fileName()));
  for (const auto& one : settings) {
    const double size = one.setting.sizeBytes / unit.size;
    auto* item = new QTreeWidgetItem(list, {QString::fromStdString(one.name), numberText(one.setting.omega, 4),
                                            std::isfinite(size) ? numberText(size, 4) : QStringLiteral("–")});
    for (const int column : {1, 2}) item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
  }
  list->setCurrentItem(list->topLevelItem(0));
  for (const int column : {1, 2}) list->headerItem()->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
  list->header()->setStretchLastSection(false);
  list->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  list->header()->setSectionResizeMode(0, QHeaderView::Stretch);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
  buttons->button(QDialogButtonBox::Ok)->setText(tr("Load"));
  connect(buttons, &QDialogButtonBox::accepted, dialog, &QDialog::accept);
  connect(buttons, &QDialogButtonBox::rejected, dialog, &QDialog::reject);
  connect(list, &QTreeWidget::itemActivated, dialog, &QDialog::accept);
  // Meanwhile another run may be shown, whose layers are others.
  connect(dialog, &QDialog::accepted, this, [this, list, settings, layers = layers_] {
    const int at = list->indexOfTopLevelItem(list->currentItem());
    if (at < 0) return;
    if (!layers_ || !areAlike(*layers, *layers_))
      return Q_EMIT failed(tr("These settings are of other layers than those that are shown now; load the file again"));
    const auto& one = settings[std::size_t(at)];
    takeBits(one.setting.bits, tr("bits of %1").arg(QString::fromStdString(one.name)));
  });
  auto* label = new QLabel(tr("%1 holds %2 settings. Which one?").arg(QFileInfo(file).fileName()).arg(settings.size()));
  label->setWordWrap(true);
  auto* rows = new QVBoxLayout(dialog);
  rows->addWidget(label);
  rows->addWidget(list, 1);
  rows->addWidget(buttons);
  dialog->resize(460, 320);
  dialog->open();
  list->setFocus();
}

void BitsPage::saveDialog() {
  auto* dialog = new QFileDialog(this, tr("Save the bits"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilters({tr("Bits (*.json)")});
  dialog->setDefaultSuffix(QStringLiteral("json"));
  dialog->selectFile(QStringLiteral("bits.json"));
  connect(dialog, &QFileDialog::fileSelected, this, &BitsPage::save);
  dialog->open();
}

void BitsPage::loadDialog() {
  auto* dialog = new QFileDialog(this, tr("Load bits"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::ExistingFile);
  dialog->setNameFilters({tr("Bits (*.json)")});
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    try {
      loadFrom(file);
    } catch (const RunError& error) {
      Q_EMIT failed(QString::fromUtf8(error.what()));
    }
  });
  dialog->open();
}

}  // namespace eigenscape
