// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bit_solver.h"

#include <QMetaObject>
#include <exception>
#include <utility>

#include "core/quantization/allocation.h"
#include "core/results/error.h"
#include "core/study/bit_plan.h"

namespace eigenscape {

BitSolver::BitSolver(QObject* parent) : QObject(parent), thread_([this](const std::stop_token& stop) { work(stop); }) {}

BitSolver::~BitSolver() {
  {
    const std::lock_guard lock(mutex_);
    present_.request_stop();
  }
  thread_.request_stop();
  thread_.join();
}

void BitSolver::ask(BitQuestion question) {
  const std::lock_guard lock(mutex_);
  question_ = {std::move(question), ++asked_};
  if (!wanted_ && !tabulating_) present_.request_stop();
  wake_.notify_one();
}

void BitSolver::tabulate(std::shared_ptr<const std::vector<LayerChoices>> layers, QuantizationRecipe rules) {
  const std::lock_guard lock(mutex_);
  wanted_ = {Wanted{std::move(layers), std::move(rules)}, ++tables_};
  present_.request_stop();
  wake_.notify_one();
}

void BitSolver::forget() {
  const std::lock_guard lock(mutex_);
  ++asked_, ++tables_;
  question_.reset(), wanted_.reset();
  present_.request_stop();
}

void BitSolver::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return question_ || wanted_; })) return;
    const auto wanted = std::exchange(wanted_, {});
    const auto question = wanted ? std::nullopt : std::exchange(question_, {});
    present_ = {};
    tabulating_ = wanted.has_value();
    const auto present = present_.get_token();
    lock.unlock();
    try {
      if (wanted) fill(wanted->first, present, wanted->second);
      if (question) answer(question->first, present, question->second);
    } catch (const Stopped&) {
    } catch (const std::exception& error) {
      const QString text = QString::fromUtf8(error.what());
      const auto number = wanted ? wanted->second : question ? question->second : 0;
      QMetaObject::invokeMethod(
          this,
          [this, text, number, &latest = wanted ? tables_ : asked_] {
            if (number == latest) Q_EMIT failed(text);
          },
          Qt::QueuedConnection);
    }
    lock.lock();
    tabulating_ = false;
  }
}

void BitSolver::answer(const BitQuestion& question, const std::stop_token& stop, std::uint64_t number) {
  AllocationOptions options;
  options.locked = question.locked;
  options.stop = stop;
  BitAnswer found{question.limit, {}};
  if (auto allocation = allocate(*question.layers, {question.limit}, options))
    found.setting = std::move(allocation->setting);
  // The destructor joins this thread, and a queued call to a deleted object is dropped by Qt.
  QMetaObject::invokeMethod(
      this,
      [this, found, number] {
        if (number == asked_) Q_EMIT solved(found);
      },
      Qt::QueuedConnection);
}

void BitSolver::fill(const Wanted& wanted, const std::stop_token& stop, std::uint64_t number) {
  QuantizationRecipe rules = wanted.rules;
  rules.limits.clear();
  rules.settings.clear();
  const auto plan = planBits(rules, *wanted.layers, {stop, {}, {}});
  auto tables = std::make_shared<BitTables>();
  tables->pareto = plan.pareto;
  for (const auto& one : plan.settings) tables->settings.push_back(one.row);
  if (!plan.pareto.empty()) tables->frontier = costName(plan.frontierCost);
  QMetaObject::invokeMethod(
      this,
      [this, tables, number] {
        if (number == tables_) Q_EMIT tabulated(tables);
      },
      Qt::QueuedConnection);
}

}  // namespace eigenscape
