// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bits_landscape.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "views/figure.h"
#include "views/profile.h"

namespace eigenscape {
namespace {

/// Beside a landscape's name, for the figures.
std::string settingName() {
  return BitsLandscape::tr("your bits").toStdString();
}

template <class Row>
std::vector<Row> renamed(std::vector<Row> rows, const std::string& from, const std::string& to, std::int64_t epoch) {
  std::erase_if(rows, [&](const Row& row) { return row.name != from; });
  for (auto& row : rows) row.name = to, row.epoch = epoch;
  return rows;
}

/// Of the last epoch alone.
class StillProfile : public ProfileFigure {
 public:
  using ProfileFigure::ProfileFigure;
  bool canBeAnimated() const override { return false; }
};

QString describe(const FloatLandscape& landscape) {
  const auto points = landscape.points();
  const QString name = QString::fromStdString(landscape.recipe.name);
  return landscape.isSurface() ? BitsLandscape::tr("surface %1, %2 points").arg(name).arg(points)
                               : BitsLandscape::tr("profile %1, %2 points").arg(name).arg(points);
}

}  // namespace

BitsLandscape::BitsLandscape(QWidget* parent)
    : QWidget(parent), choice_(new QComboBox), choiceRow_(new QWidget), pages_(new QStackedWidget), hint_(new QLabel) {
  choice_->setAccessibleName(tr("which landscape"));
  choice_->setToolTip(tr("The run's own profiles and surfaces, at its last epoch"));
  auto* label = new QLabel(tr("&Landscape"));
  label->setBuddy(choice_);
  auto* row = new QHBoxLayout(choiceRow_);
  row->setContentsMargins(6, 4, 6, 0);
  row->addWidget(label);
  row->addWidget(choice_);
  row->addStretch(1);
  hint_->setAlignment(Qt::AlignCenter);
  hint_->setWordWrap(true);
  hint_->setMargin(24);
  hint_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  pages_->addWidget(hint_);
  auto* rows = new QVBoxLayout(this);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(0);
  rows->addWidget(choiceRow_);
  rows->addWidget(pages_, 1);
  connect(choice_, &QComboBox::currentIndexChanged, this, [this] {
    refresh();
    Q_EMIT chosenChanged();
  });
}

void BitsLandscape::setRun(std::shared_ptr<const RunResults> run, const std::map<std::string, Bits>& settings) {
  const bool same = run_ && run && run_->directory == run->directory;
  const QString wanted = choice_->currentData().toString();
  const auto before = std::exchange(landscapes_, {});
  run_ = std::move(run);
  if (!same) evaluated_.clear();
  if (run_) landscapes_ = landscapesOf(*run_);
  for (auto& one : landscapes_) {  // what is not the run's own was evaluated by the workbench
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const auto& other) { return other.recipe.name == one.recipe.name; });
    if (same && !one.isEvaluated() && old != before.end()) one = *old;
  }
  {
    const QSignalBlocker quiet(choice_);
    choice_->clear();
    for (const auto& one : landscapes_) choice_->addItem(describe(one), QString::fromStdString(one.recipe.name));
    choice_->setCurrentIndex(std::max(0, same ? choice_->findData(wanted) : 0));
  }
  choiceRow_->setVisible(landscapes_.size() > 1);
  takeOwn(settings);
  refresh();
}

/// What the run itself has evaluated by quantization.landscapes.
void BitsLandscape::takeOwn(const std::map<std::string, Bits>& settings) {
  if (!run_) return;
  std::map<std::pair<std::string, Bits>, Evaluated> all;
  const auto take = [&](const auto& rows, auto list) {
    for (const auto& row : rows) {
      if (row.epoch != run_->info.epochs) continue;  // before anything is made of its name: a live run has many
      const auto [landscape, setting] = landscapeAndSetting(row.name);
      const auto bits = settings.find(setting);
      if (setting.empty() || bits == settings.end()) continue;
      auto& mine = all[{landscape, bits->second}].*list;
      mine.push_back(row);
      mine.back().name = landscape;
    }
  };
  take(run_->profiles, &Evaluated::profiles);
  take(run_->surfaces, &Evaluated::surfaces);
  for (auto& [key, own] : all) {
    for (const auto& landscape : landscapes_) {
      if (landscape.recipe.name != key.first || !landscape.isEvaluated()) continue;
      own.complete =
          own.profiles.size() >= landscape.profiles.size() && own.surfaces.size() >= landscape.surfaces.size();
    }
    if (auto& known = evaluated_[key]; !known.complete) known = std::move(own);
  }
}

const FloatLandscape* BitsLandscape::chosen() const {
  const int at = choice_->currentIndex();
  return at < 0 || at >= int(landscapes_.size()) ? nullptr : &landscapes_[std::size_t(at)];
}

const BitsLandscape::Evaluated* BitsLandscape::evaluated(const Bits& bits) const {
  const auto* wanted = chosen();
  if (!wanted) return nullptr;
  const auto found = evaluated_.find({wanted->recipe.name, bits});
  return found == evaluated_.end() ? nullptr : &found->second;
}

bool BitsLandscape::isKnown(const Bits& bits) const {
  const auto* own = evaluated(bits);
  return own && own->complete;
}

bool BitsLandscape::take(const RunResults& study, const std::string& landscape, const Bits& bits, bool complete) {
  if (!run_) return false;
  const auto epoch = run_->info.epochs;
  const auto twin = quantizedName(landscape, kWorkbenchSetting);
  Evaluated own;
  own.profiles = renamed(study.profiles, twin, landscape, epoch);
  own.surfaces = renamed(study.surfaces, twin, landscape, epoch);
  own.complete = complete;
  const bool any = !own.profiles.empty() || !own.surfaces.empty();
  for (auto& one : landscapes_) {  // in floating point it comes first, and whole
    if (one.recipe.name != landscape || one.isEvaluated() || !any) continue;
    one.profiles = renamed(study.profiles, landscape, landscape, epoch);
    one.surfaces = renamed(study.surfaces, landscape, landscape, epoch);
  }
  if (any) evaluated_[{landscape, bits}] = std::move(own);
  refresh();
  return any;
}

void BitsLandscape::setBits(const Bits& bits) {
  bits_ = bits;
  refresh();
}

void BitsLandscape::setTheme(Theme theme) {
  theme_ = theme;
  if (figure_ && isVisible()) figure_->setTheme(theme);
}

void BitsLandscape::setHint(const QString& text) {
  hint_->setText(text);
}

QString BitsLandscape::hint() const {
  return hint_->text();
}

void BitsLandscape::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (figure_) figure_->setTheme(theme_);
  if (!drawn_) refresh();
}

/// A run that holds nothing but the landscape, once of each network.
std::shared_ptr<const RunResults> BitsLandscape::pictured(const FloatLandscape& landscape,
                                                          const Evaluated& quantized) const {
  auto both = std::make_shared<RunResults>();
  both->directory = run_->directory;
  both->info = run_->info;
  both->recipe = run_->recipe;
  both->spectrum = run_->spectrum;  // for the parabola
  const auto& name = landscape.recipe.name;
  const auto twin = quantizedName(name, settingName());
  both->info.landscapes = {landscape.info, landscape.info};
  both->info.landscapes.back().name = twin;
  both->profiles = landscape.profiles;
  both->surfaces = landscape.surfaces;
  for (auto row : quantized.profiles) row.name = twin, both->profiles.push_back(row);
  for (auto row : quantized.surfaces) row.name = twin, both->surfaces.push_back(row);
  for (const auto& row : run_->trajectory) {
    if (row.name == name) both->trajectory.push_back(row);
  }
  return both;
}

void BitsLandscape::refresh() {
  drawn_ = isVisible();
  const auto* landscape = chosen();
  const auto* quantized = evaluated(bits_);
  const bool any = run_ && landscape && quantized && landscape->isEvaluated();
  if (any && drawn_) draw(*landscape, *quantized);
  if (!any) pages_->setCurrentWidget(hint_);
  shown_ = any && figure_ && drawn_;
  Q_EMIT shown();
}

void BitsLandscape::draw(const FloatLandscape& landscape, const Evaluated& quantized) {
  const std::string& name = landscape.recipe.name;
  const FigureId id = landscape.isSurface() ? FigureId{QStringLiteral("surface-quantized"),
                                                       QString::fromStdString(quantizedName(name, settingName()))}
                                            : FigureId{QStringLiteral("profile"), QString::fromStdString(name)};
  if (!figure_ || !(figure_->id() == id)) {
    if (figure_) figure_->deleteLater();
    if (figure_) pages_->removeWidget(figure_);
    figure_ = landscape.isSurface() ? makeFigure(id).release() : new StillProfile(id);
    figure_->setTheme(theme_);
    pages_->addWidget(figure_);
    Q_EMIT figureMade(figure_);
  }
  figure_->showRun(pictured(landscape, quantized), run_->info.epochs);
  pages_->setCurrentWidget(figure_);
}

}  // namespace eigenscape
