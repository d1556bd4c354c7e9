// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/curvature/density.h"
#include "core/model/model.h"
#include "core/study/recipe.h"
#include "core/study/recipe_values.h"
#include "datasets/dataset.h"

namespace eigenscape {
namespace {

constexpr double unlimited = 9007199254740992.0;  // 2^53: beyond it a double no longer counts by ones

/// One line of the table below; the chained calls say what is accepted.
class Entry {
 public:
  Entry(const char* key, Slot (*slot)(Recipe&), const char* help) {
    field_.key = key;
    field_.slot = slot;
    field_.help = help;
  }
  Entry(const char* key, Slot (*slot)(LandscapeRecipe&), const char* help) {
    field_.key = key;
    field_.entrySlot = slot;
    field_.help = help;
  }
  Entry range(double low, double high) && {
    field_.low = low;
    field_.high = high;
    return std::move(*this);
  }
  Entry above(double low, double high) && {
    field_.lowOpen = true;
    return std::move(*this).range(low, high);
  }
  Entry oneOf(std::vector<std::string> choices) && {
    field_.choices = std::move(choices);
    return std::move(*this);
  }
  Entry length(std::size_t count) && {
    field_.length = count;
    return std::move(*this);
  }
  /// An empty list is accepted, too; `meaning` says what it stands for.
  Entry orEmpty(const char* meaning) && {
    field_.emptyMeans = meaning;
    return std::move(*this);
  }
  Entry path() && {
    field_.isPath = true;
    return std::move(*this);
  }
  Entry advanced() && {
    field_.advanced = true;
    return std::move(*this);
  }
  const Field& field() const { return field_; }

 private:
  Field field_;
};

std::vector<std::string> datasetNames() {
  std::vector<std::string> names;
  for (const auto& info : datasetInfos()) names.push_back(info.name);
  for (const char* later : {"svhn", "image-folder", "tensors"}) names.emplace_back(later);
  return names;
}

std::vector<std::string> architectureNames() {
  std::vector<std::string> names;
  for (const auto& info : architectures()) names.push_back(info.name);
  return names;
}

// `r.member` of the recipe, or `e.member` of a [[profile]] or [[surface]], as a slot.
#define IN_RECIPE(member) [](Recipe& r) -> Slot { return &r.member; }
#define IN_ENTRY(member) [](LandscapeRecipe& e) -> Slot { return &e.member; }

std::vector<Entry> plainEntries() {
  const double many = 1e6;
  return {
      {"name", IN_RECIPE(name), "Name of the study, shown in figures and lists"},
      Entry("seed", IN_RECIPE(seed), "Seed of everything random: data, weights, shuffling, probes").range(0, unlimited),

      Entry("data.dataset", IN_RECIPE(data.dataset), "The data set; --list datasets explains each")
          .oneOf(datasetNames()),
      Entry("data.path", IN_RECIPE(data.path), "Folder that holds the data set's files; glyphs needs none").path(),
      Entry("data.train_limit", IN_RECIPE(data.trainLimit), "Use the first N training examples; 0: all")
          .range(0, unlimited),
      Entry("data.test_limit", IN_RECIPE(data.testLimit), "Use the first N test examples; 0: all").range(0, unlimited),
      Entry("data.mean", IN_RECIPE(data.mean), "Mean per channel on a 0..1 scale; empty: the set's own default")
          .range(0, 1)
          .advanced(),
      Entry("data.std", IN_RECIPE(data.deviation),
            "Standard deviation per channel on a 0..1 scale; empty: the set's own default")
          .above(0, 10)
          .advanced(),
      {"data.augment", IN_RECIPE(data.augment), "Random crop and flip of images while training"},

      Entry("model.architecture", IN_RECIPE(model.architecture), "A model of the zoo; --list models explains each")
          .oneOf(architectureNames()),
      Entry("model.torchscript", IN_RECIPE(model.torchscript), "A TorchScript file in place of an architecture")
          .path()
          .advanced(),
      Entry("model.weights", IN_RECIPE(model.weights),
            "State dict (.pt, .pth, .th) or .safetensors to load before anything else; empty: random weights")
          .path(),
      Entry("model.checkpoints", IN_RECIPE(model.checkpoints),
            "Glob of checkpoints: the trajectory of a training done elsewhere")
          .path()
          .advanced(),
      Entry("model.learning_rates", IN_RECIPE(model.learningRates),
            "Of gradient descent to model.checkpoints, one for all or one each: 2 / learning rate is drawn; empty: not "
            "known")
          .above(0, 1e4)
          .advanced(),

      Entry("training.epochs", IN_RECIPE(training.epochs), "Epochs to train; 0: nothing is trained").range(0, many),
      Entry("training.batch_size", IN_RECIPE(training.batchSize), "Examples per optimizer step").range(1, many),
      Entry("training.optimizer", IN_RECIPE(training.optimizer), "Optimizer").oneOf({"sgd", "adam", "kfac"}),
      Entry("training.learning_rate", IN_RECIPE(training.learningRate), "Learning rate of the first epoch")
          .above(0, 1e4),
      Entry("training.momentum", IN_RECIPE(training.momentum), "Momentum of SGD").range(0, 1),
      Entry("training.weight_decay", IN_RECIPE(training.weightDecay), "L2 penalty added to the gradient").range(0, 10),
      Entry("training.schedule", IN_RECIPE(training.schedule),
            "Learning rate over epochs; step: ÷10 after 1/2 and 3/4 of them")
          .oneOf({"constant", "step", "cosine", "fb", "gg", "abs", "absa"}),
      Entry("training.checkpoint_every", IN_RECIPE(training.checkpointEvery), "Epochs between checkpoints")
          .range(1, many)
          .advanced(),
      Entry("training.adversary.method", IN_RECIPE(training.adversary.method), "Adversarial examples in training")
          .oneOf({"none", "fgsm", "pgd"})
          .advanced(),
      Entry("training.adversary.epsilon", IN_RECIPE(training.adversary.epsilon), "Size of the adversary's step")
          .range(0, 10)
          .advanced(),
      Entry("training.adversary.ratio", IN_RECIPE(training.adversary.ratio), "Share of each batch that is adversarial")
          .range(0, 1)
          .advanced(),

      Entry("curvature.operator", IN_RECIPE(curvature.op), "Matrix whose spectrum is computed")
          .oneOf({"hessian", "ggn", "fisher", "fisher_sampled"}),
      Entry("curvature.split", IN_RECIPE(curvature.split), "Examples that the operator averages over")
          .oneOf({"train", "test", "both"}),
      Entry("curvature.samples", IN_RECIPE(curvature.samples), "First N examples of the split; 0: all")
          .range(0, unlimited),
      Entry("curvature.batches", IN_RECIPE(curvature.batches),
            "Repeat power iteration on so many successive shares of `samples` examples")
          .range(1, 10000)
          .advanced(),
      Entry("curvature.batch_size", IN_RECIPE(curvature.batchSize),
            "Examples per partial product: memory and speed; the result only with batch_norm = \"train\" (and a "
            "trace's random signs)")
          .range(1, many)
          .advanced(),
      Entry("curvature.batch_norm", IN_RECIPE(curvature.batchNorm),
            "BatchNorm by running statistics (eval) or by those of each batch (train)")
          .oneOf({"eval", "train"})
          .advanced(),
      Entry("curvature.precision", IN_RECIPE(curvature.precision), "Arithmetic of products and solvers")
          .oneOf({"float32", "float64"})
          .advanced(),
      Entry("curvature.top", IN_RECIPE(curvature.top), "Largest eigenvalues wanted").range(0, 1000),
      Entry("curvature.bottom", IN_RECIPE(curvature.bottom), "Smallest eigenvalues wanted").range(0, 1000),
      Entry("curvature.method", IN_RECIPE(curvature.method), "Eigenvalue solver")
          .oneOf({"lanczos", "power"})
          .advanced(),
      Entry("curvature.tolerance", IN_RECIPE(curvature.tolerance), "Relative residual ‖Av − λv‖/|λ| to reach")
          .above(0, 1),
      Entry("curvature.block", IN_RECIPE(curvature.block),
            "Start vectors of Lanczos: several find the members of a cluster side by side")
          .range(1, 100)
          .advanced(),
      Entry("curvature.power_iterations", IN_RECIPE(curvature.powerIterations),
            "Most iterations of power iteration for each eigenvalue")
          .range(1, many)
          .advanced(),
      Entry("curvature.max_products", IN_RECIPE(curvature.maxProducts),
            "Operator products after which a solve gives up (and says so)")
          .range(1, many)
          .advanced(),
      Entry("curvature.miss_probability", IN_RECIPE(curvature.missProbability),
            "Chance of a missed eigenvalue below which Lanczos stops to look for one; 1: it does not look")
          .above(0, 1)
          .advanced(),
      Entry("curvature.every", IN_RECIPE(curvature.every), "Epochs between spectra").range(1, many),
      Entry("curvature.memory", IN_RECIPE(curvature.memory),
            "MiB for graphs, at most half of what is free; beyond it fewer are kept, batches shrink; 0: a quarter of "
            "what is "
            "free, two thirds on a GPU")
          .range(0, 1e9)
          .advanced(),
      Entry("curvature.cudnn_benchmark", IN_RECIPE(curvature.cudnnBenchmark),
            "On a GPU: cuDNN times its kernels and takes the fastest; results then repeat only up to rounding")
          .advanced(),
      Entry("curvature.scopes", IN_RECIPE(curvature.scopes), "Spectra of the whole model, of each layer, or of both")
          .oneOf({"model", "layers", "both"})
          .advanced(),
      Entry("curvature.layers", IN_RECIPE(curvature.layers),
            "Scopes of layers: names, or patterns such as layer1.* for a block; empty: each layer with a weight matrix")
          .advanced(),
      Entry("curvature.layer_top", IN_RECIPE(curvature.layerTop), "Largest eigenvalues wanted of each scope of layers")
          .range(1, 1000)
          .advanced(),
      {"curvature.trace", IN_RECIPE(curvature.trace), "Estimate the traces of model and layers with standard errors"},
      Entry("curvature.trace_method", IN_RECIPE(curvature.traceMethod),
            "outputs: probes of the outputs, where the network allows it; layers: probes at the layers' outputs, other "
            "ones "
            "for each example; hutch++, hutchinson: Hessian-vector products, which also give the Frobenius norm; auto: "
            "the "
            "first that is possible")
          .oneOf({"auto", "outputs", "layers", "hutch++", "hutchinson"})
          .advanced(),
      Entry("curvature.trace_tolerance", IN_RECIPE(curvature.traceTolerance),
            "Stop when the trace's standard error is below this share of it")
          .above(0, 1)
          .advanced(),
      Entry("curvature.trace_probes", IN_RECIPE(curvature.traceProbes), "Most random probes of a trace")
          .range(2, many)
          .advanced(),
      {"curvature.density", IN_RECIPE(curvature.density),
       "Estimate the spectral density (stochastic Lanczos quadrature)"},
      Entry("curvature.density_probes", IN_RECIPE(curvature.densityProbes), "Random probes of the density")
          .range(1, many)
          .advanced(),
      Entry("curvature.density_nodes", IN_RECIPE(curvature.densityNodes), "Lanczos steps of each probe")
          .range(2, 1000)
          .advanced(),
      Entry("curvature.density_width", IN_RECIPE(curvature.densityWidth),
            "Standard deviation of the smoothing, as a share of the spectrum's width")
          .range(kNarrowestSmoothing, 1)
          .advanced(),
      Entry("curvature.sharpness_epsilon", IN_RECIPE(curvature.sharpnessEpsilon),
            "Find how far the loss rises within this share of each weight (Keskar et al. take 1e-3); 0: do not")
          .range(0, 1)
          .advanced(),
      Entry("curvature.overhead", IN_RECIPE(curvature.overhead),
            "Write what curvature costs beside training, epoch by epoch (overhead.csv)")
          .advanced(),
  };
}

std::vector<Entry> quantizationEntries() {
  return {
      Entry("quantization.bits", IN_RECIPE(quantization.bits), "Bit widths to compare").range(2, 8),
      Entry("quantization.granularity", IN_RECIPE(quantization.granularity), "Weights that share a scale")
          .oneOf({"tensor", "channel", "group"}),
      Entry("quantization.sensitivity", IN_RECIPE(quantization.sensitivity),
            "A sensitivity.csv to use instead of computing one; without data and model only bits are allocated")
          .path()
          .advanced(),
      {"quantization.limits", IN_RECIPE(quantization.limits),
       "Limits that bits are allocated under, each by itself: size, bops or latency = share of the way from all layers "
       "at the lowest to all at the highest width; \"size=0.5,bops=0.7\" holds both at once"},
      Entry("quantization.frontier", IN_RECIPE(quantization.frontier),
            "The cost whose whole frontier against Ω is found (pareto.csv)")
          .oneOf({"size", "bops"})
          .advanced(),
      Entry("quantization.settings", IN_RECIPE(quantization.settings),
            "A bits.json whose settings stand beside those of the limits, as given-NAME, and are measured as they are")
          .path()
          .advanced(),
      Entry("quantization.frontier_points", IN_RECIPE(quantization.frontierPoints),
            "Settings of the frontier whose loss and accuracy are measured on the test split; 0: none")
          .range(0, 1000),
      Entry("quantization.landscapes", IN_RECIPE(quantization.landscapes),
            "A setting (a limit such as size=0.5, uniform-4, or given-NAME of quantization.settings) at which each "
            "profile and surface is evaluated once more, at the last epoch, with the network quantized; empty: none")
          .advanced(),
  };
}

/// How layers are quantized, measured and fine-tuned.
std::vector<Entry> quantizerEntries() {
  return {
      Entry("quantization.scheme", IN_RECIPE(quantization.scheme),
            "Levels of weights: the same on both sides of 0, or with a zero point; inputs always have one")
          .oneOf({"symmetric", "asymmetric"})
          .advanced(),
      Entry("quantization.range", IN_RECIPE(quantization.range),
            "What the outermost levels stand for: the largest value, a percentile, or what fits best (mse)")
          .oneOf({"max", "percentile", "mse"}),
      Entry("quantization.percentile", IN_RECIPE(quantization.percentile), "Of quantization.range = \"percentile\"")
          .range(50, 100)
          .advanced(),
      Entry("quantization.group", IN_RECIPE(quantization.group),
            "Output channels that share a scale with quantization.granularity = \"group\"")
          .range(1, 1e6)
          .advanced(),
      Entry("quantization.fold_batch_norm", IN_RECIPE(quantization.foldBatchNorm),
            "Quantize kernels with the BatchNorm behind them folded in, as HAWQ-V3 does; with a scale per channel it "
            "is the same network")
          .advanced(),
      Entry("quantization.activation_bits", IN_RECIPE(quantization.activationBits),
            "Bits of the layers' inputs: float, the same as of the layer's weights, or so many")
          .oneOf({"float", "same", "2", "3", "4", "5", "6", "7", "8"}),
      Entry("quantization.calibration_samples", IN_RECIPE(quantization.calibrationSamples),
            "Training examples that show the range of the layers' inputs; 0: all")
          .range(0, unlimited)
          .advanced(),
      Entry("quantization.first_last_bits", IN_RECIPE(quantization.firstLastBits),
            "Least bits of the first and the last layer in a setting; 0: as any other layer")
          .range(0, 8)
          .advanced(),
      {"quantization.methods", IN_RECIPE(quantization.methods),
       "Sensitivities to compute: v1 (largest eigenvalue / n), v2 (mean trace × perturbation), qbert (mean and spread "
       "of "
       "the largest eigenvalue over shares of the data), measured (loss with one layer quantized)"},
      Entry("quantization.shares", IN_RECIPE(quantization.shares), "Shares of the examples for the method qbert")
          .range(2, 1000)
          .advanced(),
      Entry("quantization.samples", IN_RECIPE(quantization.samples),
            "First N examples that the method measured takes the loss on; 0: all of curvature.split")
          .range(0, unlimited)
          .advanced(),
      Entry("quantization.finetune", IN_RECIPE(quantization.finetune),
            "Training of the quantized network: none, all layers at once, or block by block, the most sensitive first")
          .oneOf({"none", "all", "blocks"}),
      Entry("quantization.finetune_epochs", IN_RECIPE(quantization.finetuneEpochs), "Epochs of fine-tuning")
          .range(1, 1e6)
          .advanced(),
      Entry("quantization.finetune_learning_rate", IN_RECIPE(quantization.finetuneLearningRate),
            "Learning rate of the first epoch of fine-tuning; it falls as a cosine")
          .above(0, 1e4)
          .advanced(),
  };
}

/// The keys of [[profile]] and [[surface]], without the section.
std::vector<Entry> landscapeEntries() {
  const double many = 1e6;
  return {
      {"name", IN_ENTRY(name), "Name of the figure and of its rows; becomes part of file names"},
      {"x", IN_ENTRY(x),
       "Direction: eigenvector:K (K<0: from the bottom) or eigenvector:K@LAYER, random:SEED, gradient, pca:K of the "
       "trajectory, "
       "toward:CHECKPOINT (1: there) or tensor:FILE#NAME"},
      {"y", IN_ENTRY(y), "Second direction, as x"},
      Entry("range", IN_ENTRY(range), "From where to where along each direction; []: found by a first pass")
          .range(-1e6, 1e6)
          .length(2)
          .orEmpty("a range that a first pass finds"),
      Entry("points", IN_ENTRY(points), "Points along each direction").range(2, 10001),
      Entry("normalization", IN_ENTRY(normalization), "Scale directions by the weights' norms, per filter or layer")
          .oneOf({"none", "filter", "layer"}),
      Entry("split", IN_ENTRY(split), "Examples to evaluate on").oneOf({"train", "test", "both"}),
      Entry("samples", IN_ENTRY(samples), "First N examples of each split; 0: all").range(0, unlimited),
      Entry("batch_size", IN_ENTRY(batchSize), "Examples per forward pass").range(1, many).advanced(),
      Entry("batch_norm", IN_ENTRY(batchNorm),
            "eval: stored statistics; reestimate: estimated anew at each point, from the training examples")
          .oneOf({"eval", "reestimate"})
          .advanced(),
      Entry("every", IN_ENTRY(every), "Epochs between evaluations; 0: the last epoch alone").range(0, many),
      Entry("curvature_map", IN_ENTRY(curvatureMap),
            "Points along each direction at which the Hessian's λ_min and λ_max are found, on curvature.samples "
            "examples; 0: none")
          .range(0, 1001)
          .advanced(),
      Entry("scale", IN_ENTRY(scale), "Height and colours in figures; auto: log where losses span 1.5 decades")
          .oneOf({"auto", "linear", "log"})
          .advanced(),
      Entry("clip", IN_ENTRY(clip), "Figures draw losses above this at it, and say how many; 0: all as they are")
          .range(0, 1e9)
          .advanced(),
  };
}

#undef IN_RECIPE
#undef IN_ENTRY

std::vector<Field> makeTable() {
  std::vector<Field> table;
  for (const auto& entry : plainEntries()) table.push_back(entry.field());
  for (const char* section : {"profile", "surface"}) {
    for (const auto& entry : landscapeEntries()) {
      Field field = entry.field();
      const std::set<std::string> ofSurfaces{"y", "curvature_map", "scale", "clip"};
      if (ofSurfaces.contains(field.key) && std::string(section) == "profile") continue;
      field.key = std::string(section) + "." + field.key;
      table.push_back(std::move(field));
    }
  }
  for (const auto& entry : quantizationEntries()) table.push_back(entry.field());
  for (const auto& entry : quantizerEntries()) table.push_back(entry.field());
  for (Field& field : table) removeUnavailable(field.key, field.choices);
  return table;
}

std::string number(double value) {
  const std::string text = literal(Slot(&value));
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string rangeText(const Field& field) {
  if (field.low >= field.high) return "";
  const std::string low = number(field.low);
  if (field.high >= unlimited) return (field.lowOpen ? " greater than " : " of at least ") + low;
  if (field.lowOpen) return " greater than " + low + ", up to " + number(field.high);
  return " from " + low + " to " + number(field.high);
}

std::string typeOf(const Slot& slot) {
  static const char* const names[] = {"true/false",      "integer",          "number",       "text",
                                      "list of numbers", "list of integers", "list of texts"};
  return names[slot.index()];
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

const std::vector<Field>& recipeFields() {
  static const std::vector<Field> table = makeTable();
  return table;
}

const Field* findField(std::string_view key) {
  const auto& table = recipeFields();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Field& field) { return field.key == key; });
  return found == table.end() ? nullptr : &*found;
}

std::string Field::section() const {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string Field::typeName() const {
  SlotHolder holder(*this);
  return typeOf(holder.slot());
}

std::string Field::accepted() const {
  SlotHolder holder(*this);
  const std::string count = length > 0 ? std::to_string(length) + " " : "a list of ";
  switch (holder.slot().index()) {
    case 0:
      return "true or false";
    case 1:
      return "an integer" + rangeText(*this);
    case 2:
      return "a number" + rangeText(*this);
    case 3:
      break;
    case 4:
      return count + "numbers" + (low < high ? ", each" + rangeText(*this) : "") +
             (emptyMeans.empty() ? "" : ", or [] for " + emptyMeans);
    case 5:
      return count + "integers" + (low < high ? ", each" + rangeText(*this) : "");
    default:
      return "a list of texts";
  }
  if (!choices.empty()) return choices.size() == 1 ? choices.front() : "one of " + joined(choices);
  if (isPath) return "a path, or empty";
  if (isEntry() && (key.ends_with(".x") || key.ends_with(".y")))
    return "eigenvector:K, random:SEED, gradient, pca:K, toward:CHECKPOINT or tensor:FILE#NAME";
  if (isEntry()) return "letters, digits, '-', '_' or '.'";
  return "text";
}

}  // namespace eigenscape
