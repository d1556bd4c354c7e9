// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "core/curvature/curvature_operator.h"
#include "core/model/in_precision.h"
#include "core/study/session.h"

// What the source files of Session share; not for others.
namespace eigenscape {

constexpr const char* kCheckpoints = "checkpoints";

/// Batch of loss measurements. Profiles use the recipe's own key, whose default is the same number, so that the loss at
/// α = 0 is the recorded one to the last bit.
constexpr std::int64_t kMeasureBatch = 256;

inline std::string epochFile(std::int64_t epoch) {
  char name[40];
  std::snprintf(name, sizeof name, "epoch-%04lld.safetensors", static_cast<long long>(epoch));
  return name;
}

/// The weights of a setting of bits, "size=0.5,bops=0.7.safetensors": nothing that a file's name cannot hold, except by
/// a user's own hand.
inline std::string settingFile(std::string name) {
  for (char& c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name + ".safetensors";
}

inline std::string keyed(const std::string& phase, std::int64_t epoch) {
  return phase + ":" + std::to_string(epoch);
}

inline std::string shortNumber(double value, const char* format = "%.4g") {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// How the recipe wants its products made.
CurvatureOptions curvatureOptions(const Recipe& recipe);
/// What type they are made in.
torch::ScalarType precisionOf(const Recipe& recipe);

/// Whether ‖A‖²_F is that of a density's probes: else it is that of the probes of a trace by Hutchinson, where one is
/// asked for; traces from outputs or at layers have none.
inline bool normComesFromDensity(const Recipe& recipe) {
  const auto& curvature = recipe.curvature;
  const bool byProbes = curvature.traceMethod == "hutchinson" || curvature.traceMethod == "hutch++";
  return curvature.density && curvature.densityProbes > 1 && curvature.scopes != "layers" &&
         !(curvature.trace && byProbes);
}

template <class Work>
void Session::phase(const std::string& key, const std::string& title, double cost, Work&& work) {
  if (journal_.has(key)) {
    workload_.endPhase(cost, false);
    return;
  }
  if (context_.stop.stop_requested()) throw Stopped();
  workload_.beginPhase(title, cost);
  const auto start = std::chrono::steady_clock::now();
  const Context context{context_.stop, [this](double fraction) { workload_.report(fraction); }, context_.log};
  const Products products = work(context);
  workload_.report(1);
  workload_.endPhase(cost, true);
  journal_.finish(key, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), products);
}

}  // namespace eigenscape
