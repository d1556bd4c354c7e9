// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/quantization/bit_choices.h"
#include "core/results/run_directory.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// Bits that are wanted: the best under a limit, with some layers held.
struct BitQuestion {
  std::shared_ptr<const std::vector<LayerChoices>> layers;
  Limit limit;
  std::vector<std::int64_t> locked;  ///< as AllocationOptions has them
};

struct BitAnswer {
  Limit limit;
  std::optional<BitSetting> setting;  ///< nothing: no setting keeps the limit with the locked bits
};

/// What a run lacks of the tables that bits are shown with.
struct BitTables {
  std::vector<ParetoRow> pareto;
  std::vector<SettingRow> settings;
  std::string frontier;  ///< its cost; empty: there is none
};

/// Solves for bits on a thread of its own. A question replaces the one before, which is given up; what comes is the
/// answer to the latest one.
class BitSolver : public QObject {
  Q_OBJECT
 public:
  explicit BitSolver(QObject* parent = nullptr);
  ~BitSolver() override;

  void ask(BitQuestion question);
  /// Finds the frontier, of the cost that the rules name, and the settings beside it, before any question.
  void tabulate(std::shared_ptr<const std::vector<LayerChoices>> layers, QuantizationRecipe rules);
  /// Nothing that was asked for so far will be answered.
  void forget();

 Q_SIGNALS:
  void solved(const eigenscape::BitAnswer& answer);
  void tabulated(std::shared_ptr<const eigenscape::BitTables> tables);
  void failed(const QString& message);

 private:
  struct Wanted {
    std::shared_ptr<const std::vector<LayerChoices>> layers;
    QuantizationRecipe rules;
  };
  void work(const std::stop_token& stop);
  void answer(const BitQuestion& question, const std::stop_token& stop, std::uint64_t number);
  void fill(const Wanted& wanted, const std::stop_token& stop, std::uint64_t number);

  std::uint64_t asked_ = 0, tables_ = 0;  ///< numbers of what is waited for; of the window's thread
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<std::pair<BitQuestion, std::uint64_t>> question_;
  std::optional<std::pair<Wanted, std::uint64_t>> wanted_;
  std::stop_source present_;  ///< of what is being solved
  bool tabulating_ = false;   ///< that is not given up for a question
  std::jthread thread_;
};

}  // namespace eigenscape
