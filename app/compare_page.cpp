// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/compare_page.h"

#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QListWidget>
#include <QSignalBlocker>
#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "app/compared_runs.h"
#include "app/export_dialog.h"
#include "app/picture_saver.h"
#include "app/run_loader.h"
#include "app/shell.h"
#include "views/compare_figure.h"
#include "views/comparison.h"
#include "views/overlay_figure.h"

namespace eigenscape {
namespace {

constexpr int directoryRole = Qt::UserRole;

QString directoryOf(const QListWidgetItem* item) {
  return item->data(directoryRole).toString();
}

/// A run's colour beside its name.
QIcon swatch(const QColor& color) {
  QPixmap pixmap(14, 10);
  pixmap.fill(color);
  return QIcon(pixmap);
}

}  // namespace

ComparePage::ComparePage(QWidget* parent)
    : QWidget(parent),
      side_(new QWidget),
      list_(new QListWidget),
      choice_(new QComboBox),
      message_(new QLabel),
      saver_(new PictureSaver(this)) {
  connect(saver_, &PictureSaver::saved, this, &ComparePage::exported);
  connect(saver_, &PictureSaver::failed, this, &ComparePage::failed);
  auto* rows = new QVBoxLayout(side_);
  auto* which = new QLabel(tr("Runs to compare (two to four)"));
  which->setWordWrap(true);
  rows->addWidget(which);
  rows->addWidget(list_, 1);
  rows->addWidget(new QLabel(tr("Figure")));
  rows->addWidget(choice_);
  list_->setAccessibleName(tr("runs to compare"));
  list_->setTextElideMode(Qt::ElideMiddle);
  choice_->setAccessibleName(tr("figure to compare"));
  auto* shown = new QWidget;
  column_ = new QVBoxLayout(shown);
  column_->setContentsMargins(0, 0, 0, 0);
  column_->addWidget(message_, 1);
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  auto* both = new QSplitter;
  both->addWidget(side_);
  both->addWidget(shown);
  both->setStretchFactor(1, 1);
  both->setSizes({220, 900});
  auto* whole = new QVBoxLayout(this);
  whole->setContentsMargins(0, 0, 0, 0);
  whole->addWidget(both);
  connect(list_, &QListWidget::itemChanged, this, &ComparePage::changed);
  connect(choice_, &QComboBox::activated, this, [this](int index) {
    if (index >= 0 && index < int(figures_.size())) wanted_ = figures_[std::size_t(index)];
    showFigure();
  });
  refresh();
}

ComparePage::~ComparePage() = default;

void ComparePage::setRuns(const QStringList& directories) {
  const QSignalBlocker quiet(list_);
  list_->clear();
  for (const QString& directory : directories) {
    auto* item = new QListWidgetItem(QFileInfo(directory).fileName(), list_);
    item->setData(directoryRole, directory);
    item->setToolTip(directory);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsUserCheckable);
    item->setCheckState(ticked_.contains(directory) ? Qt::Checked : Qt::Unchecked);
  }
  for (const QString& directory : QStringList(ticked_)) {
    if (!directories.contains(directory)) forget(directory);
  }
  unticked_.intersect(QSet<QString>(directories.begin(), directories.end()));
  refresh();
}

void ComparePage::tick(const QString& directory, bool on) {
  for (int i = 0; i < list_->count(); ++i) {
    if (directoryOf(list_->item(i)) == directory) list_->item(i)->setCheckState(on ? Qt::Checked : Qt::Unchecked);
  }
}

void ComparePage::tickLikely(const QString& lookedAt) {
  QStringList likely{lookedAt};
  for (int i = 0; i < list_->count() && list_->count() == int(fewestCompared); ++i)
    likely << directoryOf(list_->item(i));
  for (const QString& directory : likely) {
    const bool full = ticked_.size() >= qsizetype(mostCompared);
    if (!full && !unticked_.contains(directory)) tick(directory, true);
  }
}

void ComparePage::changed(QListWidgetItem* item) {
  const QString directory = directoryOf(item);
  const bool on = item->checkState() == Qt::Checked;
  if (on == ticked_.contains(directory)) return;
  if (on && ticked_.size() >= qsizetype(mostCompared)) {
    const QSignalBlocker quiet(list_);
    item->setCheckState(Qt::Unchecked);
    Q_EMIT failed(tr("Four runs are the most that can be told apart; untick one before %1").arg(item->text()));
    return;
  }
  if (on) {
    ticked_ << directory;
    unticked_.remove(directory);
    load(directory);
  } else {
    unticked_.insert(directory);
    forget(directory);
  }
  refresh();
}

void ComparePage::load(const QString& directory) {
  auto* loader = new RunLoader(this);
  loaders_[directory] = loader;
  connect(loader, &RunLoader::loaded, this, [this, directory](std::shared_ptr<const RunResults> run) {
    loaded_[directory] = std::move(run);
    refresh();
  });
  connect(loader, &RunLoader::failed, this, [this, directory](const QString& message) {
    tick(directory, false);
    unticked_.remove(directory);  // it was not by hand
    Q_EMIT failed(message);
  });
  loader->load(directory.toStdString());
}

void ComparePage::reload(const QString& directory) {
  RunLoader* loader = loaders_.value(directory);
  if (loader && lookedAt_) loader->reloadSoon();
  if (loader && !lookedAt_) stale_.insert(directory);
}

void ComparePage::setLookedAt(bool on) {
  if (on == lookedAt_) return;
  lookedAt_ = on;
  if (!on) return;
  for (const QString& directory : std::exchange(stale_, {})) reload(directory);
  refresh();
}

void ComparePage::forget(const QString& directory) {
  ticked_.removeAll(directory);
  loaded_.remove(directory);
  stale_.remove(directory);
  // What it reads may take long, and it may be the one whose signal is being handled.
  if (RunLoader* loader = loaders_.take(directory)) loader->retire();
}

QString ComparePage::state() const {
  if (list_->count() == 0)
    return tr("No run is open. Open two (Ctrl+O) or make them (R); then they can be compared here.");
  if (list_->count() < int(fewestCompared)) {
    return tr("One run is there: %1. A comparison takes two or more: open another one (Ctrl+O) or make it (R), with "
              "another value in the recipe.")
        .arg(list_->item(0)->text());
  }
  if (ticked_.size() < qsizetype(fewestCompared)) return tr("Tick two to four runs on the left.");
  if (runs_.size() < std::size_t(ticked_.size())) return tr("Reading the runs …");
  if (figures_.empty()) return tr("These runs have no figure in common: they measured different things.");
  return {};
}

/// From what is ticked and read to what is shown.
void ComparePage::refresh() {
  std::vector<const RunResults*> plain;
  runs_.clear();
  for (const QString& directory : ticked_) {
    const auto run = loaded_.value(directory);
    if (!run) continue;
    plain.push_back(run.get());
    runs_.push_back({run, QString(), QString()});
  }
  const auto names = plain.size() < fewestCompared ? std::vector<RunName>() : distinguishingNames(plain);
  for (std::size_t i = 0; i < names.size(); ++i) {
    runs_[i].name = QString::fromStdString(names[i].name);
    runs_[i].rest = QString::fromStdString(names[i].rest);
  }
  figures_ = runs_.size() < fewestCompared ? std::vector<FigureId>() : commonFigures(runs_);
  {
    const QSignalBlocker silent(choice_);
    choice_->clear();
    for (const auto& id : figures_) choice_->addItem(id.title());
    const auto found = std::find(figures_.begin(), figures_.end(), wanted_);
    choice_->setCurrentIndex(figures_.empty() ? -1 : found == figures_.end() ? 0 : int(found - figures_.begin()));
    choice_->setEnabled(!figures_.empty());
  }
  showColours();
  showFigure();
  Q_EMIT epochsChanged();
}

void ComparePage::showColours() {
  Style style;
  style.theme = theme_;
  const QSignalBlocker quiet(list_);
  for (int i = 0; i < list_->count(); ++i) {
    const auto at = ticked_.indexOf(directoryOf(list_->item(i)));
    list_->item(i)->setIcon(at < 0 ? QIcon() : swatch(runColor(style, std::size_t(at))));
  }
}

void ComparePage::showFigure() {
  if (!lookedAt_) return;
  const QString why = state();
  message_->setText(why);
  message_->setVisible(!why.isEmpty());
  const int index = choice_->currentIndex();
  const bool any = why.isEmpty() && index >= 0;
  if (figure_ && (!any || !(figure_->compared() == figures_[std::size_t(index)]))) {
    figure_->deleteLater();
    figure_->hide();
    figure_ = nullptr;
  }
  if (!any) {
    Q_EMIT shown();
    return;
  }
  if (!figure_) {
    figure_ = new CompareFigure(figures_[std::size_t(index)]);
    connect(figure_, &Figure::hovered, this, &ComparePage::hovered);
    connect(figure_, &Figure::failed, this, &ComparePage::failed);
    connect(figure_, &Figure::exportRequested, this, &ComparePage::exportFigure);
    connect(figure_, &Figure::copyBatchCommandRequested, this, &ComparePage::copyBatchCommandRequested);
    connect(figure_, &Figure::fullPageRequested, this, &ComparePage::fullPageRequested);
    column_->addWidget(figure_, 1);
  }
  figure_->setTheme(theme_);
  figure_->showRuns(runs_, epoch_);
  Q_EMIT shown();
}

QString ComparePage::message() const {
  return figure_ ? QString() : message_->text();
}

std::vector<std::int64_t> ComparePage::epochs() const {
  return figures_.empty() ? std::vector<std::int64_t>() : epochsOfAll(runs_);
}

void ComparePage::showEpoch(qint64 epoch) {
  if (epoch_ == epoch) return;
  epoch_ = epoch;
  if (!figure_ || !lookedAt_) return;
  figure_->showRuns(runs_, epoch_);
  Q_EMIT shown();
}

void ComparePage::setTheme(Theme theme) {
  theme_ = theme;
  showColours();
  if (figure_ && lookedAt_) figure_->setTheme(theme);
}

QString ComparePage::batchCommand() const {
  if (!figure_) return {};
  std::string command = "eigenscape";
  for (std::size_t i = 0; i < runs_.size(); ++i)
    command += (i == 0 ? " --render " : " --compare ") + shellQuoted(runs_[i].run->directory.string());
  // Of runs that are not at their end the last epoch is another one tomorrow.
  std::int64_t last = lastEpoch(runs_);
  for (const auto& one : runs_) last = std::max(last, one.run->info.epochs);
  if (epochsOfAll(runs_).empty()) last = epoch_;
  return QString::fromStdString(command + " --out comparison") + figureArguments(*figure_, epoch_, last);
}

void ComparePage::exportFigure(const QString& format) {
  if (!figure_) return;
  const auto folder = QString::fromStdString(runs_.front().run->directory.parent_path().string());
  ExportDialog::ask(*figure_, folder, format, this, *saver_);
}

}  // namespace eigenscape
