// SPDX-License-Identifier: GPL-3.0-or-later
// What the workbench has evaluated in the background: a setting's loss and accuracy, or a landscape.
#include <QDir>
#include <QProgressBar>
#include <QPushButton>
#include <QTabWidget>
#include <QTemporaryDir>
#include <algorithm>
#include <cmath>
#include <utility>

#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/measuring.h"
#include "app/progress_line.h"
#include "app/run_loader.h"
#include "core/results/error.h"
#include "views/style.h"

namespace eigenscape {
namespace {

/// For what is measured. Throws RunError.
std::shared_ptr<QTemporaryDir> temporaryFolder() {
  auto folder = std::make_shared<QTemporaryDir>();
  if (folder->isValid()) return folder;
  throw RunError("no temporary folder can be made in " + QDir::tempPath().toStdString() + " (" +
                 folder->errorString().toStdString() + "); make room there, or set TMPDIR to a folder to write in");
}

}  // namespace

/// Why nothing can be evaluated just now.
QString BitsPage::jobObstacle() const {
  if (!run_ || !layers_) return tr("There is nothing to measure");
  if (job_ && beingEvaluated_.empty()) return tr("A setting is being measured; Cancel (Ctrl+.) ends that");
  if (job_) return tr("A landscape is being evaluated; Cancel (Ctrl+.) ends that");
  if (retired_) return tr("What was being measured is coming to its end");
  return {};
}

QString BitsPage::measureObstacle() const {
  if (const QString obstacle = jobObstacle(); !obstacle.isEmpty()) return obstacle;
  const auto own = measuringObstacle(*run_);
  if (!own.empty()) return tr("Not to be measured: %1").arg(QString::fromStdString(own));
  if (!busy_.isEmpty()) return busy_;
  return measured_.contains(held_.bits) ? tr("These bits were measured") : QString();
}

QString BitsPage::landscapeObstacle() const {
  if (const QString obstacle = jobObstacle(); !obstacle.isEmpty()) return obstacle;
  const auto own = networkObstacle(*run_);
  if (!own.empty()) return tr("There is no loss surface: %1").arg(QString::fromStdString(own));
  if (!landscape_->chosen()) return tr("The run's recipe cannot be read any more");
  return busy_;
}

void BitsPage::showButtons() {
  const QString obstacle = measureObstacle();
  measure_->setEnabled(obstacle.isEmpty());
  measure_->setText(job_ && beingEvaluated_.empty() ? tr("Measuring …") : tr("Measure"));
  measure_->setToolTip(obstacle.isEmpty() ? tr("Loss and accuracy of the network with these bits, on the test split")
                                          : obstacle);
  const bool known = landscape_->isKnown(held_.bits);
  const QString none = known ? QString() : landscapeObstacle();
  evaluate_->setEnabled(none.isEmpty());
  evaluate_->setToolTip(!none.isEmpty() ? none
                        : known         ? tr("Shows the landscape of the network with these bits (Alt+L)")
                                : tr("Evaluates the landscape of the network with these bits beside that in floating "
                                     "point, in the background (Alt+L)"));
  showHint();
}

/// What stands where a landscape is not known.
void BitsPage::showHint() {
  const QString obstacle = landscapeObstacle();
  const auto* wanted = landscape_->chosen();
  if (job_ && !beingEvaluated_.empty() && wanted && wanted->recipe.name == beingEvaluated_ &&
      beingMeasured_ == held_.bits)
    return landscape_->setHint(tr("The landscape is being evaluated …"));
  if (!obstacle.isEmpty() || !wanted) return landscape_->setHint(obstacle);
  const QString name = QString::fromStdString(wanted->recipe.name);
  QString text =
      wanted->isEvaluated()
          ? tr("The button “Loss surface” evaluates “%1” with these bits, at the run's own %2 points, and shows "
               "it beside that of the network in floating point.")
                .arg(name)
                .arg(wanted->points())
          : tr("The run has no landscape of its own. The button “Loss surface” evaluates one of %1 points along "
               "two random directions, in floating point and with these bits.")
                .arg(wanted->points());
  if (wanted->seconds >= 1)
    text += "\n\n" + tr("In floating point it took %1.").arg(durationText(wanted->seconds).c_str());
  landscape_->setHint(text);
}

/// A study as --batch would carry it out, in a folder that goes with the job.
void BitsPage::measure() {
  if (!measureObstacle().isEmpty()) return;
  try {
    const auto folder = temporaryFolder();
    const std::filesystem::path path = folder->path().toStdString();
    saveTo(folder->filePath(QStringLiteral("bits.json")));
    StudyOptions options;
    options.out = path / "run";
    startJob(std::make_unique<Job>(measuringRecipe(*run_, path / "bits.json"), options), folder, {});
  } catch (const std::exception& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()));
  }
}

/// The same, of a study that goes on from what the run knows.
void BitsPage::evaluateLandscape() {
  tabs_->setCurrentWidget(landscape_);
  if (landscape_->isKnown(held_.bits) || !landscapeObstacle().isEmpty()) return;
  const FloatLandscape wanted = *landscape_->chosen();
  try {
    const auto folder = temporaryFolder();
    const std::filesystem::path path = folder->path().toStdString();
    saveTo(folder->filePath(QStringLiteral("bits.json")));
    const Recipe recipe = landscapeRecipe(*run_, path / "bits.json", wanted);
    StudyOptions options;
    options.out = path / "run";
    options.resume = true;
    const auto prepare = [recipe, wanted, out = options.out] { beginLandscape(recipe, wanted, out); };
    startJob(std::make_unique<Job>(recipe, options, prepare), folder, wanted.recipe.name);
  } catch (const std::exception& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()));
  }
}

void BitsPage::startJob(std::unique_ptr<Job> job, const std::shared_ptr<QTemporaryDir>& folder,
                        const std::string& landscape) {
  job_ = std::move(job);
  // The job's connections are the last of it to go: after the thread that writes into the folder.
  connect(job_.get(), &QObject::destroyed, job_.get(), [folder] {});
  beingMeasured_ = held_.bits;
  beingEvaluated_ = landscape;
  const auto* wanted = landscape_->chosen();
  knownInFloat_ = !landscape.empty() && wanted && wanted->isEvaluated();
  connect(job_.get(), &Job::ended, this, &BitsPage::finishMeasuring);
  connect(job_.get(), &Job::progressed, this, &BitsPage::showProgress);
  if (!landscape.empty()) {
    loader_->follow(job_->directory());
    connect(job_.get(), &Job::changed, loader_, &RunLoader::reloadSoon);
  }
  progress_->setValue(0);
  progress_->setFormat(tr("reading data and model …"));
  progressRow_->show();
  job_->start();
  showStatus();
  Q_EMIT measuringChanged();
}

void BitsPage::showProgress(const StudyProgress& progress) {
  if (!job_) return;
  // Of a landscape that is known in floating point, half of the study is done before it begins.
  const bool quantized = progress.phase.ends_with(quantizedName(beingEvaluated_, kWorkbenchSetting));
  const double share = !knownInFloat_ ? progress.totalFraction : quantized ? progress.phaseFraction : 0;
  // The study corrects what it expects of the rest, and what comes after the landscape is short.
  progress_->setValue(std::max(progress_->value(), int(std::lround(100 * share))));
  const QString what = beingEvaluated_.empty() ? tr("measuring") : QString::fromStdString(beingEvaluated_);
  const QString left = progress.secondsLeft >= 1
                           ? tr(", %1 left").arg(QString::fromStdString(durationText(progress.secondsLeft)))
                           : QString();
  progress_->setFormat(tr("%1: %p %%2").arg(QString(what).replace('%', "%%"), left));
}

/// What it would say is not wanted any more; waiting for its last batch would hold the window up.
void BitsPage::stopMeasuring() {
  if (!job_) return;
  retired_ = std::move(job_);
  retired_->disconnect(this);
  retired_->disconnect(loader_);
  loader_->forget();
  progressRow_->hide();
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
  loader_->forget();
  progressRow_->hide();
  if (end.how == JobEnd::How::Failed) Q_EMIT failed(end.message);
  for (const auto& row : end.run ? end.run->settings : std::vector<SettingRow>()) {
    if (row.method != "given" || !std::isfinite(row.loss)) continue;
    const bool isNew = measured_.insert_or_assign(beingMeasured_, std::pair(row.loss, row.accuracy)).second;
    if (!isNew) continue;  // a landscape's study measures once more
    measuredHere_.insert(beingMeasured_);
    Q_EMIT said(tr("measured with your bits: test loss %1, accuracy %2 %")
                    .arg(numberText(row.loss, 5), QString::number(100 * row.accuracy, 'f', 2)));
  }
  const auto landscape = std::exchange(beingEvaluated_, {});
  if (end.run && !landscape.empty()) {
    if (landscape_->take(*end.run, landscape, beingMeasured_, true)) {
      Q_EMIT said(tr("loss landscape of %1 done").arg(QString::fromStdString(landscape)));
    } else {
      Q_EMIT failed(end.run->info.notes.empty() ? tr("The landscape has no points")
                                                : QString::fromStdString(end.run->info.notes.back()));
    }
  }
  showStatus();
  showFigures();
  Q_EMIT measuringChanged();
  Q_EMIT measured();
}

}  // namespace eigenscape
