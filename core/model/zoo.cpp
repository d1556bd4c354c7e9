// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <array>
#include <string>
#include <utility>

#include "core/model/layers.h"
#include "core/model/model.h"
#include "core/results/error.h"
#include "core/results/nearest.h"

namespace eigenscape {

namespace {

namespace nn = torch::nn;

class Network : public nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
};

/// Softmax regression: convex, so its Hessian is known in closed form.
class LinearNetwork : public Network {
 public:
  LinearNetwork(Initializer& init, const InputShape& in)
      : linear_(register_module(
            "linear", std::make_shared<Linear>(init, Init::Uniform, in.channels * in.height * in.width, in.classes))) {}
  torch::Tensor forward(const torch::Tensor& x) override { return linear_->forward(x.flatten(1)); }

 private:
  std::shared_ptr<Linear> linear_;
};

class Mlp : public Network {
 public:
  Mlp(Initializer& init, const InputShape& in, std::int64_t first, std::int64_t second) {
    const auto features = in.channels * in.height * in.width;
    const std::array<std::int64_t, 4> widths{features, first, second, in.classes};
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
      layers_.push_back(register_module("fc" + std::to_string(i + 1),
                                        std::make_shared<Linear>(init, Init::Uniform, widths[i], widths[i + 1])));
    }
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    auto y = x.flatten(1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      y = layers_[i]->forward(y);
      if (i + 1 < layers_.size()) y = torch::relu(y);
    }
    return y;
  }

 private:
  std::vector<std::shared_ptr<Linear>> layers_;
};

/// Blocks one after another, named by their number.
template <class Block>
struct Stage : nn::Module {
  std::shared_ptr<Block> add(std::int64_t index, std::shared_ptr<Block> block) {
    return register_module(std::to_string(index), std::move(block));
  }
};

/// A block of MLP-Mixer (Tolstikhin et al., arXiv:2105.01601): the shape of a transformer's block, with an MLP over
/// tokens in the place of attention.
class MixerBlock : public nn::Module {
 public:
  MixerBlock(Initializer& init, std::int64_t tokens, std::int64_t width) {
    norm1_ = register_module("norm1", std::make_shared<LayerNorm>(width));
    token1_ = register_module("token1", std::make_shared<Linear>(init, Init::Uniform, tokens, 2 * width));
    token2_ = register_module("token2", std::make_shared<Linear>(init, Init::Uniform, 2 * width, tokens));
    norm2_ = register_module("norm2", std::make_shared<LayerNorm>(width));
    channel1_ = register_module("channel1", std::make_shared<Linear>(init, Init::Uniform, width, 2 * width));
    channel2_ = register_module("channel2", std::make_shared<Linear>(init, Init::Uniform, 2 * width, width));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    const auto mixed = token2_->forward(torch::gelu(token1_->forward(norm1_->forward(x).transpose(1, 2))));
    const auto y = x + mixed.transpose(1, 2);
    return y + channel2_->forward(torch::gelu(channel1_->forward(norm2_->forward(y))));
  }

 private:
  std::shared_ptr<LayerNorm> norm1_, norm2_;
  std::shared_ptr<Linear> token1_, token2_, channel1_, channel2_;
};

/// Patches of 4×4 pixels as tokens of width 64, four blocks, LayerNorm, mean over the tokens, linear.
class Mixer : public Network {
 public:
  Mixer(Initializer& init, const InputShape& in) {
    if (in.height % kPatch != 0 || in.width % kPatch != 0) {
      throw RecipeError("model.architecture = \"mixer\": images of " + std::to_string(in.height) + "×" +
                        std::to_string(in.width) + " pixels do not divide into patches of 4×4; choose another model");
    }
    constexpr std::int64_t width = 64;
    const auto tokens = in.height / kPatch * (in.width / kPatch);
    embed_ =
        register_module("embed", std::make_shared<Linear>(init, Init::Uniform, in.channels * kPatch * kPatch, width));
    const auto blocks = register_module("blocks", std::make_shared<Stage<MixerBlock>>());
    for (std::int64_t i = 0; i < 4; ++i) {
      blocks_.push_back(blocks->add(i, std::make_shared<MixerBlock>(init, tokens, width)));
    }
    norm_ = register_module("norm", std::make_shared<LayerNorm>(width));
    linear_ = register_module("linear", std::make_shared<Linear>(init, Init::Uniform, width, in.classes));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    // N×C×H×W → N×tokens×(C·4·4), tokens row by row
    const auto patches = x.unfold(2, kPatch, kPatch).unfold(3, kPatch, kPatch).permute({0, 2, 3, 1, 4, 5});
    auto y = embed_->forward(patches.flatten(3).flatten(1, 2));
    for (const auto& block : blocks_) y = block->forward(y);
    return linear_->forward(norm_->forward(y).mean(1));
  }

 private:
  static constexpr std::int64_t kPatch = 4;
  std::shared_ptr<Linear> embed_, linear_;
  std::vector<std::shared_ptr<MixerBlock>> blocks_;
  std::shared_ptr<LayerNorm> norm_;
};

/// Four 3×3 convolutions (16, 32, 32, 64 channels; the second and the fourth halve the image), each with BatchNorm and
/// ReLU; global mean; linear.
class Cnn : public Network {
 public:
  Cnn(Initializer& init, const InputShape& in) {
    constexpr std::array<std::int64_t, 4> channels{16, 32, 32, 64};
    constexpr std::array<std::int64_t, 4> strides{1, 2, 1, 2};
    auto previous = in.channels;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto number = std::to_string(i + 1);
      convolutions_.push_back(register_module(
          "conv" + number,
          std::make_shared<Convolution>(init, Init::KaimingNormal, previous, channels[i], 3, strides[i])));
      norms_.push_back(register_module("bn" + number, std::make_shared<BatchNorm>(channels[i])));
      previous = channels[i];
    }
    linear_ = register_module("linear", std::make_shared<Linear>(init, Init::Uniform, previous, in.classes));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    auto y = channelsLast(x);
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      y = convolveNormalizeRelu(*convolutions_[i], *norms_[i], y);
    }
    return linear_->forward(y.mean({2, 3}));
  }

 private:
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;
  std::shared_ptr<Linear> linear_;
};

/// Basic residual block of He et al. (arXiv:1512.03385); what goes around it is up to the kind of block.
class ResidualBlock : public nn::Module {
 public:
  ResidualBlock(Initializer& init, std::int64_t in, std::int64_t out, std::int64_t stride) {
    conv1_ = register_module("conv1", std::make_shared<Convolution>(init, Init::KaimingNormal, in, out, 3, stride));
    bn1_ = register_module("bn1", std::make_shared<BatchNorm>(out));
    conv2_ = register_module("conv2", std::make_shared<Convolution>(init, Init::KaimingNormal, out, out, 3, 1));
    bn2_ = register_module("bn2", std::make_shared<BatchNorm>(out));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    const auto y = convolveNormalizeRelu(*conv1_, *bn1_, x);
    return convolveNormalizeRelu(*conv2_, *bn2_, y, shortcut(x));
  }

 private:
  virtual torch::Tensor shortcut(const torch::Tensor& x) = 0;

  std::shared_ptr<Convolution> conv1_, conv2_;
  std::shared_ptr<BatchNorm> bn1_, bn2_;
};

/// With the parameter-free shortcut, option A: every second pixel, new channels zero, half of them before and half
/// behind the old ones.
class PaddedBlock : public ResidualBlock {
 public:
  PaddedBlock(Initializer& init, std::int64_t in, std::int64_t out, std::int64_t stride)
      : ResidualBlock(init, in, out, stride), in_(in), out_(out), stride_(stride) {}

 private:
  torch::Tensor shortcut(const torch::Tensor& x) override {
    if (stride_ == 1 && in_ == out_) return x;
    const auto every = x.slice(2, 0, x.size(2), stride_).slice(3, 0, x.size(3), stride_);
    const auto before = (out_ - in_) / 2;
    return torch::constant_pad_nd(every, {0, 0, 0, 0, before, out_ - in_ - before});
  }

  std::int64_t in_, out_, stride_;
};

/// With a 1×1 convolution and BatchNorm on the shortcut where the shape changes, option B.
class ProjectedBlock : public ResidualBlock {
 public:
  ProjectedBlock(Initializer& init, std::int64_t in, std::int64_t out, std::int64_t stride)
      : ResidualBlock(init, in, out, stride) {
    if (stride == 1 && in == out) return;
    const auto shortcut = register_module("shortcut", std::make_shared<nn::Module>());
    projection_ =
        shortcut->register_module("0", std::make_shared<Convolution>(init, Init::KaimingNormal, in, out, 1, stride));
    projectionNorm_ = shortcut->register_module("1", std::make_shared<BatchNorm>(out));
  }

 private:
  torch::Tensor shortcut(const torch::Tensor& x) override {
    return projection_ ? convolveAndNormalize(*projection_, *projectionNorm_, x) : x;
  }

  std::shared_ptr<Convolution> projection_;
  std::shared_ptr<BatchNorm> projectionNorm_;
};

struct ResNetShape {
  std::int64_t width;  ///< channels of the first stage; each further one has twice as many
  int stages;
  std::int64_t blocks;  ///< of each stage
  Init linear;
};

/// ResNet for images of about 32×32: one 3×3 convolution, then stages of blocks, without the stride and the pooling
/// that the first layers have for larger images. Names as in the widely used PyTorch state dicts: conv1, bn1,
/// layer1.0.conv1, …, layer2.0.shortcut.0 (of projected blocks), …, linear.
template <class Block>
class ResNet : public Network {
 public:
  ResNet(Initializer& init, const InputShape& in, const ResNetShape& shape) {
    auto channels = shape.width;
    conv1_ =
        register_module("conv1", std::make_shared<Convolution>(init, Init::KaimingNormal, in.channels, channels, 3, 1));
    bn1_ = register_module("bn1", std::make_shared<BatchNorm>(channels));
    for (int stage = 0; stage < shape.stages; ++stage) {
      const std::int64_t width = shape.width << stage;
      auto layer = register_module("layer" + std::to_string(stage + 1), std::make_shared<Stage<Block>>());
      for (std::int64_t block = 0; block < shape.blocks; ++block) {
        const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
        blocks_.push_back(layer->add(block, std::make_shared<Block>(init, channels, width, stride)));
        channels = width;
      }
    }
    linear_ = register_module("linear", std::make_shared<Linear>(init, shape.linear, channels, in.classes));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    auto y = convolveNormalizeRelu(*conv1_, *bn1_, channelsLast(x));
    for (const auto& block : blocks_) y = block->forward(y);
    return linear_->forward(y.mean({2, 3}));
  }

 private:
  std::shared_ptr<Convolution> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::shared_ptr<Linear> linear_;
};

class ZooModel : public Model {
 public:
  ZooModel(std::string architecture, std::shared_ptr<Network> network, const InputShape& input)
      : architecture_(std::move(architecture)), network_(std::move(network)) {
    network_->train(false);
    rebuildSpace();
    describeLayers(input);
  }

  std::string architecture() const override { return architecture_; }
  torch::Tensor forward(const torch::Tensor& inputs) override { return network_->forward(inputs); }
  void setTraining(bool on) override { network_->train(on); }
  bool isTraining() const override { return network_->is_training(); }

  bool setTransform(std::size_t weightLayer, LayerTransform* transform) override {
    *transforms_.at(weightLayer) = transform;
    return true;
  }

  NamedTensors namedParameters() const override { return items(network_->named_parameters()); }
  NamedTensors namedBuffers() const override { return items(network_->named_buffers()); }
  NamedTensors stateDict() const override {
    NamedTensors state;
    for (const auto& module : network_->named_modules("", false)) {
      append(state, module.key(), module.value()->named_parameters(false));
      append(state, module.key(), module.value()->named_buffers(false));
    }
    return state;
  }

  std::vector<AffineLayer*> affineLayers() const override {
    std::vector<AffineLayer*> layers;
    for (const auto& module : network_->modules(false)) {
      if (auto* layer = dynamic_cast<AffineLayer*>(module.get())) layers.push_back(layer);
    }
    return layers;
  }

  void to(torch::Device device, torch::ScalarType type) override {
    torch::NoGradGuard noGrad;
    for (auto& [name, tensor] : stateDict()) {
      tensor.set_data(tensor.is_floating_point() ? tensor.to(device, type) : tensor.to(device));
    }
    rebuildSpace();
  }

 private:
  static NamedTensors items(const torch::OrderedDict<std::string, torch::Tensor>& tensors) {
    NamedTensors list;
    for (const auto& item : tensors) list.emplace_back(item.key(), item.value());
    return list;
  }
  static void append(NamedTensors& state, const std::string& module,
                     const torch::OrderedDict<std::string, torch::Tensor>& tensors) {
    for (const auto& item : tensors) state.emplace_back(module + "." + item.key(), item.value());
  }

  /// One example is run through, so that each layer knows its multiply-accumulates.
  void describeLayers(const InputShape& input) {
    torch::NoGradGuard noGrad;
    network_->forward(torch::zeros({1, input.channels, input.height, input.width}));
    const auto& entries = parameters().entries();
    for (const auto& module : network_->named_modules("", false)) {
      auto* convolution = dynamic_cast<Convolution*>(module.value().get());
      auto* linear = dynamic_cast<Linear*>(module.value().get());
      if (!convolution && !linear) continue;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].name != module.key() + ".weight") continue;
        weightLayers_.push_back(
            {module.key(), i, convolution ? convolution->macs : linear->macs, convolution != nullptr});
        transforms_.push_back(convolution ? &convolution->transform : &linear->transform);
      }
    }
  }

  std::string architecture_;
  std::shared_ptr<Network> network_;
  std::vector<LayerTransform**> transforms_;  ///< the layers' own pointers, in the order of weightLayers()
};

using Maker = std::shared_ptr<Network> (*)(Initializer&, const InputShape&);

struct Architecture {
  ArchitectureInfo info;
  Maker make;
};

/// With 6n + 2 layers, n being `blocks`.
template <int blocks>
std::shared_ptr<Network> makeResNet(Initializer& init, const InputShape& in) {
  return std::make_shared<ResNet<PaddedBlock>>(init, in, ResNetShape{16, 3, blocks, Init::KaimingNormal});
}

const std::vector<Architecture>& zoo() {
  static const std::vector<Architecture> list{
      {{"linear", "softmax regression: one linear layer (convex)"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<LinearNetwork>(init, in);
       }},
      {{"mlp", "multilayer perceptron: two hidden layers of 64, ReLU"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<Mlp>(init, in, 64, 64);
       }},
      {{"mlp-1m",
        "multilayer perceptron with hidden layers of 300 and 256, ReLU: a million parameters on 32×32 colour"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<Mlp>(init, in, 300, 256);
       }},
      {{"mixer", "MLP-Mixer: 4×4 patches, four transformer-like blocks of width 64 with LayerNorm and GELU"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<Mixer>(init, in);
       }},
      {{"cnn", "small convolutional network: four 3×3 convolutions with BatchNorm, global mean, linear"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<Cnn>(init, in);
       }},
      {{"resnet20", "ResNet-20 for CIFAR (option-A shortcuts), 0.27 million parameters"}, makeResNet<3>},
      {{"resnet32", "ResNet-32 for CIFAR (option-A shortcuts), 0.46 million parameters"}, makeResNet<5>},
      {{"resnet56", "ResNet-56 for CIFAR (option-A shortcuts), 0.85 million parameters"}, makeResNet<9>},
      {{"resnet18", "ResNet-18 for 32×32 images (64 to 512 channels, 1×1 shortcuts), 11.2 million parameters"},
       [](Initializer& init, const InputShape& in) -> std::shared_ptr<Network> {
         return std::make_shared<ResNet<ProjectedBlock>>(init, in, ResNetShape{64, 4, 2, Init::Uniform});
       }},
  };
  return list;
}

}  // namespace

const std::vector<ArchitectureInfo>& architectures() {
  static const std::vector<ArchitectureInfo> infos = [] {
    std::vector<ArchitectureInfo> list;
    for (const auto& architecture : zoo()) list.push_back(architecture.info);
    return list;
  }();
  return infos;
}

std::unique_ptr<Model> makeModel(const std::string& architecture, const InputShape& input, std::uint64_t seed) {
  std::string all;
  std::vector<std::string> names;
  for (const auto& candidate : zoo()) {
    if (candidate.info.name == architecture) {
      Initializer init(seed);
      return std::make_unique<ZooModel>(architecture, candidate.make(init, input), input);
    }
    all += (all.empty() ? "" : ", ") + names.emplace_back(candidate.info.name);
  }
  throw RecipeError("model.architecture = \"" + architecture + "\": " + didYouMean(architecture, names) +
                    "expected one of " + all);
}

}  // namespace eigenscape
