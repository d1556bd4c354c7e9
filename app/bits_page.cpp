// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bits_page.h"

#include <QApplication>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabBar>
#include <QTabWidget>
#include <QUndoCommand>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "app/appearance.h"
#include "app/bit_solver.h"
#include "app/bits_landscape.h"
#include "app/picture_saver.h"
#include "app/run_loader.h"
#include "views/figure.h"

namespace eigenscape {
namespace {

constexpr int sliderSteps = 1000;
constexpr int budgetMoves = 1;  ///< moves of the budget without anything between are one change

/// One change of the bits, their locks or the budget.
class BitsChange : public QUndoCommand {
 public:
  using Apply = std::function<void(const HeldBits&)>;
  BitsChange(HeldBits before, HeldBits after, const QString& what, int mergeId, Apply apply)
      : QUndoCommand(what),
        before_(std::move(before)),
        after_(std::move(after)),
        mergeId_(mergeId),
        apply_(std::move(apply)) {}
  void undo() override { apply_(before_); }
  void redo() override { apply_(after_); }
  int id() const override { return mergeId_; }
  bool mergeWith(const QUndoCommand* next) override {
    after_ = static_cast<const BitsChange*>(next)->after_;
    return true;
  }

 private:
  HeldBits before_, after_;
  int mergeId_;
  Apply apply_;
};

QPushButton* button(const QString& text, const QString& tip) {
  auto* made = new QPushButton(text);
  made->setToolTip(tip);
  made->setAccessibleName(QString(text).remove('&'));
  made->setAccessibleDescription(tip);
  return made;
}

}  // namespace

BitsPage::BitsPage(QWidget* parent)
    : QWidget(parent),
      solver_(new BitSolver(this)),
      saver_(new PictureSaver(this)),
      pages_(new QStackedWidget),
      side_(new QWidget),
      progressRow_(new QWidget),
      message_(new QLabel),
      status_(new QLabel),
      amount_(new QLabel),
      over_(new ToneLabel(ToneLabel::Tone::Problem)),
      remark_(new ToneLabel(ToneLabel::Tone::Problem)),
      progress_(new QProgressBar),
      model_(new BitsModel(this)),
      bars_(makeFigure({QStringLiteral("sensitivity"), {}}).release()),
      frontier_(makeFigure({QStringLiteral("frontier"), {}}).release()),
      accuracy_(makeFigure({QStringLiteral("frontier-accuracy"), {}}).release()),
      chosen_(frontier_),
      tabs_(new QTabWidget),
      landscape_(new BitsLandscape),
      loader_(new RunLoader(this)) {
  auto* both = new QSplitter;
  makeControls();
  both->addWidget(side_);
  both->addWidget(makeFigures());
  both->setStretchFactor(1, 1);
  both->setSizes({420, 800});
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  message_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  message_->setMargin(24);
  pages_->addWidget(message_);
  pages_->addWidget(both);
  auto* whole = new QVBoxLayout(this);
  whole->setContentsMargins(0, 0, 0, 0);
  whole->addWidget(pages_);
  connectParts();
  clear();
}

/// While its parts are taken down, focus and tabs still move.
BitsPage::~BitsPage() {
  qApp->disconnect(this);
  tabs_->disconnect(this);
}

QWidget* BitsPage::makeFigures() {
  tabs_->setDocumentMode(true);
  tabs_->addTab(frontier_, tr("Frontier"));
  tabs_->addTab(accuracy_, tr("Measured accuracy"));
  tabs_->addTab(landscape_, tr("Loss landscape"));
  tabs_->tabBar()->setAccessibleName(tr("figures of the bits"));
  auto* figures = new QSplitter(Qt::Vertical);
  figures->addWidget(tabs_);
  figures->addWidget(bars_);
  figures->setSizes({330, 270});
  figures->setStretchFactor(0, 11);
  figures->setStretchFactor(1, 9);
  return figures;
}

QWidget* BitsPage::makeProgress() {
  progress_->setRange(0, 100);
  progress_->setAccessibleName(tr("progress of what is measured"));
  cancel_ = button(tr("Cancel"), tr("Give up what is being measured (Ctrl+.)"));
  auto* row = new QHBoxLayout(progressRow_);
  row->setContentsMargins(0, 0, 0, 0);
  row->addWidget(progress_, 1);
  row->addWidget(cancel_);
  progressRow_->hide();
  return progressRow_;
}

QWidget* BitsPage::makeBudget() {
  cost_ = new QComboBox;
  cost_->setAccessibleName(tr("what the budget limits"));
  slider_ = new QSlider(Qt::Horizontal);
  slider_->setRange(0, sliderSteps);
  slider_->setPageStep(sliderSteps / 20);
  slider_->setAccessibleName(tr("budget"));
  slider_->setToolTip(tr("How far from all layers at the fewest bits to all at the most; solved anew at once"));
  share_ = new QDoubleSpinBox;
  share_->setRange(0, 1);
  share_->setDecimals(3);
  share_->setSingleStep(0.01);
  share_->setKeyboardTracking(false);
  share_->setAccessibleName(tr("budget as a share"));
  amount_->setWordWrap(true);
  over_->setAccessibleName(tr("whether the bits keep the budget"));
  auto* second = new QHBoxLayout;
  second->addWidget(amount_);
  second->addWidget(over_, 1);
  auto* box = new QWidget;
  auto* rows = new QVBoxLayout(box);
  rows->setContentsMargins(0, 0, 0, 0);
  auto* first = new QHBoxLayout;
  auto* label = new QLabel(tr("&Budget"));
  label->setBuddy(slider_);
  first->addWidget(label);
  first->addWidget(cost_);
  first->addWidget(slider_, 1);
  first->addWidget(share_);
  rows->addLayout(first);
  rows->addLayout(second);
  return box;
}

void BitsPage::makeControls() {
  view_ = new BitsView(model_);
  undo_ = button(tr("Undo"), tr("Take back the last change of the bits (Ctrl+Z)"));
  redo_ = button(tr("Redo"), tr("Make the change again (Ctrl+Shift+Z)"));
  keep_ = button(tr("Keep to compare"), tr("Show the bits of now beside those that follow"));
  measure_ = button(tr("Measure"), QString());
  evaluate_ = button(tr("&Loss surface"), QString());
  save_ = button(tr("Save bits …"), tr("Write the bits as a bits.json for PyTorch and for --batch"));
  load_ = button(tr("Load bits …"), tr("Take the bits of a bits.json"));
  auto* buttons = new QVBoxLayout;
  for (const auto& line : {std::vector{undo_, redo_, save_, load_}, std::vector{keep_, measure_, evaluate_}}) {
    auto* row = new QHBoxLayout;
    for (auto* each : line) row->addWidget(each, 1);
    buttons->addLayout(row);
  }
  status_->setWordWrap(true);
  status_->setTextFormat(Qt::RichText);
  status_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  status_->setAccessibleName(tr("what the bits come to"));
  auto* rows = new QVBoxLayout(side_);
  rows->addWidget(makeBudget());
  rows->addWidget(view_, 1);
  rows->addWidget(remark_);
  rows->addWidget(status_);
  rows->addWidget(makeProgress());
  rows->addLayout(buttons);
}

void BitsPage::connectParts() {
  connect(solver_, &BitSolver::solved, this, &BitsPage::take);
  connect(solver_, &BitSolver::tabulated, this, &BitsPage::takeTables);
  connect(solver_, &BitSolver::failed, this, &BitsPage::failed);
  connect(slider_, &QSlider::valueChanged, this, [this](int value) {
    const QSignalBlocker quiet(share_);
    share_->setValue(double(value) / sliderSteps);
    budgetMoved();
  });
  connect(share_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
    const QSignalBlocker quiet(slider_);
    slider_->setValue(int(std::lround(value * sliderSteps)));
    budgetMoved();
  });
  connect(cost_, &QComboBox::activated, this, [this] { budgetMoved(); });
  connect(model_, &BitsModel::bitsWanted, this, &BitsPage::editBits);
  connect(model_, &BitsModel::lockWanted, this, &BitsPage::editLocks);
  connect(undo_, &QPushButton::clicked, &history_, &QUndoStack::undo);
  connect(redo_, &QPushButton::clicked, &history_, &QUndoStack::redo);
  connect(&history_, &QUndoStack::canUndoChanged, undo_, &QWidget::setEnabled);
  connect(&history_, &QUndoStack::canRedoChanged, redo_, &QWidget::setEnabled);
  connect(keep_, &QPushButton::clicked, this, &BitsPage::keep);
  connect(measure_, &QPushButton::clicked, this, &BitsPage::measure);
  connect(save_, &QPushButton::clicked, this, &BitsPage::saveDialog);
  connect(load_, &QPushButton::clicked, this, &BitsPage::loadDialog);
  connect(evaluate_, &QPushButton::clicked, this, &BitsPage::evaluateLandscape);
  connect(cancel_, &QPushButton::clicked, this, &BitsPage::stopMeasuring);
  connect(saver_, &PictureSaver::saved, this,
          [this](const QString& file) { Q_EMIT said(tr("exported %1").arg(file)); });
  connect(saver_, &PictureSaver::failed, this, &BitsPage::failed);
  connect(loader_, &RunLoader::loaded, this, [this](const std::shared_ptr<const RunResults>& study) {
    if (job_ && !beingEvaluated_.empty()) landscape_->take(*study, beingEvaluated_, beingMeasured_, false);
  });
  connect(landscape_, &BitsLandscape::figureMade, this, &BitsPage::connectFigure);
  connect(landscape_, &BitsLandscape::chosenChanged, this, &BitsPage::showButtons);
  connect(landscape_, &BitsLandscape::shown, this, &BitsPage::followLandscape);
  connect(tabs_, &QTabWidget::currentChanged, this, [this] {
    showTab();
    auto* now = qobject_cast<Figure*>(tabs_->currentWidget());
    choose(now ? now : landscape_->figure());
  });
  for (Figure* figure : {bars_, frontier_, accuracy_}) connectFigure(figure);
  connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
    for (Figure* figure : figures()) {
      if (now && (now == figure || figure->isAncestorOf(now))) choose(figure);
    }
  });
  undo_->setEnabled(false);
  redo_->setEnabled(false);
}

void BitsPage::connectFigure(Figure* figure) {
  connect(figure, &Figure::hovered, this, &BitsPage::hovered);
  connect(figure, &Figure::failed, this, &BitsPage::failed);
  connect(figure, &Figure::exportRequested, this,
          [this, figure](const QString& format) { exportFigure(figure, format); });
  connect(figure, &Figure::copyBatchCommandRequested, this, &BitsPage::copyBatchCommandRequested);
  connect(figure, &Figure::fullPageRequested, this, [this, figure] {
    choose(figure);
    Q_EMIT fullPageRequested();
  });
}

std::vector<Figure*> BitsPage::figures() const {
  std::vector<Figure*> all{bars_, frontier_, accuracy_};
  if (Figure* figure = landscape_->figure()) all.push_back(figure);
  return all;
}

void BitsPage::setLookedAt(bool on) {
  lookedAt_ = on;
  setTheme(theme_);
  if (on && !drawn_) showFigures();
}

void BitsPage::setTheme(Theme theme) {
  theme_ = theme;
  if (!lookedAt_) return;
  for (Figure* figure : {bars_, frontier_, accuracy_}) figure->setTheme(theme);
  landscape_->setTheme(theme);
}

void BitsPage::setBusy(const QString& why) {
  if (busy_ == why) return;
  busy_ = why;
  showButtons();
}

void BitsPage::choose(Figure* figure) {
  if (figure == chosen_) return;
  chosen_ = figure;
  Q_EMIT shown();
}

/// Its picture comes and goes with the bits; which figure is meant stays.
void BitsPage::followLandscape() {
  Figure* now = landscape_->figure();
  const bool another = chosen_ == bars_ || chosen_ == frontier_ || chosen_ == accuracy_;
  if (!another) chosen_ = now;
  Q_EMIT shown();
}

Figure* BitsPage::figure() const {
  if (!layers_ || chosen_ || fullPage_) return layers_ ? chosen_ : nullptr;
  return bars_;
}

void BitsPage::setFullPage(bool on) {
  if (on && layers_) chosen_ = figure();
  fullPage_ = on;
  side_->setVisible(!on);
  tabs_->tabBar()->setVisible(!on);
  bars_->setVisible(!on || chosen_ == bars_);
  tabs_->setVisible(!on || chosen_ != bars_);
}

QString BitsPage::message() const {
  return layers_ ? QString() : why_;
}

QString BitsPage::statusText() const {
  return status_->text();
}

QString BitsPage::budgetText() const {
  return over_->text().isEmpty() ? amount_->text() : amount_->text() + ' ' + over_->text();
}

QString BitsPage::remark() const {
  return remark_->text();
}

void BitsPage::setHeld(const HeldBits& held, const QString& what, int mergeId) {
  if (held == held_) return;
  history_.push(new BitsChange(held_, held, what, mergeId, [this](const HeldBits& now) { apply(now); }));
}

/// While a budget is solved for, other locks make it another question; other bits, by hand, of a file or undone, come
/// after it and stand.
void BitsPage::apply(const HeldBits& held) {
  solving_ = solving_ && held.bits == held_.bits && held.locked != held_.locked;
  held_ = held;
  if (!solving_) budget_ = held_.limit;
  problem_.clear();
  model_->setHeld(held_);
  landscape_->setBits(held_.bits);
  showBudget();
  showStatus();
  showFigures();
  if (solving_) solve();
}

void BitsPage::showBudget() {
  const QSignalBlocker quiet(slider_), silent(share_);
  cost_->setCurrentIndex(cost_->findData(int(budget_.cost)));
  slider_->setValue(int(std::lround(budget_.share * sliderSteps)));
  share_->setValue(budget_.share);
}

void BitsPage::budgetMoved() {
  if (!layers_ || cost_->currentIndex() < 0) return;
  budget_ = {Cost(cost_->currentData().toInt()), share_->value()};
  solve();
}

void BitsPage::solve() {
  solving_ = true;
  showAmount();
  BitQuestion question;
  question.layers = layers_;
  question.limit = budget_;
  for (std::size_t i = 0; i < held_.bits.size(); ++i) question.locked.push_back(held_.locked[i] ? held_.bits[i] : 0);
  solver_->ask(std::move(question));
}

void BitsPage::take(const BitAnswer& answer) {
  if (!std::exchange(solving_, false)) return;
  HeldBits next = held_;
  if (answer.setting) {
    next.bits = answer.setting->bits;
    next.limit = answer.limit;
  }
  problem_ =
      answer.setting ? QString() : tr("No setting keeps this budget with the locked layers: unlock some, or raise it.");
  next == held_ ? showStatus() : setHeld(next, tr("budget"), budgetMoves);
  Q_EMIT settled();
}

void BitsPage::takeTables(std::shared_ptr<const BitTables> tables) {
  if (!run_->pareto.empty()) return;  // the run has got its own
  tables_ = std::move(tables);
  showStatus();
  showFigures();
}

/// Layers that share their bits follow.
void BitsPage::editBits(const BitEdits& edits) {
  HeldBits next = held_;
  for (const auto& group : bitGroups(*layers_)) {
    for (const auto& [row, bits] : edits) {
      if (std::find(group.begin(), group.end(), std::size_t(row)) == group.end()) continue;
      for (const auto i : group) next.bits[i] = bits;
    }
  }
  setHeld(next, edits.size() == 1
                    ? tr("bits of %1").arg(QString::fromStdString((*layers_)[std::size_t(edits.front().first)].layer))
                    : tr("bits of %1 layers").arg(edits.size()));
}

void BitsPage::editLocks(const std::vector<int>& rows, bool on) {
  HeldBits next = held_;
  for (const auto& group : bitGroups(*layers_)) {
    for (const int row : rows) {
      if (std::find(group.begin(), group.end(), std::size_t(row)) == group.end()) continue;
      for (const auto i : group) next.locked[i] = on;
    }
  }
  setHeld(next, on ? tr("lock") : tr("unlock"));
}

}  // namespace eigenscape
