// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// The settings that were fine-tuned, in their order.
std::vector<QString> finetunedSettings(const RunResults& run);

/// Learning curves of quantization-aware fine-tuning. `finetune-SETTING` has loss and accuracy of train and test by
/// optimizer step, with the test values of the float network and of the network that is quantized without tuning as
/// levels, and marks where a block of layers was quantized. `finetune` has the accuracies of all settings.
class FinetuneFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  bool canBeAnimated() const override { return false; }

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;

 private:
  Drawn drawSetting(QCustomPlot& plot, const Style& style) const;
  Drawn drawAllSettings(QCustomPlot& plot, const Style& style) const;
};

}  // namespace eigenscape
