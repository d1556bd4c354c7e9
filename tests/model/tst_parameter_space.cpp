// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/model/model.h"

using namespace eigenscape;

class TestParameterSpace : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void layersAreContiguousRanges() {
    const auto model = makeModel("resnet20", {}, 0);
    const auto& space = model->parameters();
    QCOMPARE(space.dimension(), 269722);
    std::int64_t offset = 0;
    for (const auto& layer : space.layers()) {
      QCOMPARE(layer.offset, offset);
      for (std::size_t i = 0; i < layer.entryCount; ++i) {
        const auto& entry = space.entries()[layer.firstEntry + i];
        QVERIFY(entry.name.starts_with(layer.name + "."));
        QCOMPARE(entry.offset, offset);
        offset += entry.size;
      }
      QCOMPARE(layer.offset + layer.size, offset);
    }
    QCOMPARE(offset, space.dimension());
    QCOMPARE(space.layers().size(), std::size_t{19 + 19 + 1});
  }

  void flatVectorAndParametersAgree() {
    auto model = makeModel("mlp", {1, 4, 4, 3}, 1);
    auto& space = model->parameters();
    const auto flat = torch::arange(space.dimension(), torch::kFloat32);
    space.assign(flat);
    QVERIFY(space.flatten().equal(flat));
    // Row-major order of PyTorch: element [1][2] of the first weight (64×16).
    QCOMPARE(space.tensors()[0][1][2].item<float>(), 18.0F);
    const auto pieces = space.unflatten(flat);
    for (std::size_t i = 0; i < pieces.size(); ++i) QVERIFY(pieces[i].equal(space.tensors()[i]));
    QVERIFY(space.tensors()[0].requires_grad());
  }

  void undefinedPiecesAreZero() {
    auto model = makeModel("linear", {1, 2, 2, 2}, 1);
    const auto flat = model->parameters().flatten({torch::ones({2, 4}), torch::Tensor()});
    QCOMPARE(flat.sum().item<float>(), 8.0F);
    QCOMPARE(flat.size(0), 10);
  }

  void wrongSizeIsRefused() {
    auto model = makeModel("linear", {1, 2, 2, 2}, 1);
    QVERIFY_EXCEPTION_THROWN(model->parameters().assign(torch::zeros({3})), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(model->parameters().unflatten(torch::zeros({10, 1})), std::invalid_argument);
  }
};

QTEST_GUILESS_MAIN(TestParameterSpace)
#include "tst_parameter_space.moc"
