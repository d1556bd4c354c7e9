// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/contour_pair.h"

#include <QBoxLayout>
#include <QLabel>
#include <cmath>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/contour.h"
#include "views/plotting.h"

namespace eigenscape {
namespace {

QString wholeOf(const QString& quantized) {
  return QString::fromStdString(landscapeAndSetting(quantized.toStdString()).first);
}

}  // namespace

ContourPairFigure::ContourPairFigure(FigureId id, QWidget* parent)
    : Figure(std::move(id), parent),
      parts_{new ContourFigure({"contour", wholeOf(this->id().name)}), new ContourFigure({"contour", this->id().name})},
      both_(new QBoxLayout(QBoxLayout::LeftToRight)),
      caption_(new QLabel) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addLayout(both_, 1);
  column->addWidget(caption_);
  both_->setSpacing(0);
  setAutoFillBackground(true);
  caption_->setWordWrap(true);
  caption_->setFont(Style().font(0.8));
  caption_->setMargin(int(Style().millimetres(1.5)));
  parts_[0]->setBeside(parts_[1]->id().name);
  parts_[1]->setBeside(parts_[0]->id().name);
  for (ContourFigure* part : parts_) {
    part->setCaptionShown(false);
    part->setAccessibleName(part->id().title());
    both_->addWidget(part, 1);
    connect(part, &Figure::hovered, this, &Figure::hovered);
    connect(part, &Figure::failed, this, &Figure::failed);
    connect(part, &Figure::fullPageRequested, this, &Figure::fullPageRequested);
    connect(part->plot(), &QCustomPlot::afterReplot, this, [this, part] { follow(part); });
  }
  ContourPairFigure::themeChanged();
}

void ContourPairFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  following_ = true;
  for (ContourFigure* part : parts_) {
    part->setPeers(peers());
    part->showRun(run_, epoch_);
  }
  following_ = false;
  sayCaption();
}

void ContourPairFigure::refreshAll() {
  for (ContourFigure* part : parts_) part->setSharedScale(sharedScale());
  sayCaption();
}

void ContourPairFigure::follow(const ContourFigure* moved) {
  if (following_ || !moved->emptyMessage().isEmpty()) return;
  following_ = true;
  ContourFigure* other = moved == parts_[0] ? parts_[1] : parts_[0];
  const auto ranges = moved->axisRanges();
  if (other->axisRanges() != ranges) other->setAxisRanges(ranges);
  following_ = false;
}

Provenance ContourPairFigure::provenance() const {
  Provenance provenance = parts_[0]->provenance();
  if (!parts_[0]->emptyMessage().isEmpty()) return provenance;
  QStringList notes;
  for (const ContourFigure* part : parts_) {
    const QString network = networkName(part->id().name);
    for (const QString& note : part->provenance().notes) {
      // The optimizer's path is the same on both.
      const bool common = parts_[0]->provenance().notes.contains(note) && parts_[1]->provenance().notes.contains(note);
      if (common && part == parts_[1]) continue;
      notes << (common || note.contains(network) ? note : tr("%1: %2").arg(network, note));
    }
  }
  provenance.notes = notes << tr("one scale of colours");
  return provenance;
}

QString ContourPairFigure::caption() const {
  return run_ && parts_[0]->emptyMessage().isEmpty() ? captionText(run_->info, provenance()) : QString();
}

void ContourPairFigure::sayCaption() {
  caption_->setText(caption());
  caption_->setVisible(captionShown_ && !caption_->text().isEmpty());
}

void ContourPairFigure::setCaptionShown(bool on) {
  captionShown_ = on;
  sayCaption();
}

void ContourPairFigure::themeChanged() {
  Style style;
  style.theme = theme();
  const QPalette ground = style.onPaper(palette());
  setPalette(ground);
  caption_->setPalette(ground);
  for (ContourFigure* part : parts_) part->setTheme(theme());
}

void ContourPairFigure::resizeEvent(QResizeEvent* event) {
  Figure::resizeEvent(event);
  both_->setDirection(height() > width() ? QBoxLayout::TopToBottom : QBoxLayout::LeftToRight);
}

void ContourPairFigure::resetView() {
  for (ContourFigure* part : parts_) part->resetView();
}

QStringList ContourPairFigure::splits() const {
  return parts_[0]->splits();
}

QString ContourPairFigure::split() const {
  return parts_[0]->split();
}

void ContourPairFigure::setSplit(const QString& split) {
  for (ContourFigure* part : parts_) part->setSplit(split);
  sayCaption();
}

QStringList ContourPairFigure::recipeSettings() const {
  return parts_[0]->recipeSettings();
}

std::optional<HeightChoice> ContourPairFigure::heightChoice() const {
  return parts_[0]->heightChoice();
}

void ContourPairFigure::chooseHeight(const HeightChoice& choice) {
  for (ContourFigure* part : parts_) part->setHeight(choice);
  sayCaption();
  Q_EMIT factsChanged();
}

void ContourPairFigure::addChoices(QMenu& menu) {
  addHeightChoices(menu, parts_[0]->data(), [this](const HeightChoice& choice) { chooseHeight(choice); });
}

Figure::Facts ContourPairFigure::facts() const {
  Facts all = Figure::facts();
  if (!parts_[0]->emptyMessage().isEmpty()) return all;
  for (const auto& fact : provenanceFacts(provenance())) all.push_back(fact);
  for (const auto& fact : parts_[0]->data().facts()) all.push_back(fact);
  return all;
}

Picture ContourPairFigure::toPicture() {
  Picture picture;
  picture.caption = caption();
  picture.body = [this](QCPPainter& painter, const Style& style, double ratio) {
    const bool stacked = style.size.height() > style.size.width();
    // Whole units: a plot's layout knows no halves.
    const int width = stacked ? style.size.width() : style.size.width() / 2,
              height = stacked ? style.size.height() / 2 : style.size.height();
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      Style own = style;
      own.size = {width, height};
      painter.save();
      painter.translate(stacked ? 0 : int(k) * width, stacked ? int(k) * height : 0);
      painter.setClipRect(QRectF(QPointF(0, 0), QSizeF(own.size)), Qt::IntersectClip);
      parts_[k]->toPicture().body(painter, own, ratio);
      painter.restore();
    }
  };
  return picture;
}

std::string ContourPairFigure::table() const {
  return pairCsv(*run_, id().name, epoch_);
}

void ContourPairFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  if (file.extension() == ".csv") {
    if (!run_) throw RunError("cannot write " + file.string() + ": no run is open");
    writeFileAtomically(file, table());
  } else {
    writePicture(toPicture(), file, options);
  }
}

QImage ContourPairFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

}  // namespace eigenscape
