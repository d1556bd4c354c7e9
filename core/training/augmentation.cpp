// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/augmentation.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/training/trainer.h"

namespace eigenscape {

namespace {

/// Spreads (seed, epoch) over all bits (the finalizer of splitmix64), so that neighbouring seeds share no epochs.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t epoch) {
  std::uint64_t z = seed + 0x9e3779b97f4a7c15U * (epoch + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// The share of the image's side that a crop may shift by: 4 pixels of 32.
constexpr std::int64_t kPadShare = 8;

}  // namespace

torch::Tensor augmented(const torch::Tensor& images, const torch::Tensor& padding, const CropsAndFlips& draws) {
  const auto count = images.size(0), channels = images.size(1), height = images.size(2), width = images.size(3);
  const auto paddedHeight = height + 2 * draws.padHeight, paddedWidth = width + 2 * draws.padWidth;
  auto padded = torch::empty({count, channels, paddedHeight, paddedWidth}, images.options());
  if (padding.defined()) {
    padded.copy_(padding.view({1, channels, 1, 1}));
  } else {
    padded.zero_();
  }
  padded.narrow(2, draws.padHeight, height).narrow(3, draws.padWidth, width).copy_(images);

  const auto whole = torch::TensorOptions(torch::kInt64).device(images.device());
  const auto rows = draws.top.view({count, 1}) + torch::arange(height, whole);
  const auto along = torch::arange(width, whole);
  const auto columns =
      draws.left.view({count, 1}) + torch::where(draws.mirrored.view({count, 1}), width - 1 - along, along);
  // One position per pixel serves all channels.
  const auto positions = (rows.unsqueeze(2) * paddedWidth + columns.unsqueeze(1)).view({count, 1, height * width});
  return padded.flatten(2)
      .gather(2, positions.expand({count, channels, height * width}))
      .view({count, channels, height, width});
}

std::int64_t EpochBatches::countOf(std::int64_t examples, std::int64_t batchSize) {
  const auto full = examples / batchSize, left = examples % batchSize;
  // A single example that is left joins the batch before it.
  return left == 0 || (left == 1 && full > 0) ? full : full + 1;
}

EpochBatches::EpochBatches(const Examples& examples, const TrainingOptions& options, std::int64_t epoch)
    : examples_(examples),
      batchSize_(options.batchSize),
      count_(countOf(examples.size(), options.batchSize)),
      augment_(options.augment && examples.inputs.dim() == 4) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixed(options.seed, static_cast<std::uint64_t>(epoch)));
  const auto size = examples.size();
  const auto device = examples.inputs.device();
  order_ = torch::randperm(size, generator, torch::kInt64).to(device);
  if (!augment_) return;
  draws_.padHeight = examples.inputs.size(2) / kPadShare;
  draws_.padWidth = examples.inputs.size(3) / kPadShare;
  const auto draw = [&](std::int64_t values) {
    return torch::randint(0, values, {size}, generator, torch::kInt64).to(device);
  };
  draws_.top = draw(2 * draws_.padHeight + 1);
  draws_.left = draw(2 * draws_.padWidth + 1);
  draws_.mirrored =
      options.flip ? draw(2).to(torch::kBool) : torch::zeros({size}, torch::TensorOptions(torch::kBool).device(device));
}

Examples EpochBatches::batch(std::int64_t index) const {
  const auto begin = index * batchSize_;
  const auto end = index + 1 == count_ ? examples_.size() : begin + batchSize_;
  const auto chosen = order_.narrow(0, begin, end - begin);
  Examples batch{examples_.inputs.index_select(0, chosen), examples_.targets.index_select(0, chosen),
                 examples_.padding};
  if (augment_) {
    const auto pick = [&](const torch::Tensor& draws) { return draws.index_select(0, chosen); };
    batch.inputs =
        augmented(batch.inputs, examples_.padding,
                  {draws_.padHeight, draws_.padWidth, pick(draws_.top), pick(draws_.left), pick(draws_.mirrored)});
  }
  return batch;
}

}  // namespace eigenscape
