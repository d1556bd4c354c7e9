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
#include "views/animation.h"
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

/// `stemOf`: how a figure's file is called.
template <class StemOf>
FigureChoice choiceAmong(const std::vector<FigureId>& known, const std::vector<std::int64_t>& epochs,
                         const Drawing& drawing, StemOf stemOf) {
  FigureChoice choice;
  for (const auto& name : drawing.figures) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& id) { return stemOf(id) == name; });
    if (found == known.end()) {
      std::string names;
      for (const auto& id : known) names += (names.empty() ? "" : ", ") + stemOf(id);
      throw RecipeError("--figure " + name + ": there is no such figure; expected one of " + names);
    }
    choice.ids.push_back(*found);
  }
  choice.epoch = drawing.epoch;
  if (choice.epoch && std::find(epochs.begin(), epochs.end(), *choice.epoch) == epochs.end()) {
    throw RecipeError("--epoch " + std::to_string(*choice.epoch) +
                      (epochs.empty() ? ": nothing was measured yet"
                                      : ": not measured; the epochs go from " + std::to_string(epochs.front()) +
                                            " to " + std::to_string(epochs.back())));
  }
  return choice;
}

}  // namespace

std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats,
                                               const Drawing& drawing) {
  if (formats.empty()) return {};
  const Offscreen offscreen;
  QStringList list;
  for (const auto& format : formats) list << QString::fromStdString(format);
  const auto choice = choiceAmong(windowFigures(run), run.epochs(), drawing,
                                  [](const FigureId& id) { return id.fileStem().toStdString(); });
  return renderRun(run, list, optionsFor(drawing), choice);
}

std::vector<std::filesystem::path> drawAnimation(const RunResults& run, const std::string& figure,
                                                 const Drawing& drawing) {
  const Offscreen offscreen;
  const auto made = renderAnimation(run, figureCalled(run, QString::fromStdString(figure)), optionsFor(drawing));
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
  const auto choice = choiceAmong(common, epochsOfAll(compared), drawing,
                                  [](const FigureId& id) { return "compare-" + id.fileStem().toStdString(); });
  return renderComparison(compared, folder, list, optionsFor(drawing), !drawing.sizeMm, choice);
}

}  // namespace eigenscape
