// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bits_page.h"

#include <QApplication>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <QStackedWidget>
#include <QUndoCommand>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>

#include "app/bit_solver.h"
#include "app/measuring.h"
#include "app/picture_saver.h"
#include "core/results/error.h"
#include "core/study/bit_plan.h"
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
  made->setAccessibleName(text);
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
      message_(new QLabel),
      status_(new QLabel),
      amount_(new QLabel),
      model_(new BitsModel(this)),
      bars_(makeFigure({QStringLiteral("sensitivity"), {}}).release()),
      frontier_(makeFigure({QStringLiteral("frontier"), {}}).release()),
      chosen_(frontier_) {
  auto* figures = new QSplitter(Qt::Vertical);
  figures->addWidget(frontier_);
  figures->addWidget(bars_);
  auto* both = new QSplitter;
  makeControls();
  both->addWidget(side_);
  both->addWidget(figures);
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

/// While its parts are taken down, the focus still moves.
BitsPage::~BitsPage() {
  qApp->disconnect(this);
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
  rows->addWidget(amount_);
  return box;
}

void BitsPage::makeControls() {
  view_ = new BitsView(model_);
  undo_ = button(tr("Undo"), tr("Take back the last change of the bits (Ctrl+Z)"));
  redo_ = button(tr("Redo"), tr("Make the change again (Ctrl+Shift+Z)"));
  keep_ = button(tr("Keep to compare"), tr("Show the bits of now beside those that follow"));
  measure_ = button(tr("Measure"), QString());
  save_ = button(tr("Save bits …"), tr("Write the bits as a bits.json for PyTorch and for --batch"));
  load_ = button(tr("Load bits …"), tr("Take the bits of a bits.json"));
  auto* buttons = new QGridLayout;
  int place = 0;
  for (auto* each : {undo_, redo_, keep_, measure_, save_, load_}) {
    buttons->addWidget(each, place / 3, place % 3);
    ++place;
  }
  status_->setWordWrap(true);
  status_->setTextFormat(Qt::RichText);
  status_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  status_->setAccessibleName(tr("what the bits come to"));
  auto* rows = new QVBoxLayout(side_);
  rows->addWidget(makeBudget());
  rows->addWidget(view_, 1);
  rows->addWidget(status_);
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
  connect(saver_, &PictureSaver::saved, this,
          [this](const QString& file) { Q_EMIT said(tr("exported %1").arg(file)); });
  connect(saver_, &PictureSaver::failed, this, &BitsPage::failed);
  for (Figure* figure : {bars_, frontier_}) {
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
  connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
    for (Figure* figure : {bars_, frontier_}) {
      if (now && (now == figure || figure->isAncestorOf(now))) choose(figure);
    }
  });
  undo_->setEnabled(false);
  redo_->setEnabled(false);
}

void BitsPage::clear() {
  run_.reset();
  layers_.reset();
  takeLayers();
}

void BitsPage::showRun(std::shared_ptr<const RunResults> run) {
  const bool other = !run_ || run_->directory != run->directory;
  const bool same = !other && layers_ && run_->sensitivity.size() == run->sensitivity.size() &&
                    run_->inputSensitivity.size() == run->inputSensitivity.size();
  run_ = std::move(run);
  if (other) measured_.clear();
  if (same) {
    if (!run_->pareto.empty()) tables_.reset();
    takeMeasured();
    showStatus();
    return showFigures();
  }
  layers_.reset();
  takeLayers();
}

/// From the run's rows to layers; says what is missing where there are none.
void BitsPage::takeLayers() {
  solver_->forget();  // answers for other layers
  solving_ = false;
  stopMeasuring();
  kept_.reset();
  tables_.reset();
  problem_.clear();
  why_ = tr("No run is open yet.");
  if (run_ && run_->sensitivity.empty()) {
    why_ =
        tr("This run has no sensitivities to choose bits from.\n\nAdd a section [quantization] to its recipe (tick "
           "Quantization in the form) and run it; or give a table of your own as quantization.sensitivity: layer, "
           "bits and omega, with parameters, macs, group and latency_ms as you know them.");
  } else if (run_) {
    try {
      layers_ = std::make_shared<const std::vector<LayerChoices>>(
          choicesOf(rulesOf(*run_), run_->sensitivity, (run_->directory / SensitivityRow::file).string(),
                    run_->inputSensitivity));
      why_.clear();
    } catch (const std::runtime_error& error) {  // of the rows, or of the recipe that does not fit them
      why_ = QString::fromUtf8(error.what());
    }
  }
  const bool any = layers_ != nullptr;
  message_->setText(why_);
  pages_->setCurrentIndex(any ? 1 : 0);
  model_->setLayers(layers_);
  model_->setOther({});
  view_->setColumnHidden(BitsModel::Other, true);
  history_.clear();
  held_ = {};
  if (!any) return;
  cost_->clear();
  for (const auto& [cost, name] : {std::pair{Cost::Size, tr("size")}, std::pair{Cost::Bops, tr("bit operations")},
                                   std::pair{Cost::Latency, tr("latency")}}) {
    if (isKnown(*layers_, cost)) cost_->addItem(name, int(cost));
  }
  for (QWidget* part : {static_cast<QWidget*>(cost_), static_cast<QWidget*>(slider_), static_cast<QWidget*>(share_)})
    part->setEnabled(cost_->count() > 0);
  if (run_->pareto.empty()) solver_->tabulate(layers_, rulesOf(*run_));
  takeMeasured();

  HeldBits first;
  first.locked.assign(layers_->size(), false);
  first.bits.assign(layers_->size(), layers_->front().choices.back().bits);
  first.limit = {cost_->count() > 0 ? Cost(cost_->itemData(0).toInt()) : Cost::Size, 1};
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    for (const auto& row : run_->allocations) {
      if (row.limit == run_->allocations.front().limit && row.layer == (*layers_)[i].layer) first.bits[i] = row.bits;
    }
  }
  try {
    const auto limits = parseLimits(run_->allocations.empty() ? "" : run_->allocations.front().limit);
    if (cost_->findData(int(limits.front().cost)) >= 0) first.limit = limits.front();
  } catch (const std::invalid_argument&) {
  }
  apply(first);
}

void BitsPage::setLookedAt(bool on) {
  lookedAt_ = on;
  setTheme(theme_);
  if (on && !drawn_) showFigures();
}

void BitsPage::setTheme(Theme theme) {
  theme_ = theme;
  if (!lookedAt_) return;
  bars_->setTheme(theme);
  frontier_->setTheme(theme);
}

void BitsPage::setBusy(const QString& why) {
  if (busy_ == why) return;
  busy_ = why;
  showStatus();
}

void BitsPage::choose(Figure* figure) {
  if (figure == chosen_) return;
  chosen_ = figure;
  Q_EMIT shown();
}

void BitsPage::setFullPage(bool on) {
  side_->setVisible(!on);
  for (Figure* figure : {bars_, frontier_}) figure->setVisible(!on || figure == chosen_);
}

QString BitsPage::message() const {
  return layers_ ? QString() : why_;
}

QString BitsPage::statusText() const {
  return status_->text();
}

QString BitsPage::budgetText() const {
  return amount_->text();
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
