// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QString>
#include <QStringList>
#include <QWidget>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"
#include "views/style.h"
#include "views/surface_view.h"
#include "views/value_scale.h"

class QMenu;

namespace eigenscape {

struct Picture;

/// How a figure is written. Sizes are physical, so that what is legible on screen is legible in print.
struct ExportOptions {
  double widthMm = 120, heightMm = 90;
  double fontPoints = 8;
  double dotsPerInch = 96;
  double scale = 2;  ///< PNG pixel density: 2 gives twice the pixels of the screen's size
  Theme theme = Theme::Light;
  bool caption = true;  ///< small type: model, data, split, samples, epoch, seed, operator, version
};

/// A figure of a run, e.g. kind "surface" and name "e1-e2". `fileStem()` names its files: "surface-e1-e2".
struct FigureId {
  /// training | trajectories | spectrum | density | power | layers | overlap | gradient | overhead | profile | profiles
  /// | contour | surface | surface-both | surface-quantized | contour-quantized | curvature-map | persistence |
  /// merge-tree | sensitivity | frontier | frontier-accuracy | ranking | finetune; "compare" for several runs
  /// (compare_figure.h)
  QString kind;
  QString name;  ///< of the [[profile]], [[surface]], sensitivity's method or fine-tuned setting; else empty
  QString title() const;
  QString fileStem() const;
  /// Whether another epoch is another picture; else all epochs stand in one.
  bool showsOneEpoch() const;
  /// The question that the figure belongs to, from 1 to `pages`.
  int page() const;
  static constexpr int pages = 5;
  /// "Landscape", "Spectrum", "Training", "Layers", "Compare"
  static QString pageTitle(int page);
  bool operator==(const FigureId&) const = default;
};

/// One figure on screen. Its draw function is the one that batch mode and --render use.
/// The context menu (right click) offers PNG, SVG, PDF, CSV (those of formats()), copy picture, copy as batch command,
/// reset view and full page; a double click asks for the full page too.
class Figure : public QWidget {
  Q_OBJECT
 public:
  explicit Figure(FigureId id, QWidget* parent = nullptr);
  const FigureId& id() const { return id_; }

  /// Shows the run at `epoch` (the nearest earlier epoch that the figure has data for). Never blocks for long; called
  /// again whenever rows were added. A figure with nothing to show yet says so in its own area.
  virtual void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) = 0;
  /// "png", "svg", "pdf" where the figure has them, and "csv".
  virtual QStringList formats() const = 0;
  /// Writes the figure as it stands; the format is the suffix. Written beside, then renamed. Throws RunError.
  virtual void exportTo(const std::filesystem::path& file, const ExportOptions& options) = 0;
  virtual void resetView() = 0;
  /// Takes back what was picked; false when nothing was.
  virtual bool clearSelection() { return false; }
  /// What a PNG export would hold. Throws RunError.
  virtual QImage picture(const ExportOptions& options) = 0;
  /// The figure as a part of a larger one; it must outlive what is returned.
  virtual Picture toPicture() = 0;
  /// Puts the figure, in the size that it has on screen, on the clipboard.
  void copyPicture();

  /// The splits that the figure lets choose from ("train", "test"); empty where it shows them together.
  virtual QStringList splits() const { return {}; }
  virtual QString split() const { return {}; }
  virtual void setSplit(const QString&) {}

  /// One scale for all epochs, so that they can be compared: what animations are drawn with.
  virtual bool hasSharedScale() const { return false; }  ///< whether the figure can
  bool sharedScale() const { return sharedScale_; }
  void setSharedScale(bool on);

  /// The scale of losses that a surface is shown on; empty where the figure has none to choose.
  virtual std::optional<HeightChoice> heightChoice() const { return {}; }
  virtual void chooseHeight(const HeightChoice&) {}

  /// How its reliefs are looked at; empty where it has none.
  virtual std::optional<SurfaceView> pointOfView() const { return {}; }
  virtual void lookFrom(const SurfaceView&) {}

  /// What the figure shows just now, for whoever asks: a name and a value each.
  using Facts = std::vector<std::pair<QString, QString>>;
  virtual Facts facts() const;

  /// Assignments to the recipe after which batch mode draws what is seen: what "copy as batch command" adds.
  virtual QStringList recipeSettings() const { return {}; }
  /// Runs that stand beside this one in a comparison: the figure's scales hold their values too, each at the epoch that
  /// it shows of itself. The own run may be among them. Takes effect with the next showRun().
  void setPeers(std::vector<std::shared_ptr<const RunResults>> peers);
  const std::vector<std::shared_ptr<const RunResults>>& peers() const { return peers_; }

  virtual bool canBeAnimated() const { return id_.showsOneEpoch(); }
  /// Of the screen; an export has its own option.
  Theme theme() const { return theme_; }
  void setTheme(Theme theme);
  /// As on screen: its theme, type and `size`.
  ExportOptions screenOptions(QSize size) const;

  /// The least width at which everything can be read, e.g. the names of many layers; 0: any.
  virtual double preferredWidthMm() const { return 0; }
  /// The height that goes with it where none is asked for; 0: the usual one.
  virtual double preferredHeightMm() const { return 0; }

  /// How somebody last had this figure exported: the next export starts from it, and "copy as batch command" says it.
  struct ExportChoice {
    QString format;  ///< "png"
    ExportOptions options;
  };
  const std::optional<ExportChoice>& exportChoice() const { return exportChoice_; }
  void setExportChoice(const ExportChoice& choice) { exportChoice_ = choice; }

  /// The menu of the right click. The caller owns it.
  std::unique_ptr<QMenu> contextMenu();

 Q_SIGNALS:
  void copyBatchCommandRequested();
  void animationRequested();                    ///< the window has frames of all epochs drawn
  void exportRequested(const QString& format);  ///< the window asks for a file name and calls exportTo
  void factsChanged();                          ///< by hand: another split or scale, a picked point
  void fullPageRequested();                     ///< this figure alone in the window, or back
  void failed(const QString& message);          ///< one line: why something of the menu could not be done
  /// One line for the read-out: coordinates and value below the pointer.
  void hovered(const QString& text);

 protected:
  void contextMenuEvent(QContextMenuEvent* event) override;
  void popUpMenu(const QPoint& at);
  /// Entries of the context menu that only this figure has.
  virtual void addChoices(QMenu&) {}
  /// Draws anew with what has changed but the run.
  virtual void refreshAll() {}
  virtual void themeChanged() { refreshAll(); }

 private:
  FigureId id_;
  bool sharedScale_ = false;
  std::vector<std::shared_ptr<const RunResults>> peers_;
  Theme theme_ = Theme::Light;
  std::optional<ExportChoice> exportChoice_;
};

/// In whole millimetres at least as wide as the figure has to be; in the window and in batch mode alike.
ExportOptions wideEnough(const Figure& figure, ExportOptions options);

/// The figures that a run has rows for, in the order of the window's tabs.
std::vector<FigureId> availableFigures(const RunResults& run);
/// Those and the pages that only a window has: "landscape", which joins surface, contour and cut.
std::vector<FigureId> windowFigures(const RunResults& run);

/// The list of views stands here and nowhere else.
std::unique_ptr<Figure> makeFigure(const FigureId& id, QWidget* parent = nullptr);

/// Which figures of a run are drawn, and when in its training.
struct FigureChoice {
  std::vector<FigureId> ids;          ///< empty: all that are available
  std::optional<std::int64_t> epoch;  ///< as in Figure::showRun(); empty: the last
  std::optional<SurfaceView> view;    ///< of reliefs; empty: the usual one
  bool givenSize = false;             ///< the options' size was asked for; else a figure may have a height of its own

  /// "contour-e1-e2"; with an epoch "contour-e1-e2-epoch-3", so that it takes nothing's place.
  QString fileStem(const FigureId& id) const;
};

/// Draws figures into DIR/figures/ and returns the files, one for each format that a figure has. Needs a QApplication
/// (the offscreen platform will do) but no display. Throws RunError.
std::vector<std::filesystem::path> renderRun(const RunResults& run, const QStringList& formats,
                                             const ExportOptions& options = {}, const FigureChoice& choice = {});

}  // namespace eigenscape
