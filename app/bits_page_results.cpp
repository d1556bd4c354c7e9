// SPDX-License-Identifier: GPL-3.0-or-later
// What the workbench shows of a setting: figures, numbers, what was measured.
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "app/appearance.h"
#include "app/bit_solver.h"
#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/export_dialog.h"
#include "app/picture_saver.h"
#include "views/cost_unit.h"
#include "views/figure.h"

namespace eigenscape {
namespace {

const char* const currentName = "current";

QString cell(const QString& text, bool heading = false) {
  const QString tag = heading ? QStringLiteral("th") : QStringLiteral("td");
  return QStringLiteral("<%1 align='right' style='padding-left:12px; white-space:nowrap'>%2</%1>")
      .arg(tag, text.toHtmlEscaped());
}

SettingRow rowOf(const BitSetting& setting, const std::string& name, const std::string& method) {
  return {name,
          method,
          setting.sizeBytes,
          setting.bops,
          setting.latencyMs,
          setting.omega,
          setting.standardError,
          std::nan(""),
          std::nan("")};
}

}  // namespace

/// As the frontier's axis has it: the same for all settings of these layers.
CostUnit BitsPage::unitOf(Cost cost) const {
  if (cost == Cost::Latency) return {1, tr("ms"), tr("ms")};
  const double most = allowed(*layers_, {cost, 1});
  return cost == Cost::Bops ? operationUnit(most) : byteUnit(most);
}

/// The run with the bits that are shown as its only allocation, and the setting marked.
std::shared_ptr<RunResults> BitsPage::shownRun() const {
  auto shown = std::make_shared<RunResults>();
  shown->directory = run_->directory;
  shown->info = run_->info;
  shown->sensitivity = rows_;
  if (remark().isEmpty()) shown->inputSensitivity = run_->inputSensitivity;  // Ω counts them
  shown->pareto = tables_ ? tables_->pareto : run_->pareto;
  shown->settings = tables_ ? tables_->settings : run_->settings;
  if (tables_) shown->info.frontier = tables_->frontier;
  for (std::size_t i = 0; i < layers_->size(); ++i)
    shown->allocations.push_back({tr("the current setting").toStdString(), (*layers_)[i].layer, held_.bits[i]});
  const auto add = [&](const HeldBits& held, const std::string& name, const std::string& method) {
    shown->settings.push_back(rowOf(settingOf(*layers_, held.bits), name, method));
    if (const auto found = measured_.find(held.bits); found != measured_.end())
      std::tie(shown->settings.back().loss, shown->settings.back().accuracy) = found->second;
  };
  if (kept_) add(*kept_, tr("kept").toStdString(), "kept");
  add(held_, currentName, currentName);
  return shown;
}

/// With the settings that were measured here, which the tables of the run know nothing of.
std::shared_ptr<const RunResults> BitsPage::measuredRun(RunResults shown) const {
  for (const auto& bits : measuredHere_) {
    if (kept_ && kept_->bits == bits) continue;
    auto& row = shown.settings.emplace_back(rowOf(settingOf(*layers_, bits), tr("measured").toStdString(), "measured"));
    std::tie(row.loss, row.accuracy) = measured_.at(bits);
  }
  return std::make_shared<const RunResults>(std::move(shown));
}

void BitsPage::showFigures() {
  drawn_ = lookedAt_ && layers_ != nullptr;
  if (!drawn_) return;
  bars_->showRun(shownRun(), run_->info.epochs);
  stale_ = {frontier_, accuracy_};
  showTab();
  Q_EMIT this->shown();
}

/// The figures under the other tabs wait until they are looked at.
void BitsPage::showTab() {
  auto* now = qobject_cast<Figure*>(tabs_->currentWidget());
  if (!drawn_ || !layers_ || stale_.erase(now) == 0) return;
  const std::shared_ptr<const RunResults> shown = shownRun();
  now->showRun(now == accuracy_ ? measuredRun(*shown) : shown, shown->info.epochs);
}

/// What the run itself has measured.
void BitsPage::takeMeasured() {
  std::map<std::string, std::map<std::string, std::int64_t>> settings;
  for (const auto& row : run_->settingBits) settings[row.setting][row.layer] = row.bits;
  std::map<std::string, std::vector<std::int64_t>> bitsOfSettings;
  for (auto& [name, own] : settings) {
    if (own.size() != layers_->size()) continue;
    auto& bits = bitsOfSettings[name];
    for (const auto& layer : *layers_) bits.push_back(own[layer.layer]);
  }
  for (const auto& row : run_->settings) {
    const auto found = bitsOfSettings.find(row.setting);
    if (found == bitsOfSettings.end() || !std::isfinite(row.loss)) continue;
    const auto& bits = found->second;
    measured_[bits] = {row.loss, row.accuracy};
  }
  landscape_->setRun(run_, bitsOfSettings);
}

void BitsPage::showStatus() {
  if (!layers_) return;
  struct Column {
    QString name;
    BitSetting setting;
    const std::pair<double, double>* measured;
  };
  std::vector<Column> columns;
  const auto add = [&](const QString& name, const HeldBits& held) {
    const auto found = measured_.find(held.bits);
    columns.push_back({name, settingOf(*layers_, held.bits), found == measured_.end() ? nullptr : &found->second});
  };
  add(tr("current"), held_);
  if (kept_) add(tr("kept"), *kept_);
  QString html = QStringLiteral("<table><tr><td></td>");
  for (const auto& column : columns) html += cell(column.name, true);
  html += QStringLiteral("</tr>");
  const auto line = [&](const QString& title, auto&& text) {
    html += QStringLiteral("<tr><td style='white-space:nowrap'>%1</td>").arg(title.toHtmlEscaped());
    for (const auto& column : columns) html += cell(text(column));
    html += QStringLiteral("</tr>");
  };
  const auto costLine = [&](const QString& title, Cost cost) {
    const CostUnit unit = unitOf(cost);
    line(unit.ofTitle.isEmpty() ? title : tr("%1 (%2)").arg(title, unit.ofTitle), [&](const Column& c) {
      const double amount = c.setting.cost(cost) / unit.size;
      return std::isfinite(amount) ? numberText(amount, 4) : QStringLiteral("–");
    });
  };
  costLine(tr("size"), Cost::Size);
  if (isKnown(*layers_, Cost::Bops)) costLine(tr("bit operations"), Cost::Bops);
  if (isKnown(*layers_, Cost::Latency)) costLine(tr("latency"), Cost::Latency);
  line(tr("predicted: sum of Ω"), [](const Column& c) { return numberText(c.setting.omega, 4); });
  const bool errors = std::any_of(columns.begin(), columns.end(), [](auto& c) { return c.setting.standardError > 0; });
  if (errors) line(tr("± standard error"), [](const Column& c) { return numberText(c.setting.standardError, 2); });
  line(tr("measured: test loss"),
       [](const Column& c) { return c.measured ? numberText(c.measured->first, 5) : QStringLiteral("–"); });
  line(tr("measured: test accuracy"), [](const Column& c) {
    return c.measured ? tr("%1 %").arg(100 * c.measured->second, 0, 'f', 2) : QStringLiteral("–");
  });
  html += QStringLiteral("</table>");
  if (!problem_.isEmpty()) html += QStringLiteral("<p><b>%1</b></p>").arg(problem_.toHtmlEscaped());
  status_->setText(html);
  showAmount();
  showButtons();
}

/// While a budget is solved for, nothing is said of bits that are about to change.
void BitsPage::showAmount() {
  over_->clear();
  amount_->setWordWrap(cost_->count() == 0);  // an amount stays on one line, what is missing needs more
  if (cost_->count() == 0) {
    amount_->setText(tr("The layers say neither parameters nor macs nor latency_ms: there is nothing to limit."));
    return;
  }
  const CostUnit unit = unitOf(budget_.cost);
  const double most = allowed(*layers_, budget_), taken = settingOf(*layers_, held_.bits).cost(budget_.cost);
  amount_->setText(tr("at most %1 %2").arg(numberText(most / unit.size, 4), unit.name));
  if (solving_ || !(taken > most * (1 + 1e-9))) return;
  over_->setText(tr("⚠ exceeded by %1 %2").arg(numberText((taken - most) / unit.size, 3), unit.name));
}

void BitsPage::keep() {
  if (!layers_) return;
  kept_ = held_;
  model_->setOther(kept_->bits);
  view_->setColumnHidden(BitsModel::Other, false);
  showStatus();
  showFigures();
}

void BitsPage::exportFigure(Figure* figure, const QString& format) {
  if (!run_) return;
  if (!figure) return Q_EMIT said(tr("There is no picture of these bits yet"));
  ExportDialog::ask(*figure, QString::fromStdString(run_->directory.string()), format, this, *saver_);
}

}  // namespace eigenscape
