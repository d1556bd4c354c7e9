// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/comparison.h"

#include <QtDebug>
#include <algorithm>
#include <set>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/compare_figure.h"
#include "views/gl_context.h"
#include "views/profile.h"

namespace eigenscape {

namespace {

/// Those of a run alone, and the profiles of its quantized networks, which alone lie over those in floating point.
std::vector<FigureId> comparableFigures(const RunResults& run) {
  std::vector<FigureId> all;
  for (const auto& id : availableFigures(run)) {
    all.push_back(id);
    if (id.kind != QLatin1String("profile")) continue;
    for (const auto& name : quantizedProfiles(run, id.name.toStdString()))
      all.push_back({id.kind, QString::fromStdString(name)});
  }
  return all;
}

}  // namespace

std::vector<FigureId> commonFigures(const ComparedRuns& runs) {
  std::vector<FigureId> common;
  if (runs.empty()) return common;
  common = comparableFigures(*runs.front().run);
  // Bytes and bit operations have no axis in common.
  const bool oneCost = std::all_of(runs.begin(), runs.end(), [&](const auto& one) {
    return one.run->info.frontier == runs.front().run->info.frontier;
  });
  if (!oneCost) std::erase_if(common, [](const FigureId& id) { return id.kind.startsWith(QLatin1String("frontier")); });
  for (const auto& one : runs) {
    const auto others = comparableFigures(*one.run);
    std::erase_if(common,
                  [&](const FigureId& id) { return std::find(others.begin(), others.end(), id) == others.end(); });
  }
  return common;
}

std::vector<std::int64_t> epochsOfAll(const ComparedRuns& runs) {
  std::set<std::int64_t> epochs;
  for (const auto& one : runs) {
    for (const auto epoch : one.run->epochs()) epochs.insert(epoch);
  }
  return {epochs.begin(), epochs.end()};
}

std::int64_t lastEpoch(const ComparedRuns& runs) {
  const auto epochs = epochsOfAll(runs);
  return epochs.empty() ? 0 : epochs.back();
}

QStringList epochNotes(const ComparedRuns& runs, const std::vector<std::int64_t>& shown, std::int64_t wanted) {
  QStringList notes;
  for (std::size_t i = 0; i < runs.size() && i < shown.size(); ++i) {
    if (shown[i] < 0 || shown[i] == wanted) continue;
    notes << QObject::tr("“%1” shows epoch %2, %3")
                 .arg(runs[i].name)
                 .arg(shown[i])
                 .arg(shown[i] < wanted ? QObject::tr("its last measured before %1").arg(wanted)
                                        : QObject::tr("its first measured"));
  }
  return notes;
}

std::string joinedTables(const std::vector<std::pair<QString, std::string>>& tables) {
  std::string text;
  for (const auto& [name, table] : tables) {
    QString cell = name;
    if (cell.contains(',') || cell.contains('"')) cell = '"' + cell.replace('"', QLatin1String("\"\"")) + '"';
    std::size_t begin = 0;
    for (std::size_t line = 0; begin < table.size(); ++line) {
      const std::size_t end = std::min(table.find('\n', begin), table.size());
      const std::string row = table.substr(begin, end - begin);
      begin = end + 1;
      if (line == 0 && text.empty()) text = "run," + row + '\n';
      if (line > 0) text += cell.toStdString() + ',' + row + '\n';
    }
  }
  return text;
}

std::vector<std::filesystem::path> renderComparison(const ComparedRuns& runs, const std::filesystem::path& folder,
                                                    const QStringList& formats, const ExportOptions& options,
                                                    bool ownSize, const FigureChoice& choice) {
  makeFolder(folder);
  std::vector<std::filesystem::path> written;
  for (const auto& id : choice.ids.empty() ? commonFigures(runs) : choice.ids) {
    CompareFigure figure(id);
    ExportOptions fitting = options;
    figure.showRuns(runs, choice.epoch.value_or(lastEpoch(runs)));
    if (choice.view) figure.lookFrom(*choice.view);
    if (ownSize) fitting.widthMm = figure.preferredMm().width(), fitting.heightMm = figure.preferredMm().height();
    try {
      for (const QString& format : figure.formats()) {
        if (!formats.contains(format)) continue;
        const auto file = folder / (choice.fileStem(figure.id()) + '.' + format).toStdString();
        figure.exportTo(file, fitting);
        written.push_back(file);
      }
    } catch (const NoOpenGl& missing) {
      // A machine without any OpenGL still gets all that needs none, but not what it was told to draw.
      if (!choice.ids.empty()) throw;
      qCritical("%s is missing: %s", qPrintable(figure.id().fileStem()), missing.what());
    }
  }
  return written;
}

}  // namespace eigenscape
