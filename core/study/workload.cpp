// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/workload.h"

#include <algorithm>

#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"

namespace eigenscape {

namespace {

double limited(double available, std::int64_t limit) {
  return limit > 0 ? std::min(available, static_cast<double>(limit)) : available;
}

}  // namespace

bool isDueAt(std::int64_t visit, std::int64_t every, std::int64_t last) {
  if (visit == last) return true;
  return every > 0 && visit % every == 0;
}

bool isSpectrumDueAt(std::int64_t visit, std::int64_t last, const Recipe& recipe) {
  if (isDueAt(visit, recipe.curvature.every, last)) return true;
  const auto needs = [&](const LandscapeRecipe& item) {
    return isDueAt(visit, item.every, last) && (item.x.starts_with("eigenvector") || item.y.starts_with("eigenvector"));
  };
  return std::any_of(recipe.profiles.begin(), recipe.profiles.end(), needs) ||
         std::any_of(recipe.surfaces.begin(), recipe.surfaces.end(), needs);
}

std::int64_t timesDue(std::int64_t every, std::int64_t last) {
  std::int64_t count = 0;
  for (std::int64_t visit = 0; visit <= last; ++visit) count += isDueAt(visit, every, last) ? 1 : 0;
  return count;
}

std::int64_t spectrumVisits(const Recipe& recipe, std::int64_t last) {
  std::int64_t count = 0;
  for (std::int64_t visit = 0; visit <= last; ++visit) count += isSpectrumDueAt(visit, last, recipe) ? 1 : 0;
  return count;
}

Costs::Costs(const Recipe& recipe, std::int64_t trainExamples, std::int64_t testExamples, std::int64_t layerScopes,
             std::int64_t weightLayers)
    : trainExamples_(static_cast<double>(trainExamples)), testExamples_(static_cast<double>(testExamples)) {
  constexpr double gradient = 3, product = 6;
  train = gradient * trainExamples_;
  measure = trainExamples_ + testExamples_;
  setting = testExamples_;

  const auto& curvature = recipe.curvature;
  double examples = 0;
  if (curvature.split != "test") examples += limited(trainExamples_, curvature.samples);
  if (curvature.split != "train") examples += limited(testExamples_, curvature.samples);
  curvatureExamples_ = examples;
  const auto pairs = static_cast<double>(curvature.top + curvature.bottom);
  const bool model = curvature.scopes != "layers";
  const auto scopes = static_cast<double>(layerScopes);
  if (curvature.method == "power") {
    const auto iterations = static_cast<double>(curvature.powerIterations * curvature.batches);
    spectrum = product * iterations * examples *
               ((model ? static_cast<double>(curvature.top) : 0) + scopes * static_cast<double>(curvature.layerTop));
  } else {
    if (pairs > 0 && model) spectrum = (2 + product * (20 + 5 * pairs)) * examples;
    spectrum += (2 + product * (15 + 5 * static_cast<double>(curvature.layerTop))) * scopes * examples;
  }
  if (curvature.density) {
    density = product * static_cast<double>(curvature.densityProbes * curvature.densityNodes) * (model ? 1 : scopes) *
              examples;
  }
  if (curvature.sharpnessEpsilon > 0) sharpness = 10 * (gradient + 1) * examples;
  if (curvature.trace || computesSensitivity(recipe)) {
    const bool both = curvature.split == "both" && !curvature.trace;
    // From the outputs a few passes of half a product are enough, mostly.
    const bool outputs = curvature.traceMethod == "auto" || curvature.traceMethod == "outputs";
    trace = product * (outputs ? 0.05 : 0.5) * static_cast<double>(curvature.traceProbes) *
            (both ? limited(trainExamples_, curvature.samples) : examples);
  }
  if (recipe.quantization.enabled) countQuantization(recipe, static_cast<double>(weightLayers));
}

double Costs::onFirstSplit(const Recipe& recipe, std::int64_t samples) const {
  return limited(recipe.curvature.split == "test" ? testExamples_ : trainExamples_, samples);
}

void Costs::countQuantization(const Recipe& recipe, double weightLayers) {
  constexpr double gradient = 3, product = 6;
  const auto& quantization = recipe.quantization;
  if (quantization.finetune != "none")
    finetune = static_cast<double>(quantization.limits.size() + 1) * static_cast<double>(quantization.finetuneEpochs) *
               (2 * gradient * trainExamples_ + testExamples_);
  if (!computesSensitivity(recipe)) return;
  const double examples = onFirstSplit(recipe, recipe.curvature.samples);
  const auto bits = static_cast<double>(quantization.bits.size());
  const auto inputs = static_cast<double>(inputWidths(quantization).size());
  if (asksFor(quantization, "v1")) sensitivity = product * 20 * weightLayers * examples;
  if (asksFor(quantization, "v2") && inputs > 0) inputSensitivity = product * 20 * examples;
  if (asksFor(quantization, "qbert")) layerEigenvalues = product * 10 * weightLayers * examples;
  if (asksFor(quantization, "measured"))
    layerLosses = (bits + inputs) * weightLayers * onFirstSplit(recipe, quantization.samples);
}

double Costs::landscape(const LandscapeRecipe& recipe) const {
  double examples = 0;
  if (recipe.split != "test") examples += limited(trainExamples_, recipe.samples);
  if (recipe.split != "train") examples += limited(testExamples_, recipe.samples);
  const auto points = static_cast<double>(recipe.points);
  return examples * (recipe.y.empty() ? points : points * points);
}

double Costs::curvatureMap(const LandscapeRecipe& recipe) const {
  // From a neighbour's vectors some twenty products are enough, mostly.
  constexpr double gradient = 3, product = 6, products = 20;
  const auto points = static_cast<double>(recipe.curvatureMap);
  return (gradient + products * product) * points * points * curvatureExamples_;
}

double Costs::total(const Recipe& recipe, std::int64_t lastVisit) const {
  const auto regularly = [lastVisit](std::int64_t every) { return static_cast<double>(timesDue(every, lastVisit)); };
  double sum = train * static_cast<double>(recipe.training.epochs) + measure * static_cast<double>(lastVisit + 1) +
               spectrum * static_cast<double>(spectrumVisits(recipe, lastVisit));
  sum += recipe.curvature.trace ? trace * regularly(recipe.curvature.every) : trace;
  sum += setting * static_cast<double>(settingsToMeasure(recipe.quantization));
  sum += sensitivity + inputSensitivity + layerEigenvalues + layerLosses + finetune;
  sum += (density + sharpness) * regularly(recipe.curvature.every);
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& item : *list) sum += (landscape(item) + curvatureMap(item)) * regularly(item.every);
  }
  const auto& quantization = recipe.quantization;
  if (!quantization.enabled || quantization.landscapes.empty()) return sum;
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& item : *list) sum += landscape(item);
  }
  return sum;
}

double Workload::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Workload::beginPhase(const std::string& title, double cost) {
  title_ = title;
  cost_ = cost;
  fraction_ = 0;
  report(0);
}

void Workload::report(double fraction) {
  if (!context_.progress) return;
  // An estimate of how far an iteration is can turn out too high; what people see does not go back.
  fraction_ = std::clamp(fraction, fraction_, 1.0);
  fraction = fraction_;
  const double done = done_ + cost_ * fraction;
  StudyProgress progress{title_, fraction, total_ > 0 ? std::clamp(done / total_, 0.0, 1.0) : 0, -1};
  const double measured = done - skipped_;
  // Before a few per cent are measured, a guess at the time left would be noise.
  if (measured > 0.03 * total_) progress.secondsLeft = elapsed() / measured * std::max(total_ - done, 0.0);
  context_.progress(progress);
}

void Workload::endPhase(double cost, bool measured) {
  done_ += cost;
  if (!measured) skipped_ += cost;
  cost_ = 0;
}

}  // namespace eigenscape
