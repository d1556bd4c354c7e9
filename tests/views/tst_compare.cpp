// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <set>

#include "support/plots.h"
#include "views/compare_figure.h"
#include "views/comparison.h"
#include "views/overlay_figure.h"
#include "views/surface.h"

using namespace eigenscape;

namespace {

ComparedRuns two(int every = 1) {
  sample::Options first = plots::curvature(), second = plots::curvature();
  first.points = second.points = 9;
  second.surfaceSpan = 3;
  second.every = every;
  return {{sample::shared(first), QStringLiteral("small")}, {sample::shared(second), QStringLiteral("large")}};
}

std::unique_ptr<CompareFigure> comparison(const FigureId& id, const ComparedRuns& runs, std::int64_t epoch) {
  auto figure = std::make_unique<CompareFigure>(id);
  figure->resize(900, 500);
  figure->showRuns(runs, epoch);
  return figure;
}

const PlotFigure& plotOf(const CompareFigure& figure, std::size_t part) {
  return *qobject_cast<PlotFigure*>(figure.parts().at(part));
}

QString plain(QString text) {
  return text.replace(QChar(0xA0), ' ').replace(QChar(0x202F), ' ');
}

}  // namespace

class TestCompare : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void runsKeepTheirColours() {
    const auto runs = two();
    const auto figure = comparison({"training", {}}, runs, 6);
    QVERIFY(figure->isOverlay());
    QCOMPARE(figure->parts().size(), std::size_t(2));
    std::set<QRgb> colours;
    for (const char* name : {"small", "large"}) {
      auto* train = plots::graph(plotOf(*figure, 0), QStringLiteral("%1: loss, train").arg(name));
      auto* test = plots::graph(plotOf(*figure, 0), QStringLiteral("%1: loss, test").arg(name));
      QVERIFY(train && test);
      QCOMPARE(train->pen().style(), Qt::SolidLine);
      QCOMPARE(test->pen().style(), Qt::DashLine);
      QCOMPARE(train->pen().color(), test->pen().color());
      colours.insert(train->pen().color().rgb());
      const auto accuracy = plots::graph(plotOf(*figure, 1), QStringLiteral("%1: accuracy, train").arg(name));
      QCOMPARE(accuracy->pen().color(), train->pen().color());
    }
    QCOMPARE(colours.size(), std::size_t(2));
    std::vector<double> expected;
    for (const auto& row : runs[1].run->metrics) {
      if (row.split == "test") expected.push_back(row.loss);
    }
    QCOMPARE(plots::values(plotOf(*figure, 0), "large: loss, test"), expected);
  }

  void aRunWithoutTheEpochShowsItsNearestEarlierOne() {
    const auto runs = two(2);
    std::set<std::int64_t> epochs;
    for (const auto& row : runs[1].run->densities) epochs.insert(row.epoch);
    const auto density = comparison({"density", {}}, runs, 5);
    QVERIFY(!epochs.count(5) && epochs.count(4));
    QVERIFY2(plain(density->caption()).contains("“large” shows epoch 4, its last measured before 5"),
             qPrintable(density->caption()));
    QVERIFY(!plain(density->caption()).contains("“small” shows"));
    std::vector<double> expected;
    for (const auto& row : runs[1].run->densities) {
      if (row.epoch == 4 && row.split == "train" && row.scope == "model") expected.push_back(row.density);
    }
    QVERIFY(!expected.empty());
    const auto drawn = plots::values(plotOf(*density, 0), "large: train");
    QCOMPARE(drawn.size(), expected.size());
    QCOMPARE(*std::max_element(drawn.begin(), drawn.end()), *std::max_element(expected.begin(), expected.end()));
  }

  void contoursShareColoursAndAxes() {
    auto runs = two();
    // The second run was measured farther out.
    auto wider = *runs[1].run;
    for (auto& row : wider.surfaces) row.alpha *= 2;
    runs[1].run = std::make_shared<const RunResults>(wider);
    const auto figure = comparison({"contour", "e1-e2"}, runs, 6);
    QVERIFY(!figure->isOverlay());
    const auto &first = plotOf(*figure, 0), &second = plotOf(*figure, 1);
    auto *left = plots::plottables<QCPColorMap>(first).at(0), *right = plots::plottables<QCPColorMap>(second).at(0);
    QCOMPARE(left->dataRange(), right->dataRange());
    QCOMPARE(plots::axis(first, QCPAxis::atBottom)->range(), plots::axis(second, QCPAxis::atBottom)->range());
    QVERIFY(plots::axis(first, QCPAxis::atBottom)->range().upper > 1.5);
    // Moving one moves the other.
    plots::axis(first, QCPAxis::atBottom)->setRange(-0.25, 0.25);
    first.plot()->replot();
    QCOMPARE(plots::axis(second, QCPAxis::atBottom)->range(), QCPRange(-0.25, 0.25));
    figure->resetView();
    QVERIFY(plots::axis(second, QCPAxis::atBottom)->range().upper > 1.5);
  }

  void theCaptionSaysWhatElseDiffers() {
    auto runs = two();
    runs[1].rest = "momentum = 0.2";
    for (const char* kind : {"contour", "training"}) {
      const auto figure = comparison({kind, kind == std::string("contour") ? "e1-e2" : ""}, runs, 6);
      QVERIFY2(plain(figure->caption()).contains("“large”: momentum = 0.2."), qPrintable(figure->caption()));
    }
  }

  void aZoomOutlivesEpochsAndNewRows() {
    const auto runs = two();
    for (const char* kind : {"contour", "training"}) {
      const auto figure = comparison({kind, kind == std::string("contour") ? "e1-e2" : ""}, runs, 6);
      const auto shown = [&](std::size_t part) {
        return plots::axis(plotOf(*figure, part), QCPAxis::atBottom)->range();
      };
      const QCPRange whole = shown(0), closer(whole.center() - whole.size() / 8, whole.center() + whole.size() / 8);
      plots::axis(plotOf(*figure, 0), QCPAxis::atBottom)->setRange(closer);
      plotOf(*figure, 0).plot()->replot();
      figure->showRuns(runs, 5);
      figure->showRuns({{std::make_shared<const RunResults>(*runs[0].run), runs[0].name}, runs[1]}, 5);
      QCOMPARE(shown(0), closer);
      if (!figure->isOverlay()) QCOMPARE(shown(1), closer);
      figure->resetView();
      QCOMPARE(shown(0), whole);
    }
  }

  void whatNobodyMovedFollowsTheRuns() {
    auto runs = two();
    const auto figure = comparison({"contour", "e1-e2"}, runs, 6);
    const double before = plots::axis(plotOf(*figure, 0), QCPAxis::atBottom)->range().upper;
    auto wider = *runs[1].run;
    for (auto& row : wider.surfaces) row.alpha *= 2;
    runs[1].run = std::make_shared<const RunResults>(wider);
    figure->showRuns(runs, 6);
    for (std::size_t part : {0, 1})
      QVERIFY(plots::axis(plotOf(*figure, part), QCPAxis::atBottom)->range().upper > 1.5 * before);
    figure->showRuns(two(), 6);
    QCOMPARE(plots::axis(plotOf(*figure, 0), QCPAxis::atBottom)->range().upper, before);
  }

  void curvatureMapsShareTheirColours() {
    auto runs = two();
    for (std::size_t i = 0; i < 2; ++i) {
      auto run = *runs[i].run;
      run.surfaces.clear();
      for (const auto& row : runs[i].run->surfaces) {
        run.surfaces.push_back(row);
        if (row.split == "train")
          run.curvatureMap.push_back(
              {row.name, row.epoch, row.alpha, row.beta, "train", i == 0 ? -1.0 : -8.0, 10, 0.001, true, 12});
      }
      // Of an epoch that is not shown: it counts where all epochs have one scale.
      run.curvatureMap.push_back({"e1-e2", 0, 0, 0, "train", -9.0, 10, 0.001, true, 12});
      runs[i].run = std::make_shared<const RunResults>(run);
    }
    const auto figure = comparison({"curvature-map", "e1-e2"}, runs, 6);
    const auto highest = [&](std::size_t part) {
      return plots::plottables<QCPColorMap>(plotOf(*figure, part)).at(0)->dataRange().upper;
    };
    QCOMPARE(highest(0), 0.8);
    QCOMPARE(highest(1), 0.8);
    figure->setSharedScale(true);
    QCOMPARE(highest(0), 0.9);
    QCOMPARE(highest(1), 0.9);
  }

  /// Where losses are clipped depends on their median, which a run that counted twice would move.
  void oneDivergedRunClipsAllAlike() {
    auto runs = two();
    for (std::size_t i = 0; i < 2; ++i) {
      auto run = *runs[i].run;
      for (auto& row : run.surfaces) row.loss = i == 0 ? 1 + 0.1 * row.alpha : 1e7 * (2 + row.alpha);
      runs[i].run = std::make_shared<const RunResults>(run);
    }
    const auto figure = comparison({"contour", "e1-e2"}, runs, 6);
    auto *left = plots::plottables<QCPColorMap>(plotOf(*figure, 0)).at(0),
         *right = plots::plottables<QCPColorMap>(plotOf(*figure, 1)).at(0);
    QCOMPARE(left->dataRange(), right->dataRange());
  }

  void theFirstRunChoosesTheHeight() {
    auto runs = two();
    auto first = *runs[0].run;
    double highest = 0;
    for (const auto& row : runs[1].run->surfaces) highest = std::max(highest, row.loss);
    for (auto& one : first.info.landscapes) one.clip = highest / 2, one.scale = "log";
    runs[0].run = std::make_shared<const RunResults>(first);
    const auto contours = comparison({"contour", "e1-e2"}, runs, 6);
    for (std::size_t part : {0, 1}) {
      auto* map = plots::plottables<QCPColorMap>(plotOf(*contours, part)).at(0);
      QCOMPARE(map->dataScaleType(), QCPAxis::stLogarithmic);
      QCOMPARE(map->dataRange().upper, highest / 2);
    }
    // The caption counts what is drawn at the top.
    std::size_t clipped = 0;
    for (const auto& row : runs[1].run->surfaces) clipped += row.split == "train" && row.loss > highest / 2;
    QVERIFY(clipped > 0);
    for (const char* kind : {"contour", "surface"}) {
      const QString caption = plain(comparison({kind, "e1-e2"}, runs, 6)->caption());
      QVERIFY2(caption.contains(QStringLiteral("“large”: %1 of 81 points above").arg(clipped)), qPrintable(caption));
    }
  }

  void whatIsLeftOutIsSaid() {
    auto runs = two();
    auto broken = *runs[1].run;
    int left = 3;
    for (auto& row : broken.profiles) {
      if (row.name == "along-e1" && left-- > 0) row.loss = plots::notANumber;
    }
    for (const auto& row : runs[0].run->profiles) QVERIFY(std::isfinite(row.loss));
    runs[1].run = std::make_shared<const RunResults>(broken);
    const QString caption = plain(comparison({"profile", "along-e1"}, runs, 6)->caption());
    QVERIFY2(caption.contains("“large”: 3 points not finite, left out"), qPrintable(caption));
    QVERIFY(!caption.contains("“small”:"));
  }

  void differentOperatorsHaveNoCommonName() {
    auto runs = two();
    const auto label = [&] {
      return plots::axis(plotOf(*comparison({"layers", {}}, runs, 6), 0), QCPAxis::atLeft)->label();
    };
    QVERIFY(label().contains("∇²L"));
    auto other = *runs[1].run;
    other.info.curvatureOperator = "ggn";
    runs[1].run = std::make_shared<const RunResults>(other);
    QVERIFY2(!label().contains("∇²L") && label().contains("the matrix"), qPrintable(label()));
  }

  void overlapsLineUpByEpoch() {
    const auto figure = comparison({"overlap", {}}, two(2), 6);
    const auto cells = [&](std::size_t part) {
      return plots::plottables<QCPColorMap>(plotOf(*figure, part)).at(0)->data();
    };
    QCOMPARE(cells(0)->keySize(), 7);
    QCOMPARE(cells(1)->keySize(), 7);
    for (int epoch = 0; epoch <= 6; ++epoch) {
      QCOMPARE(cells(0)->cell(epoch, epoch), 1.0);
      QCOMPARE(std::isfinite(cells(1)->cell(epoch, epoch)), epoch % 2 == 0);
    }
    QCOMPARE(cells(1)->cell(4, 2), cells(0)->cell(4, 2));
    const QString caption = plain(figure->caption());
    QVERIFY2(caption.contains("“large”: hatched: not measured in this run"), qPrintable(caption));
  }

  // A line would say that something was measured there.
  void gradientsHaveAGapAtALostEpoch() {
    auto runs = two();
    auto lost = *runs[0].run;
    for (auto& row : lost.spectrum) {
      if (row.epoch == 3) row.eigenvalue = row.residual = std::nan("");
    }
    std::erase_if(lost.gradients, [](const GradientRow& row) { return row.epoch == 3; });
    runs[0].run = std::make_shared<const RunResults>(std::move(lost));
    const auto figure = comparison({"gradient", {}}, runs, 6);
    const std::vector<QString> parts{QStringLiteral("share"), QStringLiteral("norm")};
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const auto course = [&](const char* name) {
        return plots::values(plotOf(*figure, part), QStringLiteral("%1: %2, train").arg(name, parts[part]));
      };
      const auto gap = course("small"), whole = course("large");
      QCOMPARE(gap.size(), std::size_t(7));
      QCOMPARE(whole.size(), std::size_t(7));
      for (std::size_t epoch = 0; epoch < 7; ++epoch) {
        QVERIFY(std::isfinite(whole[epoch]));
        QCOMPARE(std::isnan(gap[epoch]), epoch == 3);
      }
    }
  }

  void camerasAreLinked() {
    const auto figure = comparison({"surface", "e1-e2"}, two(), 6);
    auto *first = qobject_cast<SurfaceFigure*>(figure->parts().at(0)),
         *second = qobject_cast<SurfaceFigure*>(figure->parts().at(1));
    QVERIFY(first && second);
    first->setView({30, 50, 1.5});
    QCOMPARE(second->view(), first->view());
    second->resetView();
    QCOMPARE(first->view(), SurfaceView());
    QCOMPARE(figure->formats(), (QStringList{"png", "csv"}));
  }

  void everyCommonFigureIsDrawn() {
    const auto runs = two();
    const auto ids = commonFigures(runs);
    QVERIFY(ids.size() > 12);
    for (const auto& id : ids) {
      if (id.kind.startsWith("surface")) continue;  // a machine may have no OpenGL
      const auto figure = comparison(id, runs, 6);
      for (std::size_t i = 0; i < figure->parts().size(); ++i)
        QVERIFY2(plotOf(*figure, i).emptyMessage().isEmpty(), qPrintable(id.fileStem()));
      QVERIFY2(!figure->picture({}).isNull(), qPrintable(id.fileStem()));
    }
  }

  void onlyCommonFiguresAreCompared() {
    auto runs = two();
    auto less = *runs[1].run;
    less.densities.clear();
    runs[1].run = std::make_shared<const RunResults>(less);
    const auto ids = commonFigures(runs);
    QVERIFY(std::none_of(ids.begin(), ids.end(), [](const FigureId& id) { return id.kind == "density"; }));
    runs[1].run = std::make_shared<const RunResults>();
    QVERIFY(commonFigures(runs).empty());
  }

  void tablesHaveARunColumn() {
    auto runs = two();
    runs[1].name = QStringLiteral("lr = 0.1, batch = 2");
    const QTemporaryDir folder;
    const auto file = std::filesystem::path(folder.path().toStdString()) / "t.csv";
    const auto figure = comparison({"training", {}}, runs, 6);
    figure->exportTo(file, {});
    QFile text(QString::fromStdString(file.string()));
    QVERIFY(text.open(QIODevice::ReadOnly));
    const auto lines = QString::fromUtf8(text.readAll()).trimmed().split('\n');
    QCOMPARE(lines.first(), "run," + QString::fromStdString(headerOf<MetricRow>()));
    QCOMPARE(std::size_t(lines.size()), 1 + runs[0].run->metrics.size() + runs[1].run->metrics.size());
    QCOMPARE(lines.at(1), "small," + QString::fromStdString(toCsv(runs[0].run->metrics.front())));
    QVERIFY(lines.last().startsWith("\"lr = 0.1, batch = 2\","));
  }

  void partsThatDifferStandInTheirOrder() {
    auto runs = two();
    auto other = *runs[1].run;
    other.info.seed = runs[0].run->info.seed + 1;
    runs[1].run = std::make_shared<const RunResults>(other);
    const QString caption = plain(comparison({"training", {}}, runs, 6)->caption());
    QVERIFY2(caption.contains(QStringLiteral("seed %1 / %2").arg(runs[0].run->info.seed).arg(other.info.seed)),
             qPrintable(caption));
    QCOMPARE(caption.count("parameters"), 1);
  }

  // A flat run beside a steep one: by itself it would have a linear axis, and other units.
  void profilesAndFrontiersStandOnOneScale() {
    auto steep = std::make_shared<RunResults>(sample::run()), flat = std::make_shared<RunResults>(*steep);
    for (auto& row : steep->profiles) row.loss = 0.1 * std::exp(8 * std::abs(row.alpha));
    for (auto& row : flat->profiles) row.loss = 2 + 0.1 * std::abs(row.alpha);
    for (int i = 1; i <= 5; ++i) {
      steep->pareto.push_back({i, i * 3e6, i * 1e9, 10.0 / (i * i * i * i), std::nan(""), std::nan("")});
      flat->pareto.push_back({i, i * 3e4, i * 1e7, 2 - 0.1 * i, std::nan(""), std::nan("")});
    }
    for (const char* kind : {"profiles", "frontier"}) {
      const auto figure = comparison({kind, {}}, {{steep, "steep"}, {flat, "flat"}}, 10);
      QCOMPARE(figure->parts().size(), std::size_t(2));
      QVERIFY2(plotOf(*figure, 0).axisRanges() == plotOf(*figure, 1).axisRanges(), kind);
      QCOMPARE(plots::axis(plotOf(*figure, 1), QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
      for (const auto side : {QCPAxis::atBottom, QCPAxis::atLeft})
        QCOMPARE(plots::axis(plotOf(*figure, 1), side)->label(), plots::axis(plotOf(*figure, 0), side)->label());
    }
  }

  void allProfilesInOneFigure() {
    const auto run = sample::run();
    const auto ids = availableFigures(run);
    QVERIFY(std::find(ids.begin(), ids.end(), FigureId{"profiles", {}}) != ids.end());
    const auto figure = plots::figureOf("profiles", run, 10);
    QVERIFY(plots::graph(*figure, "along-e1, train") && plots::graph(*figure, "random, train"));
    QVERIFY(plots::graph(*figure, "along-e1, train")->pen().color() !=
            plots::graph(*figure, "random, train")->pen().color());
    auto* parabola = plots::graph(*figure, "parabola, along-e1");
    QVERIFY(parabola && !plots::graph(*figure, "parabola, random"));
    QCOMPARE(parabola->pen().style(), Qt::DashDotLine);
    QCOMPARE(parabola->pen().color(), plots::graph(*figure, "along-e1, train")->pen().color());
    QVERIFY(parabola->pen().widthF() < plots::graph(*figure, "along-e1, train")->pen().widthF());
    const auto data = parabola->data();
    const double middle = data->findBegin(0, false)->value, end = (data->constEnd() - 1)->value,
                 alpha = (data->constEnd() - 1)->key;
    double lambda = 0;
    for (const auto& row : run.spectrum) {
      if (row.epoch == 10 && row.index == 1 && row.split == "train" && row.scope == "model") lambda = row.eigenvalue;
    }
    QVERIFY(std::abs(end - middle - lambda * alpha * alpha / 2) < 1e-9 * (1 + std::abs(end)));
  }
};

QTEST_MAIN(TestCompare)
#include "tst_compare.moc"
