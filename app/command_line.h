// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigenscape {

/// What a figure may measure, in millimetres.
inline constexpr int leastFigureMm = 70, mostFigureMm = 1000;
/// How large its type may be, in points.
inline constexpr int leastFigurePoints = 5, mostFigurePoints = 20;
/// Width and height in millimetres that type of so many points has room in.
inline std::pair<int, int> roomForType(double points) {
  const auto needed = [points](double each) {
    return std::max(leastFigureMm, static_cast<int>(std::ceil(each * points)));
  };
  return {needed(8), needed(7)};
}
/// Two panels with their names and scales stand beside one another, or in one column below one another.
inline bool hasRoomToCompare(double widthMm, double heightMm) {
  return (widthMm >= 120 && heightMm >= 80) || (widthMm >= 80 && heightMm >= 120);
}
/// The largest type that a figure's usual size has room for; with larger type the figure grows.
inline constexpr double mostUsualPoints = 12;

/// What the command line asks for.
struct CommandLine {
  enum class Mode { Window, Batch, Render, Check, List, Version, Help };
  Mode mode = Mode::Window;
  std::string subject;                              ///< PATH, RECIPE, RUN_DIR or what to list
  std::string out;                                  ///< --out; empty: not given
  std::vector<std::string> sets;                    ///< --set, in order
  std::string device = "auto";                      ///< --device
  int threads = 0;                                  ///< --threads; 0: as many as the machine has
  std::optional<std::int64_t> seed;                 ///< --seed
  std::optional<std::vector<std::string>> figures;  ///< --figures; an empty list for none
  std::vector<std::string> onlyFigures;             ///< --figure, in order; empty: all
  std::optional<std::int64_t> epoch;                ///< --epoch
  std::optional<std::array<double, 3>> view;        ///< --view: azimuth, elevation, zoom
  std::optional<std::pair<int, int>> figureSize;    ///< --figure-size, millimetres
  double figureFontSize = 8;                        ///< --figure-font-size, points
  bool noCaption = false;                           ///< --no-caption
  int figureDensity = 2;                            ///< --figure-density
  std::vector<std::string> compare;                 ///< --compare, in order: runs beside that of --render
  bool dark = false;                                ///< --style dark
  std::string animate;                              ///< --animate: the file name of a figure, without its suffix
  bool resume = false, quiet = false;
  std::string text;  ///< the words as given, for the line that says how to go on
};

/// Throws RecipeError, one line, for anything that the contract does not know.
CommandLine parseCommandLine(int argc, const char* const* argv);

/// The text of --help.
std::string helpText();

}  // namespace eigenscape
