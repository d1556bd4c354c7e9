// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "support/plots.h"
#include "views/contour.h"
#include "views/curvature_map.h"
#include "views/surface_data.h"
#include "views/surface_relief.h"

using namespace plots;

namespace {

/// λ_min / λ_max is −(1 + column) / 10 of three by three points.
RunResults mapped() {
  auto run = sample::run();
  run.info.epochs = 10;
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 3; ++i)
      run.curvatureMap.push_back({"e1-e2", 10, i - 1.0, j - 1.0, "train", -1.0 - i, 10, 0.005, true, 12});
  }
  return run;
}

std::unique_ptr<PlotFigure> mapOf(const RunResults& run) {
  auto figure = std::unique_ptr<PlotFigure>(
      static_cast<PlotFigure*>(makeFigure({"curvature-map", QStringLiteral("e1-e2")}).release()));
  figure->resize(640, 480);
  figure->showRun(std::make_shared<const RunResults>(run), 10);
  return figure;
}

}  // namespace

class TestCurvatureMapFigure : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void eachPointIsACellOfItsRatio() {
    const auto figure = mapOf(mapped());
    const auto maps = plottables<QCPColorMap>(*figure);
    QCOMPARE(maps.size(), std::size_t{1});
    for (const double x : {-0.9, -0.3, 0.3, 0.9}) {
      const double cell = x < -0.5 ? 0.1 : x > 0.5 ? 0.3 : 0.2;
      QVERIFY2(near(maps[0]->data()->data(x, 0.1), cell), qPrintable(QString::number(maps[0]->data()->data(x, 0.1))));
    }
    QVERIFY(near(maps[0]->dataRange().upper, 0.3));
    QVERIFY(near(maps[0]->dataRange().lower, 0));
    QCOMPARE(items<HatchedCells>(*figure)[0]->count(), std::size_t{0});
  }

  void whatCannotBeTrustedIsHatchedAndCounted() {
    auto run = mapped();
    run.curvatureMap[0].converged = false;
    run.curvatureMap[4].lambdaMin = run.curvatureMap[4].lambdaMax = notANumber;
    run.curvatureMap[4].converged = false;
    const auto figure = mapOf(run);
    QCOMPARE(items<HatchedCells>(*figure)[0]->count(), std::size_t{2});
    QVERIFY(std::isnan(plottables<QCPColorMap>(*figure)[0]->data()->data(0.01, 0.01)));
    const QString said = captionOf(*figure);
    QVERIFY2(said.contains("1 of 9 points not converged (hatched)"), qPrintable(said));
    QVERIFY2(said.contains("1 of 9 points not finite"), qPrintable(said));
    QVERIFY2(said.contains("residual of 0.01"), qPrintable(said));
    QVERIFY2(said.contains("train (2 048)"), qPrintable(said));
  }

  void itIsAFigureOfRunsThatHaveOne() {
    const auto has = [](const RunResults& run) {
      const auto all = availableFigures(run);
      return std::any_of(all.begin(), all.end(), [](const FigureId& id) { return id.kind == "curvature-map"; });
    };
    QVERIFY(has(mapped()));
    QVERIFY(!has(sample::run()));
  }

  void aChosenScaleIsDrawnAndSaidAsRecipe() {
    ContourFigure contour({"contour", "e1-e2"});
    contour.resize(640, 480);
    sample::Options options;
    options.surfaceSpan = 0.1;
    contour.showRun(sample::shared(options), 10);
    QVERIFY(contour.recipeSettings().isEmpty());
    QVERIFY(!contour.data().scale.logarithmic());
    const double clip = (contour.data().scale.lower() + contour.data().scale.upper()) / 2;
    contour.setHeight(HeightChoice{"log", clip});
    QVERIFY(contour.data().scale.logarithmic());
    QCOMPARE(contour.data().scale.upper(), clip);
    const auto settings = contour.recipeSettings();
    QCOMPARE(settings.size(), 2);
    QCOMPARE(settings[0], QString("surface.e1-e2.scale=log"));
    QCOMPARE(settings[1].section('=', 1).toDouble(), clip);
    QVERIFY2(captionOf(contour).contains("drawn at it"), qPrintable(captionOf(contour)));
    // What the recipe chose needs no assignment.
    auto run = sample::run(options);
    run.info.landscapes.back().scale = "log", run.info.landscapes.back().clip = clip;
    ContourFigure again({"contour", "e1-e2"});
    again.showRun(std::make_shared<const RunResults>(run), 10);
    QVERIFY(again.data().scale.logarithmic());
    QVERIFY(again.recipeSettings().isEmpty());
  }

  void thePathLiesOnTheTriangles() {
    auto data = surfaceData(sample::run(), "e1-e2", 10, "train");
    const SurfaceRelief relief(data);
    const auto& grid = data.grid;
    for (std::size_t k = 0; k < grid.xs.size(); ++k) {
      const auto at = relief.over(grid.xs[k], grid.ys[k]), exact = relief.point(k, k);
      for (std::size_t c = 0; c < 3; ++c) QVERIFY(std::abs(at[c] - exact[c]) < 1e-9);
    }
    QVERIFY(std::isnan(relief.over(2 * grid.xs.back(), 0)[2]));
    // A leg from the middle out of the grid ends at the grid.
    const std::vector<TrajectoryRow> path{{"e1-e2", 0, 3 * grid.xs.back(), 0, 0.5}, {"e1-e2", 1, 0, 0, 0}};
    const auto lines = drapedPath(relief, path);
    QCOMPARE(lines.size(), std::size_t{1});
    QVERIFY(std::abs(lines[0].front()[0] - boxHalf[0]) < 0.1);
    QVERIFY(std::abs(lines[0].back()[0]) < 1e-9);
    // From above nothing is hidden; from the side the far wall of a bowl hides nothing, its near wall the bottom.
    QVERIFY(!relief.hides(lines[0].back(), {0, 0, 7}));
    QVERIFY(relief.hides(lines[0].back(), {7, 0, lines[0].back()[2]}));
  }
};

QTEST_MAIN(TestCurvatureMapFigure)
#include "tst_curvature_map_figure.moc"
