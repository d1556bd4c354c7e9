// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <stdexcept>

#include "core/landscape/directions.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

torch::Tensor rowNorms(const torch::Tensor& tensor) {
  return tensor.detach().to(torch::kFloat64).flatten(1).square().sum(1).sqrt();
}

}  // namespace

class TestDirections : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void parses();
  void refuses_data();
  void refuses();
  void filterNormsEqualTheModels();
  void layerNormsEqualTheModels();
  void withoutNormalization();
  void dependsOnTheSeedAlone();
  void rescalesAnyDirection();
};

void TestDirections::parses() {
  QVERIFY(parseDirection("gradient").kind == DirectionSpec::Kind::Gradient);
  const auto top = parseDirection("eigenvector:2"), bottom = parseDirection("eigenvector:-1");
  QVERIFY(top.kind == DirectionSpec::Kind::Eigenvector && bottom.kind == DirectionSpec::Kind::Eigenvector);
  QCOMPARE(top.index, 2);
  QCOMPARE(bottom.index, -1);
  const auto random = parseDirection("random:18446744073709551615");
  QVERIFY(random.kind == DirectionSpec::Kind::Random);
  QCOMPARE(random.seed, 18446744073709551615U);
  const auto component = parseDirection("pca:2"), toward = parseDirection("toward:a/b:c.pt");
  QVERIFY(component.kind == DirectionSpec::Kind::Principal && component.index == 2);
  QVERIFY(toward.kind == DirectionSpec::Kind::Toward);
  QCOMPARE(toward.file, std::string("a/b:c.pt"));
  const auto tensor = parseDirection("tensor:d.safetensors#eigenvector:1"),
             only = parseDirection("tensor:d.safetensors");
  QVERIFY(tensor.kind == DirectionSpec::Kind::Tensor && only.kind == DirectionSpec::Kind::Tensor);
  QCOMPARE(tensor.file, std::string("d.safetensors"));
  QCOMPARE(tensor.name, std::string("eigenvector:1"));
  QVERIFY(only.name.empty());
  // A run stores a direction by its text, which may be a tensor of another file.
  const auto stored = parseDirection("tensor:run/d.safetensors#tensor:/x/e.safetensors#v"),
             odd = parseDirection("tensor:a#b.bin#v");
  QCOMPARE(stored.file, std::string("run/d.safetensors"));
  QCOMPARE(stored.name, std::string("tensor:/x/e.safetensors#v"));
  QCOMPARE(odd.file, std::string("a#b.bin"));
  QCOMPARE(odd.name, std::string("v"));
}

void TestDirections::refuses_data() {
  QTest::addColumn<QString>("text");
  for (const char* text : {"", "eigenvector", "eigenvector:", "eigenvector:0", "eigenvector:x", "eigenvector:1x",
                           "random:-1", "random:", "random:1.5", "Gradient", "gradient:1", "pca", "pca:0", "pca:-1",
                           "toward:", "tensor:", "tensor:#e1", "eigenvector:99999999999999999999"}) {
    QTest::newRow(text) << QString(text);
  }
}

void TestDirections::refuses() {
  QFETCH(QString, text);
  try {
    parseDirection(text.toStdString());
    QFAIL("accepted");
  } catch (const std::invalid_argument& error) {
    const std::string message = error.what();
    QVERIFY(message.find("eigenvector:K") != std::string::npos && message.find("random:SEED") != std::string::npos);
    QVERIFY(message.find("\"" + text.toStdString() + "\"") != std::string::npos);
  }
}

void TestDirections::filterNormsEqualTheModels() {
  const auto model = makeModel("cnn", kShape, 1);
  {
    torch::NoGradGuard noGrad;
    model->parameters().tensors()[0][2].zero_();  // a dead filter
  }
  const auto& space = model->parameters();
  const auto pieces = space.unflatten(randomDirection(*model, 5, Normalization::Filter));
  int filtered = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& weight = space.tensors()[i];
    if (weight.dim() == 1) {
      QCOMPARE(pieces[i].count_nonzero().item<std::int64_t>(), 0);
      continue;
    }
    ++filtered;
    QVERIFY(torch::allclose(rowNorms(pieces[i]), rowNorms(weight), 1e-6, 0));
    const auto cosine = (pieces[i] * weight).sum() / (pieces[i].norm() * weight.norm());
    QVERIFY(std::abs(cosine.item<double>()) < 0.3);  // as long as the weight, yet not the weight
  }
  QCOMPARE(filtered, 5);
  QCOMPARE(pieces[0][2].count_nonzero().item<std::int64_t>(), 0);
}

void TestDirections::layerNormsEqualTheModels() {
  const auto model = makeModel("cnn", kShape, 1);
  const auto& space = model->parameters();
  const auto pieces = space.unflatten(randomDirection(*model, 5, Normalization::Layer));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& weight = space.tensors()[i];
    const auto wanted = weight.dim() == 1 ? 0.0 : rowNorms(weight.flatten().unsqueeze(0)).item<double>();
    QVERIFY(std::abs(rowNorms(pieces[i].flatten().unsqueeze(0)).item<double>() - wanted) <= 1e-6 * wanted);
  }
  QVERIFY(!torch::allclose(rowNorms(pieces[0]), rowNorms(space.tensors()[0]), 1e-3));
}

void TestDirections::withoutNormalization() {
  const auto model = makeModel("mlp", kShape, 1);
  const auto direction = randomDirection(*model, 5, Normalization::None).to(torch::kFloat64);
  QCOMPARE(direction.size(0), model->parameters().dimension());
  QVERIFY(std::abs(direction.norm().item<double>() - 1) < 1e-6);
  // Gaussian: mean 0, kurtosis 3.
  const auto n = static_cast<double>(direction.numel());
  QVERIFY(std::abs(direction.mean().item<double>()) * std::sqrt(n) < 5 / std::sqrt(n));
  QVERIFY(std::abs(direction.pow(4).sum().item<double>() * n - 3) < 0.3);
}

void TestDirections::dependsOnTheSeedAlone() {
  const auto model = makeModel("cnn", kShape, 1);
  for (const auto normalization : {Normalization::None, Normalization::Filter, Normalization::Layer}) {
    const auto direction = randomDirection(*model, 5, normalization);
    torch::manual_seed(3);
    QVERIFY(torch::equal(randomDirection(*model, 5, normalization), direction));
    QVERIFY(!torch::allclose(randomDirection(*model, 6, normalization), direction));
    QCOMPARE(direction.scalar_type(), torch::kFloat32);
    const auto wide = makeModel("cnn", kShape, 1);
    wide->to(torch::kCPU, torch::kFloat64);
    const auto wideDirection = randomDirection(*wide, 5, normalization);
    QCOMPARE(wideDirection.scalar_type(), torch::kFloat64);
    QVERIFY(torch::allclose(wideDirection.to(torch::kFloat32), direction, 1e-5, 1e-7));
  }
}

void TestDirections::rescalesAnyDirection() {
  const auto model = makeModel("mlp", kShape, 1);
  const auto& space = model->parameters();
  const auto ones = torch::ones({space.dimension()});
  QVERIFY(torch::equal(normalizedDirection(*model, ones, Normalization::None), ones));
  const auto pieces = space.unflatten(normalizedDirection(*model, ones, Normalization::Filter));
  // Every element of a row: ‖w‖ / √columns.
  const auto weight = space.tensors()[0];
  const auto expected = (rowNorms(weight) / std::sqrt(double(weight.size(1)))).to(torch::kFloat32).unsqueeze(1);
  QVERIFY(torch::allclose(pieces[0], expected.expand_as(weight), 1e-6, 0));
  // The weights themselves are left alone, but for the biases.
  const auto own = space.unflatten(normalizedDirection(*model, space.flatten(), Normalization::Filter));
  QVERIFY(torch::allclose(own[0], weight, 1e-6, 0));
  QCOMPARE(own[1].count_nonzero().item<std::int64_t>(), 0);
  QVERIFY_EXCEPTION_THROWN(normalizedDirection(*model, torch::ones({3}), Normalization::Filter), std::invalid_argument);
  const auto zero = normalizedDirection(*model, torch::zeros({space.dimension()}), Normalization::Filter);
  QCOMPARE(zero.count_nonzero().item<std::int64_t>(), 0);
}

QTEST_APPLESS_MAIN(TestDirections)
#include "tst_directions.moc"
