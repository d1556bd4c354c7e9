// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/measuring.h"
#include "core/results/run_directory.h"
#include "views/style.h"

class QComboBox;
class QLabel;
class QStackedWidget;

namespace eigenscape {

class Figure;

/// The landscape of the network at the workbench's bits beside that in floating point. It keeps what was evaluated, by
/// bits and landscape, and shows what is known of the bits that are set.
class BitsLandscape : public QWidget {
  Q_OBJECT
 public:
  using Bits = std::vector<std::int64_t>;
  explicit BitsLandscape(QWidget* parent = nullptr);

  /// Null: none. `settings`: bits of the run's own settings, whose landscapes it may have evaluated itself. Of the same
  /// run once more everything stays.
  void setRun(std::shared_ptr<const RunResults> run, const std::map<std::string, Bits>& settings);
  void setBits(const Bits& bits);
  /// While it is not looked at, nothing is drawn.
  void setTheme(Theme theme);
  /// Said in place of a landscape that is not known.
  void setHint(const QString& text);

  /// Which of the run's landscapes is wanted; null: there is none.
  const FloatLandscape* chosen() const;
  QComboBox* choice() const { return choice_; }
  /// Whether all points of the chosen one are known at these bits.
  bool isKnown(const Bits& bits) const;
  /// What a study of landscapeRecipe() has come to; false: nothing.
  bool take(const RunResults& study, const std::string& landscape, const Bits& bits, bool complete);
  /// Null where nothing is known to show.
  Figure* figure() const { return shown_ ? figure_ : nullptr; }
  QString hint() const;

 Q_SIGNALS:
  void chosenChanged();
  void figureMade(eigenscape::Figure* figure);  ///< another widget than before
  void shown();                                 ///< the figure, or the hint in its place, has changed

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  /// Rows of the quantized network, named as the floating one's.
  struct Evaluated {
    std::vector<ProfileRow> profiles;
    std::vector<SurfaceRow> surfaces;
    bool complete = false;
  };
  void takeOwn(const std::map<std::string, Bits>& settings);
  const Evaluated* evaluated(const Bits& bits) const;
  std::shared_ptr<const RunResults> pictured(const FloatLandscape& landscape, const Evaluated& quantized) const;
  void refresh();
  void draw(const FloatLandscape& landscape, const Evaluated& quantized);

  std::shared_ptr<const RunResults> run_;
  std::vector<FloatLandscape> landscapes_;
  std::map<std::pair<std::string, Bits>, Evaluated> evaluated_;
  Bits bits_;
  Theme theme_ = Theme::Light;
  bool drawn_ = false, shown_ = false;

  QComboBox* choice_;
  QWidget* choiceRow_;
  QStackedWidget* pages_;
  QLabel* hint_;
  Figure* figure_ = nullptr;
};

}  // namespace eigenscape
