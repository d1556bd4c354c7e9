// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include <string>

namespace eigenscape::bench {

/// ResNet-20 as PyTorch users write it: convolution, BatchNorm and ReLU as modules of their own. Parameter and buffer
/// names are the zoo's.
class PlainResNet : public torch::nn::Module {
 public:
  PlainResNet() {
    conv1_ = convolution(*this, "conv1", 3, 16, 1);
    bn1_ = register_module("bn1", torch::nn::BatchNorm2d(16));
    std::int64_t channels = 16;
    for (int stage = 0; stage < 3; ++stage) {
      auto layer = register_module("layer" + std::to_string(stage + 1), torch::nn::Sequential());
      const std::int64_t width = 16 << stage;
      for (int block = 0; block < 3; ++block) {
        const auto made = std::make_shared<Block>(channels, width, block == 0 && stage > 0 ? 2 : 1);
        layer->push_back(made);
        blocks_.push_back(made);
        channels = width;
      }
    }
    linear_ = register_module("linear", torch::nn::Linear(64, 10));
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(bn1_(conv1_(x)));
    for (const auto& block : blocks_) x = block->forward(x);
    return linear_(x.mean({2, 3}));
  }

 private:
  static torch::nn::Conv2d convolution(torch::nn::Module& parent, const std::string& name, std::int64_t in,
                                       std::int64_t out, std::int64_t stride) {
    return parent.register_module(
        name, torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)));
  }

  class Block : public torch::nn::Module {
   public:
    Block(std::int64_t in, std::int64_t out, std::int64_t stride) : stride_(stride), more_(out - in) {
      conv1_ = convolution(*this, "conv1", in, out, stride);
      bn1_ = register_module("bn1", torch::nn::BatchNorm2d(out));
      conv2_ = convolution(*this, "conv2", out, out, 1);
      bn2_ = register_module("bn2", torch::nn::BatchNorm2d(out));
    }
    torch::Tensor forward(const torch::Tensor& x) {
      auto shortcut = x;
      if (stride_ > 1) {
        using torch::indexing::Slice;
        const Slice every(torch::indexing::None, torch::indexing::None, 2);
        shortcut =
            torch::constant_pad_nd(x.index({Slice(), Slice(), every, every}), {0, 0, 0, 0, more_ / 2, more_ / 2});
      }
      return torch::relu(bn2_(conv2_(torch::relu(bn1_(conv1_(x))))) + shortcut);
    }

   private:
    std::int64_t stride_, more_;
    torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
    torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr};
  };

  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  torch::nn::Linear linear_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;
};

}  // namespace eigenscape::bench
