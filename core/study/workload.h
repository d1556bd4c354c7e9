// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/study/recipe.h"
#include "core/study/study.h"

namespace eigenscape {

/// How much work a study is, counted in forward passes of one example: a gradient is three, a Hessian product six.
/// Only shares matter; time left comes from the seconds that the finished part took.
struct Costs {
  /// `layerScopes` parts of the model have a spectrum each, beside the model's; `weightLayers` can be quantized.
  Costs(const Recipe& recipe, std::int64_t trainExamples, std::int64_t testExamples, std::int64_t layerScopes,
        std::int64_t weightLayers);

  double train = 0, measure = 0, setting = 0, spectrum = 0, trace = 0, density = 0, sharpness = 0;
  double sensitivity = 0, inputSensitivity = 0, layerEigenvalues = 0, layerLosses = 0, finetune = 0;
  double landscape(const LandscapeRecipe& recipe) const;
  double curvatureMap(const LandscapeRecipe& recipe) const;
  double total(const Recipe& recipe, std::int64_t lastVisit) const;

 private:
  void countQuantization(const Recipe& recipe, double weightLayers);
  /// Examples of the splits that curvature.split names, `samples` of each at most; of the first split alone.
  double onFirstSplit(const Recipe& recipe, std::int64_t samples) const;

  double trainExamples_, testExamples_;
  double curvatureExamples_ = 0;  ///< of the splits together
};

/// Visits (epochs of a training, or checkpoints; from 0 to `last`) at which something with `every` is due: 0 means the
/// last one alone; otherwise the first and the last always count.
bool isDueAt(std::int64_t visit, std::int64_t every, std::int64_t last);

/// The recipe's own rhythm, and the visits of every landscape along an eigenvector.
bool isSpectrumDueAt(std::int64_t visit, std::int64_t last, const Recipe& recipe);

/// How many of the visits 0 … last are due, and at how many there is a spectrum.
std::int64_t timesDue(std::int64_t every, std::int64_t last);
std::int64_t spectrumVisits(const Recipe& recipe, std::int64_t last);

/// Turns phases into StudyProgress.
class Workload {
 public:
  Workload(const StudyContext& context, double total) : context_(context), total_(total) {}
  void beginPhase(const std::string& title, double cost);
  void report(double fraction);
  /// `measured` is false for a phase that a resumed run skips: it says nothing about speed.
  void endPhase(double cost, bool measured);

 private:
  double elapsed() const;

  const StudyContext& context_;
  std::string title_;
  double total_, done_ = 0, skipped_ = 0, cost_ = 0, fraction_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace eigenscape
