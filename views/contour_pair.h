// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "views/caption.h"
#include "views/figure.h"
#include "views/picture.h"

class QBoxLayout;
class QLabel;

namespace eigenscape {

class ContourFigure;

/// The kind "contour-quantized": the contour of the network in floating point and that of the quantized one, on one
/// scale of colours, with one set of levels; where one is moved the other follows. Beside each other, or one below the
/// other where the figure is taller than wide.
class ContourPairFigure : public Figure {
  Q_OBJECT
 public:
  /// `id.name`: the quantized surface's, NAME@SETTING.
  explicit ContourPairFigure(FigureId id, QWidget* parent = nullptr);

  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList formats() const override { return {"png", "svg", "pdf", "csv"}; }
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  Picture toPicture() override;
  void resetView() override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }
  bool canBeAnimated() const override { return false; }  ///< quantized it is at the last epoch alone
  QStringList recipeSettings() const override;
  std::optional<HeightChoice> heightChoice() const override;
  void chooseHeight(const HeightChoice& choice) override;
  Facts facts() const override;
  double preferredWidthMm() const override { return 150; }

  QString caption() const;
  Provenance provenance() const;
  /// On screen; an export has its own option.
  void setCaptionShown(bool on);
  /// The rows of both networks. There must be a run.
  std::string table() const;
  ContourFigure* whole() const { return parts_[0]; }
  ContourFigure* quantized() const { return parts_[1]; }

 protected:
  void refreshAll() override;
  void addChoices(QMenu& menu) override;
  void themeChanged() override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void sayCaption();
  void follow(const ContourFigure* moved);

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  std::array<ContourFigure*, 2> parts_;
  QBoxLayout* both_;
  QLabel* caption_;
  bool captionShown_ = true, following_ = false;
};

}  // namespace eigenscape
