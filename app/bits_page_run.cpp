// SPDX-License-Identifier: GPL-3.0-or-later
// Where the workbench's layers come from: the rows of a run, also of one that goes on.
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QSlider>
#include <QStackedWidget>
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/appearance.h"
#include "app/bit_solver.h"
#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/measuring.h"
#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"

namespace eigenscape {
namespace {

/// Why the run itself has left inputs out of Ω; empty: it has not.
QString ownWordOnInputs(const RunResults& run) {
  for (const auto& note : run.info.notes) {
    if (note.starts_with("omega of a setting counts the weights alone"))
      return QString::fromStdString(note).section(QStringLiteral(": "), 1);
  }
  return {};
}

}  // namespace

bool BitsPage::areAlike(const std::vector<LayerChoices>& one, const std::vector<LayerChoices>& other) {
  const auto sameWidth = [](const BitChoice& a, const BitChoice& b) { return a.bits == b.bits; };
  return std::equal(
      one.begin(), one.end(), other.begin(), other.end(), [&](const LayerChoices& a, const LayerChoices& b) {
        return a.layer == b.layer && a.group == b.group &&
               std::equal(a.choices.begin(), a.choices.end(), b.choices.begin(), b.choices.end(), sameWidth);
      });
}

void BitsPage::clear() {
  run_.reset();
  layers_.reset();
  takeLayers();
}

void BitsPage::showRun(std::shared_ptr<const RunResults> run) {
  const bool other = !run_ || run_->directory != run->directory;
  const auto inputs = run_ ? run_->inputSensitivity.size() : 0;
  const auto before = std::exchange(rows_, {});
  run_ = std::move(run);
  if (other || !layers_) return takeLayers();
  rows_ = orderedSensitivity(*run_);
  const bool same = run_->inputSensitivity.size() == inputs &&
                    std::equal(rows_.begin(), rows_.end(), before.begin(), before.end(),
                               [](const auto& a, const auto& b) { return a.layer == b.layer && a.bits == b.bits; });
  if (!same) return takeRows();
  if (!run_->pareto.empty()) tables_.reset();
  takeMeasured();
  const auto first = firstBits();
  const bool untouched = history_.count() == 0 && !solving_ && !kept_;
  if (untouched && !(first == held_)) return apply(first);  // the run has chosen bits meanwhile
  showStatus();
  showFigures();
}

/// Of a run that goes on. Where only Ω is another, what was edited stands.
void BitsPage::takeRows() {
  const auto before = layers_;
  readLayers();
  if (!layers_ || !areAlike(*before, *layers_)) {
    layers_ = before;  // those of the bits that are shown until nothing is measured any more
    return takeLayers();
  }
  const bool asked = solving_;
  const Limit wanted = budget_;
  showLayers();
  if (kept_) model_->setOther(kept_->bits);
  apply(history_.count() == 0 && !asked && !kept_ ? firstBits() : held_);
  if (!asked) return;
  budget_ = wanted;
  showBudget();
  solve();
}

/// From the run's rows to layers, with nothing of those before.
void BitsPage::takeLayers() {
  stopMeasuring();
  measured_.clear(), measuredHere_.clear();
  savedFile_.clear();
  landscape_->setRun(nullptr, {});
  kept_.reset();
  problem_.clear();
  readLayers();
  message_->setText(why_);
  pages_->setCurrentIndex(layers_ ? 1 : 0);
  view_->setColumnHidden(BitsModel::Other, true);
  history_.clear();
  held_ = {};
  showLayers();
  if (layers_) apply(firstBits());
}

/// Says what is missing where there are none.
void BitsPage::readLayers() {
  layers_.reset();
  remark_->clear();
  rows_.clear();
  why_ = tr("No run is open yet.");
  if (!run_) return;
  rows_ = orderedSensitivity(*run_);
  if (rows_.empty()) {
    why_ =
        tr("This run has no sensitivities to choose bits from.\n\nAdd a section [quantization] to its recipe (tick "
           "Quantization in the form) and run it; or give a table of your own as quantization.sensitivity: layer, "
           "bits and omega, with parameters, macs, group and latency_ms as you know them.");
    return;
  }
  const auto rules = rulesOf(*run_);
  const auto read = [&](const std::vector<InputSensitivityRow>& inputs) {
    auto layers = choicesOf(rules, rows_, (run_->directory / SensitivityRow::file).string(), inputs);
    addCorrelations(layers, run_->traceCorrelations);
    layers_ = std::make_shared<const std::vector<LayerChoices>>(std::move(layers));
  };
  const QString alone = tr("Ω counts the weights alone: %1"), said = ownWordOnInputs(*run_);
  const auto inputs = said.isEmpty() ? run_->inputSensitivity : std::vector<InputSensitivityRow>();
  try {
    read(inputs);
    if (!said.isEmpty()) {
      remark_->setText(alone.arg(said));
    } else if (quantizesInputs(rules) && inputs.empty()) {
      remark_->setText(
          alone.arg(tr("inputs are quantized, too, but the run has no %1").arg(InputSensitivityRow::file)));
    }
  } catch (const std::runtime_error& error) {
    remark_->setText(alone.arg(QString::fromUtf8(error.what())));
  }
  try {
    if (!layers_) read({});
    why_.clear();
  } catch (const std::runtime_error& error) {  // of the rows, or of the recipe that does not fit them
    why_ = QString::fromUtf8(error.what());
  }
}

void BitsPage::showLayers() {
  solver_->forget();  // answers for other layers
  solving_ = false;
  tables_.reset();
  model_->setLayers(layers_);
  model_->setOther({});
  remark_->setVisible(!remark_->text().isEmpty());
  if (!layers_) return landscape_->setRun(nullptr, {});
  cost_->clear();
  for (const auto& [cost, name] : {std::pair{Cost::Size, tr("size")}, std::pair{Cost::Bops, tr("bit operations")},
                                   std::pair{Cost::Latency, tr("latency")}}) {
    if (isKnown(*layers_, cost)) cost_->addItem(name, int(cost));
  }
  for (QWidget* part : {static_cast<QWidget*>(cost_), static_cast<QWidget*>(slider_), static_cast<QWidget*>(share_)})
    part->setEnabled(cost_->count() > 0);
  if (run_->pareto.empty()) solver_->tabulate(layers_, rulesOf(*run_));
  takeMeasured();
}

/// What the run has chosen under the first of its limits, else the most bits.
HeldBits BitsPage::firstBits() const {
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
  return first;
}

}  // namespace eigenscape
