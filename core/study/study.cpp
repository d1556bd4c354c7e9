// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/study.h"

#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/curvature/memory.h"
#include "core/landscape/directions.h"
#include "core/model/device.h"
#include "core/model/state_dict.h"
#include "core/results/tables.h"
#include "core/study/bit_plan.h"
#include "core/study/planned_model.h"
#include "core/study/session.h"
#include "core/study/trace_method.h"
#include "datasets/dataset.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

#ifdef EIGENSCAPE_TORCH_CUDA
constexpr const char* kWhyNoCuda = "this LibTorch finds no CUDA device";
#else
constexpr const char* kWhyNoCuda = "the LibTorch that this program was built with (" TORCH_VERSION
                                   ") has no CUDA; the README says how to build with PyTorch's";
#endif

torch::Device pickDevice(const std::string& text) {
  const bool cuda = torch::cuda::is_available();
  if (text == "auto") return cuda ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  if (text == "cpu") return torch::kCPU;
  if (text == "cuda" || text.starts_with("cuda:")) {
    if (!cuda) throw RecipeError("--device " + text + ": " + kWhyNoCuda + "; expected auto or cpu");
    const auto index = text == "cuda" ? std::string("0") : text.substr(5);
    const bool digits = !index.empty() && index.size() < 4 &&
                        std::all_of(index.begin(), index.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (digits && std::stoi(index) < static_cast<int>(torch::cuda::device_count())) {
      return torch::Device(torch::kCUDA, static_cast<torch::DeviceIndex>(std::stoi(index)));
    }
    throw RecipeError("--device " + text + ": there are " + std::to_string(torch::cuda::device_count()) +
                      " CUDA devices, counted from 0");
  }
  throw RecipeError("--device " + text + ": expected auto, cpu or cuda[:N]");
}

void requireSplit(const Examples& examples, const std::string& split, const std::string& wanted,
                  const std::string& key) {
  if (examples.size() == 0 && wanted == split) {
    throw RecipeError(key + " = \"" + wanted + "\": the data set has no " + split +
                      " examples; choose the other split or another data.path");
  }
}

/// A direction's file may name another network or no such tensor: better known now than after training and spectrum.
void checkDirectionFiles(const Recipe& recipe, const Model& model) {
  const auto check = [&](const std::string& key, const std::string& text) {
    if (text.empty()) return;
    const auto spec = parseDirection(text);
    if (spec.file.empty()) return;
    try {
      directionFromFile(model, spec);
    } catch (const RunError& error) {
      throw RecipeError(key + ": " + error.what());
    }
  };
  for (const auto& item : recipe.profiles) check("profile." + item.name + ".x", item.x);
  for (const auto& item : recipe.surfaces) {
    check("surface." + item.name + ".x", item.x);
    check("surface." + item.name + ".y", item.y);
  }
}

/// Data and model on their device, loaded before anything is written.
Material loadMaterial(const Recipe& recipe, torch::Device device, const Context& context) {
  DatasetRequest request;
  request.name = recipe.data.dataset;
  request.path = recipe.data.path;
  request.seed = static_cast<std::uint64_t>(recipe.seed);
  request.trainLimit = recipe.data.trainLimit;
  request.testLimit = recipe.data.testLimit;
  request.mean = recipe.data.mean;
  request.deviation = recipe.data.deviation;
  const auto dataset = loadDataset(request, context);

  Material material;
  material.train = normalized(dataset.train, dataset);
  material.test = normalized(dataset.test, dataset);
  material.mirrored = dataset.mirrored;
  if (recipe.training.epochs > 0 && material.train.size() == 0) {
    throw RecipeError("training.epochs = " + std::to_string(recipe.training.epochs) +
                      ": the data set has no training examples in " + recipe.data.path);
  }
  if (recipe.quantization.enabled && recipe.quantization.finetune != "none" && material.train.size() == 0) {
    throw RecipeError("quantization.finetune = \"" + recipe.quantization.finetune +
                      "\": the data set has no training examples in " + recipe.data.path + "; set it to \"none\"");
  }
  for (const auto& [examples, split] : {std::pair{&material.train, "train"}, std::pair{&material.test, "test"}}) {
    requireSplit(*examples, split, recipe.curvature.split, "curvature.split");
    for (const auto& item : recipe.profiles)
      requireSplit(*examples, split, item.split, "profile." + item.name + ".split");
    for (const auto& item : recipe.surfaces)
      requireSplit(*examples, split, item.split, "surface." + item.name + ".split");
  }

  for (const auto& [examples, split] : {std::pair{&material.train, "train"}, std::pair{&material.test, "test"}}) {
    const bool used = recipe.curvature.split == "both" || recipe.curvature.split == split;
    if (recipe.curvature.batches > 1 && used && examples->size() > 0 &&
        recipe.curvature.batches > examples->size() / recipe.curvature.samples) {
      throw RecipeError("curvature.batches = " + std::to_string(recipe.curvature.batches) + ": " + split + " has " +
                        std::to_string(examples->size()) + " examples, too few for that many shares of " +
                        std::to_string(recipe.curvature.samples));
    }
  }

  const auto& any = material.train.size() > 0 ? material.train : material.test;
  const InputShape shape{any.inputs.size(1), any.inputs.size(2), any.inputs.size(3), dataset.classes};
  material.model = makeModel(recipe.model.architecture, shape, static_cast<std::uint64_t>(recipe.seed));
  if (!recipe.model.weights.empty()) {
    material.model->loadStateDict(readStateDict(recipe.model.weights), recipe.model.weights);
  }
  checkDirectionFiles(recipe, *material.model);
  material.model->to(device, torch::kFloat32);
  if (material.train.size() > 0) material.train = material.train.to(device, torch::kFloat32);
  if (material.test.size() > 0) material.test = material.test.to(device, torch::kFloat32);
  return material;
}

/// More examples were asked for than there are.
void noteMissingSamples(const Recipe& recipe, const Material& material, Journal& journal) {
  for (const auto& [examples, split] : {std::pair{&material.train, "train"}, std::pair{&material.test, "test"}}) {
    const bool used = recipe.curvature.split == "both" || recipe.curvature.split == split;
    if (!used || examples->size() == 0 || examples->size() >= recipe.curvature.samples) continue;
    journal.note("curvature.samples = " + std::to_string(recipe.curvature.samples) + ": " + split + " has " +
                 std::to_string(examples->size()) + " examples, all of which are taken");
  }
}

std::int64_t limited(std::int64_t available, std::int64_t limit) {
  return limit > 0 ? std::min(available, limit) : available;
}

/// What is known without data and model.
RunInfo describeProgram(const Recipe& recipe, torch::Device device) {
  RunInfo info;
  info.name = recipe.name;
  info.program = EIGENSCAPE_VERSION;
  info.libtorch = libtorchVersion();
  info.compiler = __VERSION__;
  info.device = device.str();
  info.threads = at::get_num_threads();
  info.seed = static_cast<std::uint64_t>(recipe.seed);
  info.sensitivity = fs::path(recipe.quantization.sensitivity).filename().string();
  return info;
}

RunInfo describe(const Recipe& recipe, const Material& material, torch::Device device) {
  auto info = describeProgram(recipe, device);
  info.model = recipe.model.architecture;
  info.weights = fs::path(recipe.model.weights).filename().string();
  info.dataset = recipe.data.dataset;
  info.parameters = material.model->parameters().dimension();
  info.trainExamples = material.train.size();
  info.testExamples = material.test.size();
  info.curvatureSamples =
      limited(recipe.curvature.split == "test" ? info.testExamples : info.trainExamples, recipe.curvature.samples);
  info.curvatureSplit = recipe.curvature.split;
  info.curvatureOperator = recipe.curvature.op;
  if (recipe.training.epochs > 0) info.optimizer = recipe.training.optimizer;
  const auto visits = visitsOf(recipe);
  info.epochs = visits.back().epoch;
  for (const auto& visit : visits) {
    if (!visit.checkpoint.empty()) info.checkpoints.push_back(visit.checkpoint.filename().string());
  }
  for (const auto& item : recipe.profiles)
    info.landscapes.push_back(
        {item.name, "profile", item.x, "", item.normalization, item.samples, "auto", 0, item.batchNorm});
  for (const auto& item : recipe.surfaces)
    info.landscapes.push_back({item.name, "surface", item.x, item.y, item.normalization, item.samples, item.scale,
                               item.clip, item.batchNorm});
  const auto& setting = recipe.quantization.landscapes;
  if (!recipe.quantization.enabled || setting.empty()) return info;
  auto quantized = info.landscapes;
  for (auto& item : quantized) item.name = quantizedName(item.name, setting);
  info.landscapes.insert(info.landscapes.end(), quantized.begin(), quantized.end());
  return info;
}

std::string textOf(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

Journal openJournal(const Recipe& recipe, const StudyOptions& options, RunInfo info, const StudyContext& context) {
  const auto text = toToml(recipe);
  if (!isRunDirectory(options.out)) return Journal::begin(options.out, std::move(info), text, context.changed);
  if (!options.resume) {
    throw RecipeError("--out " + options.out.string() +
                      ": holds a run already; go on with --resume or name another folder");
  }
  if (textOf(options.out / "recipe.toml") != text) {
    throw RecipeError("--resume: the recipe differs from " + (options.out / "recipe.toml").string() +
                      "; resume with that recipe or name another --out");
  }
  const auto before = readRunInfo(options.out);
  const auto kind = [](const std::string& device) { return device.substr(0, device.find(':')); };
  if (!before.device.empty() && kind(before.device) != kind(info.device)) {
    throw RecipeError("--device " + info.device + ": the run in " + options.out.string() + " was computed on " +
                      before.device + "; resume with --device " + kind(before.device) + " or name another --out");
  }
  if (before.checkpoints != info.checkpoints) {
    throw RecipeError("model.checkpoints: matches " + std::to_string(info.checkpoints.size()) + " files (" +
                      info.checkpoints.back() + " is the last), but the run in " + options.out.string() +
                      " began with " + std::to_string(before.checkpoints.size()) +
                      (before.checkpoints.empty() ? "" : " (" + before.checkpoints.back() + ")") +
                      "; bring those back or name another --out");
  }
  return Journal::resume(options.out, std::move(info), context.changed);
}

/// A resumed run goes on with as many threads as it began with: sums depend on them in the last bits.
int threadsOf(const StudyOptions& options) {
  if (options.threads > 0) return options.threads;
  if (options.resume && isRunDirectory(options.out)) {
    if (const auto before = readRunInfo(options.out).threads; before > 0) return static_cast<int>(before);
  }
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// Given sensitivities and bits belong to the run: the files may change later.
void keepGiven(const QuantizationRecipe& recipe, const fs::path& directory) {
  if (!recipe.sensitivity.empty()) {
    auto text = textOf(recipe.sensitivity);
    if (!text.empty() && text.back() != '\n') text += '\n';
    writeFileAtomically(directory / SensitivityRow::file, text);
    // A table that a run wrote has what its errors have in common beside it.
    const auto correlations = fs::path(recipe.sensitivity).parent_path() / TraceCorrelationRow::file;
    std::error_code ignored;
    if (fs::is_regular_file(correlations, ignored))
      writeFileAtomically(directory / TraceCorrelationRow::file, textOf(correlations));
  }
  if (!recipe.settings.empty()) writeFileAtomically(directory / kKeptSettings, textOf(recipe.settings));
}

/// When the disk is full, the first error is the one to report.
void closeQuietly(Journal& journal, const std::string& status, const std::string& message) {
  try {
    journal.close(status, message);
  } catch (const RunError&) {
  }
}

/// Does the work; whatever ends it stands in run.json.
template <class Work>
RunInfo carriedOut(Journal& journal, Work&& work) {
  try {
    work();
  } catch (const Stopped&) {
    closeQuietly(journal, "interrupted", {});
    throw;
  } catch (const std::exception& error) {
    if (isOutOfMemory(error)) {
      const std::string line =
          "memory ran out; lower curvature.top, curvature.batch_size or data.train_limit, or take another device";
      closeQuietly(journal, "failed", line);
      throw RunError(line);
    }
    closeQuietly(journal, "failed", error.what());
    throw;
  }
  journal.close("done");
  return journal.info();
}

/// `kept`: the recipe with what the run has copies of.
RunInfo runAllocation(const Recipe& recipe, const QuantizationRecipe& kept, const StudyOptions& options,
                      const StudyContext& context) {
  auto journal = openJournal(recipe, options, describeProgram(recipe, torch::kCPU), context);
  return carriedOut(journal, [&] {
    if (journal.has("allocation")) return;
    const auto start = std::chrono::steady_clock::now();
    if (context.progress) context.progress({"allocating bits", 0, 0, -1});
    keepGiven(kept, journal.directory());
    auto layers = choicesOf(kept, givenSensitivity(kept), kept.sensitivity);
    addCorrelations(layers, readTable<TraceCorrelationRow>(journal.directory()));
    const auto plan =
        planBits(withKeptSettings(recipe.quantization, journal.directory()), layers, {context.stop, {}, context.log});
    for (const auto& note : plan.notes) journal.note(note);
    if (!plan.pareto.empty()) journal.info().frontier = costName(plan.frontierCost);
    writePlan(plan, recipe.quantization, journal.info(), journal.directory());
    for (const char* table : {SensitivityRow::file, AllocationRow::file, ParetoRow::file, SettingRow::file})
      journal.notify(table);
    journal.finish("allocation", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 0);
  });
}

}  // namespace

RunInfo runStudy(const Recipe& recipe, const StudyOptions& options, const StudyContext& context) {
  const auto kept = options.resume ? withKeptFiles(recipe, options.out) : recipe;
  validate(kept);
  const auto device = pickDevice(options.device);
  at::set_num_threads(threadsOf(options));
  if (allocatesOnly(recipe)) return runAllocation(recipe, kept.quantization, options, context);
  if (device.is_cuda()) computeExactly();
  if (device.is_cuda() && recipe.curvature.cudnnBenchmark) timeKernels();

  const Context loading{context.stop, {}, context.log};
  if (context.progress) context.progress({"reading data and model", 0, 0, -1});
  auto material = loadMaterial(recipe, device, loading);
  loading.check();
  if (recipe.training.epochs == 0 && recipe.model.weights.empty() && recipe.model.checkpoints.empty()) {
    loading.say("model.weights is empty and nothing is trained: these are random weights");
  }
  // Before anything is written.
  checkLayers(kept, *material.model);
  checkTraceMethod(kept, *material.model, material.train.size() > 0 ? material.train.first(4) : material.test.first(4));
  auto journal = openJournal(recipe, options, describe(recipe, material, device), context);
  return carriedOut(journal, [&] {
    noteMissingSamples(recipe, material, journal);
    if (recipe.quantization.enabled && !journal.has("allocation")) keepGiven(kept.quantization, journal.directory());
    Session(recipe, material, journal, context).run();
  });
}

std::string libtorchVersion() {
  return TORCH_VERSION;
}

}  // namespace eigenscape
