// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/draw.h"

#include <QApplication>
#include <QStringList>
#include <algorithm>
#include <clocale>
#include <utility>

#include "app/command_line.h"
#include "app/compared_runs.h"
#include "core/results/error.h"
#include "core/results/nearest.h"
#include "views/animation.h"
#include "views/compare_figure.h"
#include "views/comparison.h"
#include "views/figure.h"

namespace eigenscape {
namespace {

/// Qt's remarks about a machine without a desktop help nobody who runs a batch.
void onlyErrors(QtMsgType type, const QMessageLogContext&, const QString& text) {
  if (type == QtCriticalMsg || type == QtFatalMsg) std::fprintf(stderr, "%s\n", qPrintable(text));
}

/// Figures come out the same whatever display there may be.
class Offscreen {
 public:
  Offscreen() {
    std::setlocale(LC_NUMERIC, "C");  // Qt takes the user's locale; our tables keep the decimal point
  }

 private:
  struct Before {
    Before() {
      qputenv("QT_QPA_PLATFORM", "offscreen");
      qInstallMessageHandler(onlyErrors);
    }
  };
  Before before_;
  char name_[11] = "eigenscape";
  char* arguments_[2] = {name_, nullptr};
  int count_ = 1;
  QApplication application_{count_, arguments_};
};

ExportOptions optionsFor(const Drawing& drawing) {
  ExportOptions options;
  const double growth = std::max(1.0, drawing.fontPoints / mostUsualPoints);
  options.widthMm *= growth, options.heightMm *= growth;
  if (drawing.sizeMm) options.widthMm = drawing.sizeMm->first, options.heightMm = drawing.sizeMm->second;
  options.scale = drawing.density;
  options.fontPoints = drawing.fontPoints;
  options.caption = drawing.caption;
  if (drawing.dark) options.theme = Theme::Dark;
  return options;
}

std::string stemOf(const FigureId& id) {
  return id.fileStem().toStdString();
}

std::optional<SurfaceView> viewOf(const Drawing& drawing) {
  if (!drawing.view) return {};
  return SurfaceView{(*drawing.view)[0], (*drawing.view)[1], (*drawing.view)[2]};
}

/// `stemOf`: how a figure's file is called.
template <class StemOf>
FigureChoice choiceAmong(const std::string& option, const std::vector<FigureId>& known,
                         const std::vector<std::int64_t>& epochs, const Drawing& drawing, StemOf stemOf) {
  FigureChoice choice;
  for (const auto& name : drawing.figures) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& id) { return stemOf(id) == name; });
    if (found == known.end() && known.empty()) throw RecipeError(option + " " + name + ": the run has no figures yet");
    if (found == known.end()) {
      std::string all;
      std::vector<std::string> names;
      for (const auto& id : known) all += (all.empty() ? "" : ", ") + names.emplace_back(stemOf(id));
      throw RecipeError(option + " " + name + ": there is no such figure; " + didYouMean(name, names) +
                        "expected one of " + all);
    }
    if (std::find(choice.ids.begin(), choice.ids.end(), *found) == choice.ids.end()) choice.ids.push_back(*found);
  }
  choice.epoch = drawing.epoch;
  choice.view = viewOf(drawing);
  choice.givenSize = drawing.sizeMm.has_value();
  if (choice.epoch && std::find(epochs.begin(), epochs.end(), *choice.epoch) == epochs.end()) {
    throw RecipeError("--epoch " + std::to_string(*choice.epoch) +
                      (epochs.empty() ? ": the run has no epochs; leave --epoch out"
                                      : ": not measured; the epochs go from " + std::to_string(epochs.front()) +
                                            " to " + std::to_string(epochs.back())));
  }
  return choice;
}

/// Who names a figure wants it: one that is not written is a mistake, and not a matter of course.
template <class Make>
void checkFormats(const QStringList& asked, const FigureChoice& choice, Make make) {
  for (const auto& id : choice.ids) {
    const auto figure = make(id);
    const QStringList formats = figure->formats();
    const auto has = [&](const QString& format) { return formats.contains(format); };
    if (std::any_of(asked.begin(), asked.end(), has)) continue;
    throw RecipeError("--figures " + asked.join(',').toStdString() + ": " + figure->id().fileStem().toStdString() +
                      " is not written so; expected one of " + formats.join(", ").toStdString());
  }
}

}  // namespace

std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats,
                                               const Drawing& drawing) {
  if (formats.empty()) return {};
  const Offscreen offscreen;
  QStringList list;
  for (const auto& format : formats) list << QString::fromStdString(format);
  const auto choice = choiceAmong("--figure", windowFigures(run), run.epochs(), drawing, stemOf);
  checkFormats(list, choice, [](const FigureId& id) { return makeFigure(id); });
  return renderRun(run, list, optionsFor(drawing), choice);
}

std::vector<std::filesystem::path> drawAnimation(const RunResults& run, const std::string& figure,
                                                 const Drawing& drawing) {
  const Offscreen offscreen;
  Drawing alone = drawing;
  alone.figures = {figure};
  const auto id = choiceAmong("--animate", windowFigures(run), {}, alone, stemOf).ids.front();
  const auto made = renderAnimation(run, id, optionsFor(drawing), viewOf(drawing));
  auto files = made.frames;
  if (!made.video.empty()) files.push_back(made.video);
  return files;
}

std::vector<std::filesystem::path> drawComparison(std::vector<RunResults> runs, const std::filesystem::path& folder,
                                                  const std::vector<std::string>& formats, const Drawing& drawing) {
  const Offscreen offscreen;
  std::vector<const RunResults*> plain;
  for (const auto& run : runs) plain.push_back(&run);
  const auto names = distinguishingNames(plain);
  ComparedRuns compared;
  for (std::size_t i = 0; i < runs.size(); ++i)
    compared.push_back({std::make_shared<const RunResults>(std::move(runs[i])), QString::fromStdString(names[i].name),
                        QString::fromStdString(names[i].rest)});
  const auto common = commonFigures(compared);
  if (common.empty()) {
    std::string all;
    for (const auto& one : compared) all += (all.empty() ? "" : ", ") + one.run->directory.string();
    throw RecipeError("--compare: no figure is common to " + all + "; choose runs that measured the same");
  }
  QStringList list;
  for (const auto& format : formats) {
    if (format == "vtp" || format == "obj" || format == "glb" || format == "h5")
      throw RecipeError("--figures " + format + ": comparisons are written as png, svg, pdf or csv");
    list << QString::fromStdString(format);
  }
  const auto choice = choiceAmong("--figure", common, epochsOfAll(compared), drawing,
                                  [](const FigureId& id) { return "compare-" + id.fileStem().toStdString(); });
  checkFormats(list, choice, [](const FigureId& id) { return std::make_unique<CompareFigure>(id); });
  return renderComparison(compared, folder, list, optionsFor(drawing), !drawing.sizeMm, choice);
}

}  // namespace eigenscape
