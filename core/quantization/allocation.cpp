// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/allocation.h"

#include <glpk.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/results/error.h"

namespace eigenscape {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLimitSlack = 1e-9;  // of the way from low to high

/// What remains of a limit: costs above the cheapest choice of each group, in units of what may be spent on them.
struct Row {
  std::vector<std::vector<double>> costs;  ///< by group and choice; a choice beyond 1 + slack never fits
  double slack = 0;
  bool fits(const std::vector<std::size_t>& picked) const {
    double sum = 0;
    for (std::size_t g = 0; g < picked.size(); ++g) sum += costs[g][picked[g]];
    return sum <= 1 + slack;
  }
};

/// Groups with the choices that are left to them.
struct Problem {
  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::vector<std::int64_t>> bits;
  std::vector<std::vector<double>> omegas;
  std::vector<Row> rows;
  bool feasible = true;
};

std::int64_t lockOf(const std::vector<std::size_t>& group, const std::vector<std::int64_t>& locked) {
  std::int64_t lock = 0;
  for (const auto i : group) {
    if (locked.empty() || locked[i] == 0) continue;
    if (lock != 0 && lock != locked[i]) {
      throw std::invalid_argument("allocate: layers of one group are locked to different bits");
    }
    lock = locked[i];
  }
  return lock;
}

Row rowOf(const std::vector<LayerChoices>& layers, const Problem& problem, const Limit& limit, bool& feasible) {
  if (!isKnown(layers, limit.cost)) {
    throw std::invalid_argument(std::string("allocate: the ") + costName(limit.cost) + " of some layer is not known");
  }
  const double low = allowed(layers, {limit.cost, 0}), high = allowed(layers, {limit.cost, 1});
  double left = allowed(layers, limit);
  Row row;
  for (std::size_t g = 0; g < problem.groups.size(); ++g) {
    std::vector<double> costs(problem.bits[g].size(), 0.0);
    for (std::size_t c = 0; c < costs.size(); ++c) {
      for (const auto i : problem.groups[g]) {
        for (const auto& choice : layers[i].choices) {
          if (choice.bits == problem.bits[g][c]) costs[c] += costOf(layers[i], choice, limit.cost);
        }
      }
    }
    const double least = *std::min_element(costs.begin(), costs.end());
    left -= least;
    for (double& cost : costs) cost -= least;
    row.costs.push_back(std::move(costs));
  }
  // Where low and high are the same, what the sums are off by is still no excess.
  const double slack = kLimitSlack * std::max({std::abs(high - low), 1e-3 * std::abs(low), 1e-300});
  if (left < -slack) feasible = false;
  // With nothing left only what costs no more than the cheapest fits.
  const double unit = std::max(left, slack);
  for (auto& costs : row.costs) {
    for (double& cost : costs) cost /= unit;
  }
  row.slack = slack / unit;
  return row;
}

Problem problemOf(const std::vector<LayerChoices>& layers, const std::vector<Limit>& limits,
                  const std::vector<std::int64_t>& locked) {
  if (layers.empty()) throw std::invalid_argument("allocate: there are no layers");
  if (!locked.empty() && locked.size() != layers.size()) {
    throw std::invalid_argument("allocate: one lock per layer is needed");
  }
  Problem problem;
  problem.groups = bitGroups(layers);
  for (const auto& group : problem.groups) {
    const auto lock = lockOf(group, locked);
    std::vector<std::int64_t> bits;
    std::vector<double> omegas;
    const auto& choices = layers[group.front()].choices;
    for (std::size_t c = 0; c < choices.size(); ++c) {
      if (lock != 0 && choices[c].bits != lock) continue;
      double omega = 0;
      for (const auto i : group) omega += layers[i].choices[c].omega;
      bits.push_back(choices[c].bits);
      omegas.push_back(omega);
    }
    if (bits.empty()) throw std::invalid_argument("allocate: a layer is locked to bits that it cannot have");
    problem.bits.push_back(std::move(bits));
    problem.omegas.push_back(std::move(omegas));
  }
  for (const auto& limit : limits) problem.rows.push_back(rowOf(layers, problem, limit, problem.feasible));
  return problem;
}

/// Takes out, one group after another, what gives the most room for the least Ω, from the best of every group: a
/// setting that keeps the limits, if it comes to one (each step costs less in all than the one before, so it ends). Its
/// Ω sets the scale that the solver's tolerances refer to.
std::vector<std::size_t> roughSetting(const Problem& problem) {
  std::vector<std::size_t> picked;
  for (const auto& omegas : problem.omegas) {
    picked.push_back(static_cast<std::size_t>(std::min_element(omegas.begin(), omegas.end()) - omegas.begin()));
  }
  const auto keeps = [&] {
    return std::all_of(problem.rows.begin(), problem.rows.end(), [&](const Row& row) { return row.fits(picked); });
  };
  while (!keeps()) {
    double best = std::numeric_limits<double>::infinity();
    std::size_t group = picked.size(), choice = 0;
    for (std::size_t g = 0; g < picked.size(); ++g) {
      for (std::size_t c = 0; c < problem.omegas[g].size(); ++c) {
        double saved = 0;
        for (const auto& row : problem.rows) saved += row.costs[g][picked[g]] - row.costs[g][c];
        const double price = (problem.omegas[g][c] - problem.omegas[g][picked[g]]) / saved;
        if (saved <= 0 || !(price < best)) continue;
        best = price, group = g, choice = c;
      }
    }
    if (group == picked.size()) break;
    picked[group] = choice;
  }
  return picked;
}

/// One integer program in GLPK: a 0/1 variable for each group and choice.
class Solver {
 public:
  explicit Solver(const Problem& problem) : problem_(problem) {
    glp_term_out(GLP_OFF);
    program_ = glp_create_prob();
    glp_set_obj_dir(program_, GLP_MIN);
    const double scale = objectiveScale();
    for (std::size_t g = 0; g < problem.groups.size(); ++g) {
      first_.push_back(glp_get_num_cols(program_) + 1);
      for (std::size_t c = 0; c < problem.bits[g].size(); ++c) {
        const int column = glp_add_cols(program_, 1);
        glp_set_col_kind(program_, column, GLP_BV);
        glp_set_obj_coef(program_, column, problem.omegas[g][c] * scale);
        for (const auto& row : problem.rows) {
          if (row.costs[g][c] > 1 + row.slack) glp_set_col_bnds(program_, column, GLP_FX, 0, 0);
        }
      }
      std::vector<double> ones(problem.bits[g].size(), 1.0);
      addRow(columnsOf(g), ones, GLP_FX, 1);
    }
    for (const auto& row : problem.rows) addLimit(row);
  }
  ~Solver() {
    glp_delete_prob(program_);
    glp_free_env();
  }
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  enum class End { Optimal, Feasible, None };
  End solve(double seconds, const std::stop_token& stop) {
    glp_iocp parameters;
    glp_init_iocp(&parameters);
    parameters.msg_lev = GLP_MSG_OFF;
    parameters.presolve = GLP_ON;
    parameters.cov_cuts = GLP_ON;
    parameters.tm_lim = static_cast<int>(std::clamp(seconds, 0.001, 1e6) * 1000);
    parameters.cb_func = [](glp_tree* tree, void* info) {
      if (static_cast<const std::stop_token*>(info)->stop_requested()) glp_ios_terminate(tree);
    };
    auto token = stop;
    parameters.cb_info = &token;
    const int code = glp_intopt(program_, &parameters);
    if (stop.stop_requested()) throw Stopped();
    const int status = glp_mip_status(program_);
    if (code == 0 && status == GLP_OPT) return End::Optimal;
    if (code == GLP_ETMLIM && status == GLP_FEAS) return End::Feasible;
    return End::None;
  }

  std::vector<std::size_t> picked() const {
    std::vector<std::size_t> picks;
    for (std::size_t g = 0; g < problem_.groups.size(); ++g) {
      std::size_t pick = 0;
      for (std::size_t c = 0; c < problem_.bits[g].size(); ++c) {
        if (glp_mip_col_val(program_, first_[g] + static_cast<int>(c)) > 0.5) pick = c;
      }
      picks.push_back(pick);
    }
    return picks;
  }

  /// From now on this setting is none.
  void exclude(const std::vector<std::size_t>& picks) {
    std::vector<int> columns;
    for (std::size_t g = 0; g < picks.size(); ++g) columns.push_back(first_[g] + static_cast<int>(picks[g]));
    addRow(columns, std::vector<double>(columns.size(), 1.0), GLP_UP, static_cast<double>(picks.size()) - 1);
  }

 private:
  /// Tolerances of the objective are absolute near zero: a setting that is near the best gets the value 1e4.
  double objectiveScale() const {
    const auto picked = roughSetting(problem_);
    double sum = 0;
    for (std::size_t g = 0; g < picked.size(); ++g) sum += std::abs(problem_.omegas[g][picked[g]]);
    return sum > 1e-290 ? 1e4 / sum : 1;
  }

  std::vector<int> columnsOf(std::size_t g) const {
    std::vector<int> columns;
    for (std::size_t c = 0; c < problem_.bits[g].size(); ++c) columns.push_back(first_[g] + static_cast<int>(c));
    return columns;
  }

  void addLimit(const Row& row) {
    std::vector<int> columns;
    std::vector<double> values;
    for (std::size_t g = 0; g < row.costs.size(); ++g) {
      for (std::size_t c = 0; c < row.costs[g].size(); ++c) {
        if (row.costs[g][c] == 0 || row.costs[g][c] > 1 + row.slack) continue;
        columns.push_back(first_[g] + static_cast<int>(c));
        values.push_back(row.costs[g][c]);
      }
    }
    if (!columns.empty()) addRow(columns, values, GLP_UP, 1 + row.slack);
  }

  void addRow(const std::vector<int>& columns, const std::vector<double>& values, int kind, double bound) {
    // GLPK counts from 1.
    std::vector<int> places(1, 0);
    std::vector<double> factors(1, 0.0);
    places.insert(places.end(), columns.begin(), columns.end());
    factors.insert(factors.end(), values.begin(), values.end());
    const int row = glp_add_rows(program_, 1);
    glp_set_row_bnds(program_, row, kind, bound, bound);
    glp_set_mat_row(program_, row, static_cast<int>(columns.size()), places.data(), factors.data());
  }

  const Problem& problem_;
  glp_prob* program_ = nullptr;
  std::vector<int> first_;  ///< column of each group's first choice
};

}  // namespace

std::optional<Allocation> allocate(const std::vector<LayerChoices>& layers, const std::vector<Limit>& limits,
                                   const AllocationOptions& options) {
  const auto problem = problemOf(layers, limits, options.locked);
  if (options.stop.stop_requested()) throw Stopped();
  if (!problem.feasible) return std::nullopt;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  Solver solver(problem);
  for (;;) {
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    const auto outcome = left > 0 ? solver.solve(left, options.stop) : Solver::End::None;
    if (outcome == Solver::End::None) return std::nullopt;
    const auto picks = solver.picked();
    // The solver's own tolerance lets a limit be exceeded by a ten-millionth.
    if (!std::all_of(problem.rows.begin(), problem.rows.end(), [&](const Row& row) { return row.fits(picks); })) {
      solver.exclude(picks);
      continue;
    }
    std::vector<std::int64_t> bits(layers.size());
    for (std::size_t g = 0; g < picks.size(); ++g) {
      for (const auto i : problem.groups[g]) bits[i] = problem.bits[g][picks[g]];
    }
    return Allocation{settingOf(layers, bits), outcome == Solver::End::Optimal};
  }
}

}  // namespace eigenscape
