// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <set>

#include "core/landscape/shape.h"
#include "core/landscape/sharpness.h"
#include "core/study/session_support.h"

// shape.csv: of the model `epsilon_sharpness` (percent). Of a profile or surface `loss_centre`, `loss_lowest` and where
// that is (`lowest_x`, `lowest_y`), `width_x_0.1` and so on (how wide the basin around the centre is where the loss has
// risen by 0.1 or 1; `width_x_1_at_least` where the range ends first), `not_finite` (points); of a surface `valleys`
// and `second_persistence`, of the longest-lived but the deepest.
namespace eigenscape {

namespace {

constexpr double kRises[] = {0.1, 1};

/// The places that some row has, and the losses on their grid.
template <class Row>
GridLosses gridOf(const std::vector<Row>& rows) {
  const auto betaOf = [](const Row& row) {
    if constexpr (requires { row.beta; }) return row.beta;
    return 0.0;
  };
  std::set<double> xs, ys;
  for (const auto& row : rows) xs.insert(row.alpha), ys.insert(betaOf(row));
  GridLosses grid{{xs.begin(), xs.end()}, {ys.begin(), ys.end()}, {}};
  grid.values.assign(xs.size() * ys.size(), std::nan(""));
  const auto place = [](const std::vector<double>& values, double value) {
    return static_cast<std::size_t>(std::lower_bound(values.begin(), values.end(), value) - values.begin());
  };
  for (const auto& row : rows)
    grid.values[place(grid.ys, betaOf(row)) * grid.xs.size() + place(grid.xs, row.alpha)] = row.loss;
  return grid;
}

/// Of one landscape and split.
class Description {
 public:
  Description(const GridLosses& grid, std::string kind, std::string name, std::int64_t epoch, std::string split)
      : grid_(grid), kind_(std::move(kind)), name_(std::move(name)), split_(std::move(split)), epoch_(epoch) {}

  std::vector<ShapeRow> numbers(const std::vector<Valley>& found) {
    const bool surface = grid_.ys.size() > 1;
    add("not_finite", static_cast<double>(std::count_if(grid_.values.begin(), grid_.values.end(),
                                                        [](double loss) { return !std::isfinite(loss); })));
    if (!found.empty()) {
      add("loss_lowest", found[0].birth);
      add("lowest_x", grid_.xs[found[0].minimum.column]);
      if (surface) {
        add("lowest_y", grid_.ys[found[0].minimum.row]);
        add("valleys", static_cast<double>(found.size()));
        // Not of what lies behind walls and runs over nowhere.
        const auto other = std::find_if(found.begin(), found.end(), [](const Valley& one) { return one.into >= 0; });
        add("second_persistence", other == found.end() ? 0 : other->persistence());
      }
    }
    const auto column = std::find(grid_.xs.begin(), grid_.xs.end(), 0.0),
               row = std::find(grid_.ys.begin(), grid_.ys.end(), 0.0);
    if (column == grid_.xs.end() || row == grid_.ys.end()) return std::move(rows_);
    const auto i = static_cast<std::size_t>(column - grid_.xs.begin()),
               j = static_cast<std::size_t>(row - grid_.ys.begin());
    add("loss_centre", at(i, j));
    std::vector<double> along, across;
    for (std::size_t k = 0; k < grid_.xs.size(); ++k) along.push_back(at(k, j));
    for (std::size_t k = 0; k < grid_.ys.size(); ++k) across.push_back(at(i, k));
    for (const double rise : kRises) {
      width("width_x_", grid_.xs, along, i, rise);
      if (surface) width("width_y_", grid_.ys, across, j, rise);
    }
    return std::move(rows_);
  }

  std::vector<PersistenceRow> rows(const std::vector<Valley>& found) const {
    std::vector<PersistenceRow> list;
    for (const auto& valley : found) {
      PersistenceRow row;
      row.name = name_, row.epoch = epoch_, row.split = split_;
      row.valley = static_cast<std::int64_t>(list.size()) + 1;
      row.alpha = grid_.xs[valley.minimum.column], row.beta = grid_.ys[valley.minimum.row];
      row.birth = valley.birth, row.death = valley.death, row.persistence = valley.persistence();
      row.saddleAlpha = grid_.xs[valley.saddle.column], row.saddleBeta = grid_.ys[valley.saddle.row];
      row.into = valley.into + 1;
      list.push_back(row);
    }
    return list;
  }

 private:
  double at(std::size_t i, std::size_t j) const { return grid_.values[j * grid_.xs.size() + i]; }
  void add(const std::string& quantity, double value) {
    rows_.push_back({kind_, name_, epoch_, split_, quantity, value});
  }
  void width(const std::string& quantity, const std::vector<double>& places, const std::vector<double>& losses,
             std::size_t centre, double rise) {
    const auto found = basinWidth(places, losses, centre, losses[centre] + rise);
    if (std::isnan(found.width)) return;
    add(quantity + shortNumber(rise) + (found.bounded ? "" : "_at_least"), found.width);
  }

  const GridLosses& grid_;
  std::string kind_, name_, split_;
  std::int64_t epoch_;
  std::vector<ShapeRow> rows_;
};

}  // namespace

void Session::shape(const LandscapeRecipe& recipe, std::int64_t epoch) {
  const std::string kind = recipe.y.empty() ? "profile" : "surface";
  phase(keyed("shape:" + kind + ":" + recipe.name, epoch), "shape of " + recipe.name, 0,
        [&](const Context&) -> Products {
          const auto describe = [&](const auto& table) {
            for (const auto& split : splitsOf(recipe.split, 1)) {
              auto rows = table;
              std::erase_if(rows, [&](const auto& row) {
                return row.name != recipe.name || row.epoch != epoch || row.split != split.name;
              });
              const auto grid = gridOf(rows);
              const auto found = valleys(grid);
              Description description(grid, kind, recipe.name, epoch, split.name);
              journal_.append(description.numbers(found));
              if (!recipe.y.empty()) journal_.append(description.rows(found));
            }
          };
          recipe.y.empty() ? describe(readTable<ProfileRow>(journal_.directory()))
                           : describe(readTable<SurfaceRow>(journal_.directory()));
          return 0;
        });
}

void Session::sharpness(std::int64_t epoch) {
  phase(keyed("shape:model:", epoch), "sharpness · epoch " + std::to_string(epoch), costs_.sharpness,
        [&](const Context& context) -> Products {
          const auto& curvature = recipe_.curvature;
          SharpnessOptions options;
          options.epsilon = curvature.sharpnessEpsilon;
          options.batchSize = curvature.batchSize;
          std::vector<ShapeRow> rows;
          const auto splits = splitsOf(curvature.split, curvature.samples);
          for (std::size_t part = 0; part < splits.size(); ++part) {
            const auto& split = splits[part];
            const auto found =
                epsilonSharpness(*material_.model, split.examples, options, context.part(part, splits.size()));
            rows.push_back({"model", "", epoch, split.name, "epsilon_sharpness", found.value});
            context.say("epoch " + std::to_string(epoch) + ": sharpness " + shortNumber(found.value) +
                        " % within ε = " + shortNumber(options.epsilon) + " (" + split.name + ")");
          }
          journal_.append(rows);
          return 0;
        });
}

}  // namespace eigenscape
