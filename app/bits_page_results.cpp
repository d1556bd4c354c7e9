// SPDX-License-Identifier: GPL-3.0-or-later
// What the workbench shows of a setting: figures, numbers, what was measured, files.
#include <QComboBox>
#include <QFileDialog>
#include <QLabel>
#include <QPushButton>
#include <QTemporaryDir>
#include <algorithm>
#include <cmath>
#include <fstream>

#include "app/bit_solver.h"
#include "app/bits_page.h"
#include "app/export_dialog.h"
#include "app/measuring.h"
#include "app/picture_saver.h"
#include "core/quantization/bits_file.h"
#include "core/results/error.h"
#include "core/results/tables.h"
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
  if (cost == Cost::Latency) return {1, tr("ms")};
  const double most = allowed(*layers_, {cost, 1});
  return cost == Cost::Bops ? operationUnit(most) : byteUnit(most);
}

/// The run with the bits that are shown as its only allocation, and the setting marked.
std::shared_ptr<RunResults> BitsPage::shownRun() const {
  auto shown = std::make_shared<RunResults>();
  shown->directory = run_->directory;
  shown->info = run_->info;
  shown->sensitivity = run_->sensitivity;
  shown->pareto = tables_ ? tables_->pareto : run_->pareto;
  shown->settings = tables_ ? tables_->settings : run_->settings;
  if (tables_) shown->info.frontier = tables_->frontier;
  for (std::size_t i = 0; i < layers_->size(); ++i)
    shown->allocations.push_back({tr("the workbench").toStdString(), (*layers_)[i].layer, held_.bits[i]});
  if (kept_) shown->settings.push_back(rowOf(settingOf(*layers_, kept_->bits), tr("kept").toStdString(), "given"));
  shown->settings.push_back(rowOf(settingOf(*layers_, held_.bits), currentName, currentName));
  return shown;
}

void BitsPage::showFigures() {
  drawn_ = lookedAt_ && layers_ != nullptr;
  if (!drawn_) return;
  const std::shared_ptr<const RunResults> shown = shownRun();
  frontier_->showRun(shown, shown->info.epochs);
  bars_->showRun(shown, shown->info.epochs);
  Q_EMIT this->shown();
}

/// What the run itself has measured.
void BitsPage::takeMeasured() {
  std::map<std::string, std::map<std::string, std::int64_t>> settings;
  for (const auto& row : run_->settingBits) settings[row.setting][row.layer] = row.bits;
  for (const auto& row : run_->settings) {
    const auto found = settings.find(row.setting);
    if (found == settings.end() || !std::isfinite(row.loss) || found->second.size() != layers_->size()) continue;
    std::vector<std::int64_t> bits;
    for (const auto& layer : *layers_) bits.push_back(found->second[layer.layer]);
    measured_[bits] = {row.loss, row.accuracy};
  }
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
  add(tr("now"), held_);
  if (kept_) add(tr("kept"), *kept_);
  QString html = QStringLiteral("<table><tr><td></td>");
  for (const auto& column : columns) html += cell(column.name, true);
  html += QStringLiteral("</tr>");
  const auto line = [&](const QString& title, auto&& text) {
    html += QStringLiteral("<tr><td>%1</td>").arg(title.toHtmlEscaped());
    for (const auto& column : columns) html += cell(text(column));
    html += QStringLiteral("</tr>");
  };
  const auto costLine = [&](const QString& title, Cost cost) {
    const CostUnit unit = unitOf(cost);
    line(tr("%1 (%2)").arg(title, unit.name), [&](const Column& c) {
      const double amount = c.setting.cost(cost) / unit.size;
      return std::isfinite(amount) ? numberText(amount, 4) : QStringLiteral("–");
    });
  };
  costLine(tr("size"), Cost::Size);
  if (isKnown(*layers_, Cost::Bops)) costLine(tr("bit operations"), Cost::Bops);
  if (isKnown(*layers_, Cost::Latency)) costLine(tr("latency"), Cost::Latency);
  line(tr("predicted sum of Ω"), [](const Column& c) {
    return numberText(c.setting.omega, 4) +
           (c.setting.standardError > 0 ? QStringLiteral(" ± ") + numberText(c.setting.standardError, 2) : QString());
  });
  line(tr("measured test loss"),
       [](const Column& c) { return c.measured ? numberText(c.measured->first, 5) : QStringLiteral("–"); });
  line(tr("measured test accuracy"), [](const Column& c) {
    return c.measured ? tr("%1 %").arg(100 * c.measured->second, 0, 'f', 2) : QStringLiteral("–");
  });
  html += QStringLiteral("</table>");
  if (!problem_.isEmpty()) html += QStringLiteral("<p><b>%1</b></p>").arg(problem_.toHtmlEscaped());
  status_->setText(html);
  showAmount();
  const QString obstacle = measureObstacle();
  measure_->setEnabled(obstacle.isEmpty());
  measure_->setText(job_ ? tr("Measuring …") : tr("Measure"));
  measure_->setToolTip(obstacle.isEmpty() ? tr("Loss and accuracy of the network with these bits, on the test split")
                                          : obstacle);
}

void BitsPage::showAmount() {
  if (cost_->count() == 0) {
    amount_->setText(tr("The layers say neither parameters nor macs nor latency_ms: there is nothing to limit."));
    return;
  }
  const CostUnit unit = unitOf(budget_.cost);
  amount_->setText(tr("at most %1 %2").arg(numberText(allowed(*layers_, budget_) / unit.size, 4), unit.name));
}

QString BitsPage::measureObstacle() const {
  if (!run_ || !layers_) return tr("There is nothing to measure");
  if (job_) return tr("A setting is being measured; Cancel (Ctrl+.) ends that");
  if (retired_) return tr("What was being measured is coming to its end");
  const auto own = measuringObstacle(*run_);
  if (!own.empty()) return tr("Not to be measured: %1").arg(QString::fromStdString(own));
  if (!busy_.isEmpty()) return busy_;
  return measured_.contains(held_.bits) ? tr("These bits were measured") : QString();
}

/// A study as --batch would carry it out, in a folder that goes with the job.
void BitsPage::measure() {
  if (!measureObstacle().isEmpty()) return;
  const auto folder = std::make_shared<QTemporaryDir>();
  const std::filesystem::path path = folder->path().toStdString();
  try {
    saveTo(folder->filePath(QStringLiteral("bits.json")));
    StudyOptions options;
    options.out = path / "run";
    job_ = std::make_unique<Job>(measuringRecipe(*run_, path / "bits.json"), options);
  } catch (const std::exception& error) {
    return Q_EMIT failed(QString::fromUtf8(error.what()));
  }
  // The job's connections are the last of it to go: after the thread that writes into the folder.
  connect(job_.get(), &QObject::destroyed, job_.get(), [folder] {});
  beingMeasured_ = held_.bits;
  connect(job_.get(), &Job::ended, this, &BitsPage::finishMeasuring);
  job_->start();
  showStatus();
  Q_EMIT measuringChanged();
}

/// What it would say is not wanted any more; waiting for its last batch would hold the window up.
void BitsPage::stopMeasuring() {
  if (!job_) return;
  retired_ = std::move(job_);
  retired_->disconnect(this);
  connect(retired_.get(), &Job::ended, this, [this] {
    retired_.release()->deleteLater();
    showStatus();
    Q_EMIT measuringChanged();
  });
  retired_->cancel();
  showStatus();
  Q_EMIT measuringChanged();
}

void BitsPage::finishMeasuring(const JobEnd& end) {
  job_.release()->deleteLater();
  if (end.how == JobEnd::How::Failed) Q_EMIT failed(end.message);
  for (const auto& row : end.run ? end.run->settings : std::vector<SettingRow>()) {
    if (row.method == "given") measured_[beingMeasured_] = {row.loss, row.accuracy};
  }
  showStatus();
  Q_EMIT measuringChanged();
  Q_EMIT measured();
}

void BitsPage::keep() {
  if (!layers_) return;
  kept_ = held_;
  model_->setOther(kept_->bits);
  view_->setColumnHidden(BitsModel::Other, false);
  showStatus();
  showFigures();
}

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

void BitsPage::loadFrom(const QString& file) {
  if (!layers_) throw RunError("there are no layers that " + file.toStdString() + " could fit");
  HeldBits next = held_;
  next.bits = readBitsFile(file.toStdString(), *layers_).front().setting.bits;
  setHeld(next, tr("bits of a file"));
}

void BitsPage::saveDialog() {
  auto* dialog = new QFileDialog(this, tr("Save the bits"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilters({tr("Bits (*.json)")});
  dialog->setDefaultSuffix(QStringLiteral("json"));
  dialog->selectFile(QStringLiteral("bits.json"));
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    try {
      saveTo(file);
      Q_EMIT said(tr("saved %1").arg(file));
    } catch (const RunError& error) {
      Q_EMIT failed(QString::fromUtf8(error.what()));
    }
  });
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

void BitsPage::exportFigure(Figure* figure, const QString& format) {
  if (!run_ || !figure) return;
  ExportDialog::ask(*figure, QString::fromStdString(run_->directory.string()), format, this, *saver_);
}

}  // namespace eigenscape
