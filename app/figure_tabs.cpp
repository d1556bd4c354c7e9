// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/figure_tabs.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QPointer>
#include <QTabBar>
#include <exception>
#include <utility>

namespace eigenscape {

FigureTabs::FigureTabs(QWidget* parent) : QTabWidget(parent) {
  setDocumentMode(true);
  setUsesScrollButtons(true);
  tabBar()->setExpanding(false);
  connect(this, &QTabWidget::currentChanged, this, &FigureTabs::bringUpToDate);
}

Figure* FigureTabs::figure(int index) const {
  return qobject_cast<Figure*>(widget(index));
}

Figure* FigureTabs::current() const {
  return qobject_cast<Figure*>(currentWidget());
}

void FigureTabs::clearFigures() {
  run_.reset();
  stale_.clear();
  while (count() > 0) {
    QWidget* page = widget(0);
    removeTab(0);
    delete page;
  }
}

Figure* FigureTabs::addFigure(int index, const FigureId& id) {
  Figure* figure = makeFigure(id).release();
  connect(figure, &Figure::hovered, this, &FigureTabs::hovered);
  connect(figure, &Figure::copyBatchCommandRequested, this, &FigureTabs::copyBatchCommandRequested);
  connect(figure, &Figure::exportRequested, this, &FigureTabs::exportCurrent);
  insertTab(index, figure, id.title());
  return figure;
}

void FigureTabs::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  int index = 0;
  for (const FigureId& id : availableFigures(*run_)) {
    while (index < count() && !(figure(index)->id() == id)) {
      // A resumed run may have dropped what was cut short.
      bool later = false;
      for (const FigureId& other : availableFigures(*run_)) later = later || other == figure(index)->id();
      if (later) break;
      stale_.erase(figure(index));
      delete widget(index);
    }
    if (index >= count() || !(figure(index)->id() == id)) addFigure(index, id);
    ++index;
  }
  while (count() > index) {
    stale_.erase(figure(index));
    delete widget(index);
  }
  for (int i = 0; i < count(); ++i) stale_.insert(figure(i));
  bringUpToDate(currentIndex());
}

void FigureTabs::showEpoch(std::int64_t epoch) {
  epoch_ = epoch;
  for (int i = 0; i < count(); ++i) stale_.insert(figure(i));
  bringUpToDate(currentIndex());
}

void FigureTabs::bringUpToDate(int index) {
  Figure* shown = figure(index);
  if (shown && run_ && stale_.erase(shown) > 0) shown->showRun(run_, epoch_);
}

void FigureTabs::exportCurrent(const QString& format) {
  Figure* figure = current();
  if (!figure || !run_) return;
  QStringList filters;
  for (const QString& known : figure->formats()) {
    if (format.isEmpty() || known == format) filters << QStringLiteral("%1 (*.%2)").arg(known.toUpper(), known);
  }
  const QString suffix = format.isEmpty() ? figure->formats().value(0) : format;
  const QString folder = QString::fromStdString(run_->directory.string());
  auto* dialog = new QFileDialog(this, tr("Export %1").arg(figure->id().title()), folder);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilters(filters);
  dialog->setDefaultSuffix(suffix);
  dialog->selectFile(figure->id().fileStem() + '.' + suffix);
  connect(dialog, &QFileDialog::filterSelected, dialog,
          [dialog](const QString& filter) { dialog->setDefaultSuffix(filter.section(' ', 0, 0).toLower()); });
  const QPointer<Figure> target = figure;
  connect(dialog, &QFileDialog::fileSelected, this, [this, target](const QString& file) {
    if (target) save(target, file);
  });
  dialog->open();
}

void FigureTabs::save(Figure* figure, const QString& file) {
  try {
    figure->exportTo(file.toStdString(), ExportOptions());
    Q_EMIT exported(file);
  } catch (const std::exception& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()).section('\n', 0, 0));
  }
}

}  // namespace eigenscape
