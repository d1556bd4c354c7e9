// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/animation.h"

#include <QProcess>
#include <QStandardPaths>
#include <set>

#include "core/results/error.h"
#include "core/results/tables.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

template <class Row>
std::vector<std::int64_t> epochsIn(const std::vector<Row>& rows, const std::string& name = {}) {
  std::set<std::int64_t> epochs;
  for (const auto& row : rows) {
    if constexpr (requires { row.name; }) {
      if (row.name != name) continue;
    }
    epochs.insert(row.epoch);
  }
  return {epochs.begin(), epochs.end()};
}

/// Empty for figures that show all epochs at once.
std::vector<std::int64_t> framesOf(const RunResults& run, const FigureId& id) {
  const auto name = id.name.toStdString();
  if (id.kind == "profile") return epochsIn(run.profiles, name);
  if (id.kind == "contour" || id.kind == "surface" || id.kind == "surface-both" || id.kind == "landscape")
    return epochsIn(run.surfaces, name);
  if (id.kind == "curvature-map") return epochsIn(run.curvatureMap, name);
  if (id.kind == "persistence" || id.kind == "merge-tree") return epochsIn(run.persistence, name);
  if (id.kind == "spectrum" || id.kind == "layers") return epochsIn(run.spectrum);
  if (id.kind == "density") return epochsIn(run.densities);
  if (id.kind == "power") return epochsIn(run.power);
  return {};
}

/// Players want an even number of pixels.
fs::path joinedByFfmpeg(const fs::path& folder, const QColor& paper) {
  const QString program = QStandardPaths::findExecutable("ffmpeg");
  if (program.isEmpty()) {
    qCritical("no ffmpeg is installed: the frames are there, and no video");
    return {};
  }
  const auto beside = folder / "animation.part.mp4";
  auto video = folder / "animation.mp4";
  QProcess ffmpeg;
  ffmpeg.setProcessChannelMode(QProcess::MergedChannels);
  ffmpeg.start(program, {"-y", "-loglevel", "error", "-framerate", "4", "-i",
                         QString::fromStdString((folder / "frame-%04d.png").string()), "-vf",
                         "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=0x" + paper.name().mid(1), "-pix_fmt", "yuv420p",
                         QString::fromStdString(beside.string())});
  ffmpeg.waitForFinished(-1);
  std::error_code error;
  if (ffmpeg.exitStatus() == QProcess::NormalExit && ffmpeg.exitCode() == 0) fs::rename(beside, video, error);
  if (!error && fs::exists(video)) return video;
  fs::remove(beside, error);
  qCritical("the frames are there, but ffmpeg made no video of them: %s",
            ffmpeg.readAll().trimmed().split('\n').first().constData());
  return {};
}

}  // namespace

FigureId figureCalled(const RunResults& run, const QString& stem) {
  QStringList known;
  for (const auto& id : windowFigures(run)) {
    if (id.fileStem() == stem) return id;
    known << id.fileStem();
  }
  throw RunError("the run has no figure " + stem.toStdString() + "; it has " + known.join(", ").toStdString());
}

Animation renderAnimation(const RunResults& run, const FigureId& id, const ExportOptions& options,
                          const std::optional<SurfaceView>& view) {
  Animation animation;
  animation.epochs = framesOf(run, id);
  const auto stem = id.fileStem().toStdString();
  if (animation.epochs.empty()) throw RunError(stem + ": shows all epochs at once, so that nothing moves");
  if (animation.epochs.size() < 2) {
    throw RunError(stem +
                   ": there is one epoch of it, so that nothing moves; set `every` of its [[profile]] or "
                   "[[surface]], or curvature.every, to measure it more often");
  }
  animation.folder = run.directory / "figures" / ("animation-" + stem);
  std::error_code error;
  fs::remove_all(animation.folder, error);
  makeFolder(animation.folder);
  const std::shared_ptr<const RunResults> shared(std::shared_ptr<const RunResults>(), &run);
  const auto figure = makeFigure(id);
  figure->setSharedScale(true);
  if (view) figure->lookFrom(*view);
  ExportOptions fitting = wideEnough(*figure, options);
  fitting.heightMm = std::max(fitting.heightMm, figure->preferredHeightMm());
  for (const auto epoch : animation.epochs) {
    char name[32];
    std::snprintf(name, sizeof name, "frame-%04zu.png", animation.frames.size() + 1);
    figure->showRun(shared, epoch);
    figure->exportTo(animation.folder / name, fitting);
    animation.frames.push_back(animation.folder / name);
  }
  Style style;
  style.theme = options.theme;
  animation.video = joinedByFfmpeg(animation.folder, style.paper());
  return animation;
}

}  // namespace eigenscape
