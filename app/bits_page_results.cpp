// SPDX-License-Identifier: GPL-3.0-or-later
// What the workbench shows of a setting: figures, numbers, what was measured, files.
#include <QComboBox>
#include <QFileDialog>
#include <QLabel>
#include <QPushButton>
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
#include "views/figure.h"

namespace eigenscape {
namespace {

const char* const currentName = "current";

QString megabytes(double bytes) {
  return std::isfinite(bytes) ? QObject::tr("%1 MB").arg(numberText(bytes / 1e6, 4)) : QStringLiteral("–");
}

QString giga(double operations) {
  return std::isfinite(operations) ? numberText(operations / 1e9, 4) + QObject::tr(" G") : QStringLiteral("–");
}

QString cell(const QString& text, bool heading = false) {
  const QString tag = heading ? QStringLiteral("th") : QStringLiteral("td");
  return QStringLiteral("<%1 align='right' style='padding-left:12px'>%2</%1>").arg(tag, text.toHtmlEscaped());
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

QString BitsPage::amountText(double amount, Cost cost) {
  if (cost == Cost::Size) return tr("%1 MB").arg(numberText(amount / 1e6, 4));
  if (cost == Cost::Bops) return tr("%1 giga-operations").arg(numberText(amount / 1e9, 4));
  return tr("%1 ms").arg(numberText(amount, 4));
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
  line(tr("size of the weights"), [](const Column& c) { return megabytes(c.setting.sizeBytes); });
  if (isKnown(*layers_, Cost::Bops)) line(tr("bit operations"), [](const Column& c) { return giga(c.setting.bops); });
  if (isKnown(*layers_, Cost::Latency))
    line(tr("latency"), [](const Column& c) { return tr("%1 ms").arg(numberText(c.setting.latencyMs, 4)); });
  line(tr("predicted: sum of Ω"), [](const Column& c) {
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
  amount_->setText(cost_->count() == 0
                       ? tr("The layers say neither parameters nor macs nor latency_ms: there is nothing to limit.")
                       : tr("at most %1").arg(amountText(allowed(*layers_, budget_), budget_.cost)));
}

QString BitsPage::measureObstacle() const {
  if (!run_ || !layers_) return tr("There is nothing to measure");
  if (job_) return tr("A setting is being measured");
  const auto own = measuringObstacle(*run_);
  if (!own.empty()) return tr("Not to be measured: %1").arg(QString::fromStdString(own));
  if (!busy_.isEmpty()) return busy_;
  return measured_.contains(held_.bits) ? tr("These bits were measured") : QString();
}

/// A study as --batch would carry it out, in a folder that goes with the page.
void BitsPage::measure() {
  if (!measureObstacle().isEmpty()) return;
  folder_ = std::make_unique<QTemporaryDir>();
  const std::filesystem::path folder = folder_->path().toStdString();
  try {
    saveTo(folder_->filePath(QStringLiteral("bits.json")));
    StudyOptions options;
    options.out = folder / "run";
    job_ = std::make_unique<Job>(measuringRecipe(*run_, folder / "bits.json"), options);
  } catch (const std::exception& error) {
    return Q_EMIT failed(QString::fromUtf8(error.what()));
  }
  beingMeasured_ = held_.bits;
  connect(job_.get(), &Job::ended, this, &BitsPage::finishMeasuring);
  job_->start();
  showStatus();
}

/// What it would say is not wanted any more; waiting for its last batch would hold the window up.
void BitsPage::retireJob() {
  if (!job_) return;
  Job* job = job_.release();
  job->disconnect(this);
  job->setParent(this);
  connect(job, &Job::ended, job, &QObject::deleteLater);
  job->cancel();
  connect(job, &QObject::destroyed, this, [folder = std::shared_ptr<QTemporaryDir>(std::move(folder_))] {});
}

void BitsPage::finishMeasuring(const JobEnd& end) {
  job_.release()->deleteLater();
  if (end.how == JobEnd::How::Failed) Q_EMIT failed(end.message);
  for (const auto& row : end.run ? end.run->settings : std::vector<SettingRow>()) {
    if (row.method == "given") measured_[beingMeasured_] = {row.loss, row.accuracy};
  }
  showStatus();
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
  try {
    const auto quantization = parseRecipe(run_->recipe, "recipe.toml").quantization;
    provenance.granularity = quantization.granularity;
    provenance.scheme = quantization.scheme;
    provenance.range = quantization.range;
    provenance.groupChannels = quantization.group;
  } catch (const RecipeError&) {  // of a version that had other keys: the defaults stand
  }
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
  if (!run_) return;
  ExportDialog::ask(*figure, QString::fromStdString(run_->directory.string()), format, this, *saver_);
}

}  // namespace eigenscape
