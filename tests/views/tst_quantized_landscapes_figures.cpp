// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "support/plots.h"
#include "views/compare_figure.h"
#include "views/comparison.h"
#include "views/contour.h"
#include "views/contour_pair.h"
#include "views/profile.h"
#include "views/surface.h"
#include "views/surface_data.h"

using namespace plots;

namespace {

/// A caption's numbers and signs have spaces that do not break.
QString plain(QString text) {
  return text.replace(QChar(0xA0), ' ').replace(QChar(0x202F), ' ');
}

}  // namespace

/// Figures of a run that has its landscapes of the quantized network, too.
class TestQuantizedLandscapesFigures : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    run_ = *sample::shared();
    last_ = run_.info.epochs;
    // Quantized, everything is higher by a quarter, and the surface four times as high.
    auto profiles = run_.profiles;
    for (auto& row : profiles) row.epoch = 0;  // evaluated before training, too
    run_.profiles.insert(run_.profiles.end(), profiles.begin(), profiles.end());
    profiles = run_.profiles;
    for (auto row : profiles) {
      if (row.epoch != last_) continue;
      row.name += "@size=0.5";
      row.loss *= 1.25;
      run_.profiles.push_back(row);
    }
    const auto surfaces = run_.surfaces;
    for (auto row : surfaces) {
      if (row.epoch != last_ || row.name != "e1-e2") continue;
      row.name = "e1-e2@size=0.5";
      row.loss *= 4;
      run_.surfaces.push_back(row);
    }
    const auto infos = run_.info.landscapes;
    for (auto info : infos) {
      info.name += "@size=0.5";
      run_.info.landscapes.push_back(info);
    }
    profile_ = QString::fromStdString(run_.profiles.front().name);
    QVERIFY(profileNames(run_) == profileNames(*sample::shared()));
  }

  void namesAreThoseOfFiles() {
    QStringList stems;
    for (const auto& id : availableFigures(run_)) stems << id.fileStem();
    for (const char* stem : {"surface-e1-e2@size=0.5", "contour-e1-e2@size=0.5", "surface-quantized-e1-e2@size=0.5",
                             "contour-quantized-e1-e2@size=0.5"})
      QVERIFY2(stems.contains(stem), qPrintable(stems.join(' ')));
    QVERIFY(!stems.contains("surface-quantized-e1-e2"));
    // A profile's lies over that of the network in floating point.
    QCOMPARE(stems.filter("profile-").filter("@").size(), 0);
    QCOMPARE(stems.removeDuplicates(), 0);
    QCOMPARE(FigureId({"contour", "a@size=0.5, bops=0.7"}).fileStem(), QString("contour-a@size=0.5,_bops=0.7"));
    QCOMPARE(FigureId({"contour", "a/b\\c:d"}).fileStem(), QString("contour-a_b_c_d"));
  }

  void profilesLieOverOneAnother() {
    ProfileFigure figure({"profile", profile_});
    figure.resize(640, 480);
    figure.showRun(std::make_shared<const RunResults>(run_), last_);
    const auto whole = values(figure, "loss, train"), quantized = values(figure, "size=0.5, train");
    QVERIFY(whole.size() > 3);
    QCOMPARE(quantized.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) QCOMPARE(quantized[i], 1.25 * whole[i]);
    QVERIFY(axis(figure, QCPAxis::atLeft)->range().contains(*std::max_element(quantized.begin(), quantized.end())));
    // A colour for each network, a kind of line for each split, and all of them in the legend.
    QVERIFY(graph(figure, "loss, train")->pen().color() != graph(figure, "size=0.5, train")->pen().color());
    QCOMPARE(graph(figure, "loss, test")->pen().style(), graph(figure, "size=0.5, test")->pen().style());
    int entries = 0;
    for (int i = 0; i < figure.plot()->graphCount(); ++i) {
      const auto* one = figure.plot()->graph(i);
      entries += one->name().contains("size=0.5") && figure.plot()->axisRect(0) && one->name().startsWith("loss");
    }
    QCOMPARE(entries, 2);
    QStringList legend;
    for (auto* element : figure.plot()->plotLayout()->elements(true)) {
      if (auto* item = qobject_cast<QCPPlottableLegendItem*>(element)) legend << item->plottable()->name();
    }
    for (const char* name : {"loss, train", "loss, test", "loss, train, size=0.5", "loss, test, size=0.5"})
      QVERIFY2(legend.contains(name), qPrintable(legend.join("; ")));
    QTemporaryDir folder;
    figure.exportTo(folder.filePath("p.csv").toStdString(), {});
    QFile csv(folder.filePath("p.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    QVERIFY(csv.readAll().contains((profile_ + "@size=0.5,").toUtf8()));
    // Of the epochs before, there is none to show.
    figure.showRun(std::make_shared<const RunResults>(run_), 0);
    QVERIFY(values(figure, "size=0.5, train").empty());
  }

  void surfacesHaveOneScale() {
    const auto data = [&](const QString& name, const QString& beside) {
      return surfaceData(run_, name, last_, "train", false, {}, {}, beside);
    };
    const auto whole = data("e1-e2", "e1-e2@size=0.5"), quantized = data("e1-e2@size=0.5", "e1-e2");
    QCOMPARE(whole.scale.upper(), quantized.scale.upper());
    QCOMPARE(whole.scale.lower(), quantized.scale.lower());
    QCOMPARE(whole.levels, quantized.levels);
    QVERIFY(whole.scale.upper() != data("e1-e2", {}).scale.upper());
    QVERIFY(quantized.heading.contains("size=0.5") && !whole.heading.contains("size=0.5"));
    QVERIFY(heightSettings(surfaceData(run_, "e1-e2@size=0.5", last_, "train", false, {}, HeightChoice{"log", 3}))
                .contains("surface.e1-e2.scale=log"));

    SurfaceFigure figure({"surface-quantized", "e1-e2@size=0.5"});
    figure.resize(800, 400);
    figure.showRun(std::make_shared<const RunResults>(run_), last_);
    QCOMPARE(figure.emptyMessage(), QString());
    QCOMPARE(figure.formats(), (QStringList{"png", "csv"}));
    QCOMPARE(figure.splits(), (QStringList{"train", "test"}));
    QVERIFY(plain(figure.caption()).contains("One scale and one point of view"));
    QVERIFY(plain(figure.caption()).contains("The network quantized with size=0.5 at every point"));
    QTemporaryDir folder;
    figure.exportTo(folder.filePath("s.csv").toStdString(), {});
    QFile csv(folder.filePath("s.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    const auto text = csv.readAll();
    QCOMPARE(text.count("\ne1-e2@size=0.5,"), text.count("\ne1-e2,"));
    const QImage image = figure.picture({});
    const auto coloured = [&](int from, int to) {
      int count = 0;
      for (int y = 0; y < image.height(); ++y) {
        for (int x = from; x < to; ++x) count += image.pixelColor(x, y).saturation() > 60;
      }
      return count;
    };
    const int panel = (image.width() - image.width() * 22 / 120) / 2;
    QVERIFY(coloured(0, panel) > 8000 && coloured(panel, 2 * panel) > 8000);
  }

  void contoursHaveOneScaleAndMoveTogether() {
    ContourPairFigure figure({"contour-quantized", "e1-e2@size=0.5"});
    figure.resize(800, 400);
    figure.show();
    figure.showRun(std::make_shared<const RunResults>(run_), last_);
    const auto &whole = figure.whole()->data(), &quantized = figure.quantized()->data();
    QCOMPARE(whole.scale.upper(), quantized.scale.upper());
    QCOMPARE(whole.scale.lower(), quantized.scale.lower());
    QCOMPARE(whole.levels, quantized.levels);
    QVERIFY(whole.scale.upper() > surfaceData(run_, "e1-e2", last_, "train").scale.upper());
    QVERIFY(plain(figure.caption()).contains("One scale of colours"));
    QVERIFY(plain(figure.caption()).contains("The network quantized with size=0.5 at every point"));
    figure.chooseHeight({"log", 5});
    QCOMPARE(figure.quantized()->data().height.kind, std::string("log"));
    QCOMPARE(figure.whole()->data().scale.upper(), figure.quantized()->data().scale.upper());
    QCOMPARE(figure.recipeSettings(), (QStringList{"surface.e1-e2.scale=log", "surface.e1-e2.clip=5"}));
    figure.setSplit("test");
    QCOMPARE(figure.quantized()->split(), QString("test"));
    // Zoomed, both show the same.
    // Each drawing makes axes of its own.
    const auto axis = [&] { return figure.whole()->plot()->axisRect(0)->axis(QCPAxis::atBottom); };
    axis()->setRange(-0.2, 0.1);
    figure.whole()->plot()->replot();
    QVERIFY(figure.quantized()->axisRanges() == figure.whole()->axisRanges());
    figure.resetView();
    QVERIFY(axis()->range().lower != -0.2);
    QTemporaryDir folder;
    for (const QString& format : figure.formats()) figure.exportTo(folder.filePath("c." + format).toStdString(), {});
    QFile csv(folder.filePath("c.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    const auto text = csv.readAll();
    QVERIFY(text.count("\ne1-e2,") > 3);
    QCOMPARE(text.count("\ne1-e2@size=0.5,"), text.count("\ne1-e2,"));
    QVERIFY(QFile(folder.filePath("c.svg")).size() > 1000);
    QVERIFY(!QImage(folder.filePath("c.png")).isNull());
  }

  void atAnEarlierEpochBothAreOfTheOneThatWasQuantized() {
    auto run = run_;
    for (auto row : run_.surfaces) {
      if (row.name != "e1-e2" || row.epoch != last_) continue;
      row.epoch = 1;
      row.loss *= 100;
      run.surfaces.push_back(row);
    }
    const auto at = [&](const QString& name, const QString& beside) {
      return surfaceData(run, name, 1, "train", false, {}, {}, beside);
    };
    const auto whole = at("e1-e2", "e1-e2@size=0.5"), quantized = at("e1-e2@size=0.5", "e1-e2");
    QCOMPARE(whole.epoch.value(), last_);
    QCOMPARE(quantized.epoch.value(), last_);
    QVERIFY2(whole.heading.contains(QString("epoch %1 (").arg(last_)), qPrintable(whole.heading));
    // By itself the network in floating point is at the epoch that was asked for, and its losses there are not the
    // pair's.
    QCOMPARE(at("e1-e2", {}).epoch.value(), 1);
    const auto last = surfaceData(run, "e1-e2", last_, "train", false, {}, {}, "e1-e2@size=0.5");
    QCOMPARE(whole.scale.upper(), last.scale.upper());
    QCOMPARE(quantized.scale.upper(), last.scale.upper());
    const auto table = QString::fromStdString(pairCsv(run, "e1-e2@size=0.5", 1));
    QVERIFY(table.count("\ne1-e2,") > 3);
    QCOMPARE(table.count("\ne1-e2@size=0.5,"), table.count("\ne1-e2,"));
    QCOMPARE(table, QString::fromStdString(pairCsv(run, "e1-e2@size=0.5", last_)));
    ContourPairFigure figure({"contour-quantized", "e1-e2@size=0.5"});
    figure.showRun(std::make_shared<const RunResults>(run), 1);
    QVERIFY2(plain(figure.caption()).contains(QString("poch %1").arg(last_)), qPrintable(figure.caption()));
  }

  void whatAProfileOfTheTestSplitIsSeenAgainstStays() {
    auto run = run_;
    std::erase_if(run.profiles, [](const ProfileRow& row) { return row.split != "test"; });
    const auto shared = std::make_shared<const RunResults>(run);
    const auto overlay = overlayOf({"profile", profile_ + "@size=0.5"}, {{shared, "one"}, {shared, "two"}}, last_);
    std::map<Qt::PenStyle, int> lines;
    for (const auto& one : overlay.panels[0].series) ++lines[one.line];
    QCOMPARE(lines, (std::map<Qt::PenStyle, int>{{Qt::DashLine, 2}, {Qt::DotLine, 2}}));
    const auto& legend = overlay.panels[0].legend;
    const auto dotted =
        std::find_if(legend.begin(), legend.end(), [](const auto& one) { return one.line == Qt::DotLine; });
    QVERIFY(dotted != legend.end());
    QCOMPARE(dotted->says, QString("floating point, test"));
    QVERIFY(!profileCurves(run, profile_.toStdString(), last_).splits.contains("train"));
  }

  void comparedPairsMoveTogether() {
    auto other = run_;
    for (auto& row : other.surfaces) row.alpha *= 2;
    const ComparedRuns runs{{std::make_shared<const RunResults>(run_), "one"},
                            {std::make_shared<const RunResults>(other), "two"}};
    CompareFigure figure({"contour-quantized", "e1-e2@size=0.5"});
    figure.resize(900, 700);
    figure.show();
    figure.showRuns(runs, last_);
    std::vector<ContourPairFigure*> pairs;
    for (Figure* part : figure.parts()) pairs.push_back(qobject_cast<ContourPairFigure*>(part));
    const auto areAlike = [&] {
      const auto ranges = pairs[0]->whole()->axisRanges();
      return pairs[1]->whole()->axisRanges() == ranges && pairs[0]->quantized()->axisRanges() == ranges &&
             pairs[1]->quantized()->axisRanges() == ranges;
    };
    // As wide as the widest, and one moves all.
    QVERIFY(areAlike());
    const auto axisOf = [](ContourFigure* one) { return one->plot()->axisRect(0)->axis(QCPAxis::atBottom); };
    const QCPRange wide = axisOf(pairs[1]->quantized())->range();
    QCOMPARE(wide.upper, 2 * pairs[0]->whole()->data().grid.xs.back());
    axisOf(pairs[1]->quantized())->setRange(-0.2, 0.1);
    pairs[1]->quantized()->plot()->replot();
    QTRY_VERIFY(areAlike());
    QCOMPARE(axisOf(pairs[0]->whole())->range().lower, -0.2);
    // Zoomed, it stays so at another split; and comes back.
    figure.setSplit("test");
    QVERIFY(areAlike());
    QCOMPARE(axisOf(pairs[1]->quantized())->range().lower, -0.2);
    figure.resetView();
    QVERIFY(areAlike());
    QCOMPARE(axisOf(pairs[0]->whole())->range().upper, wide.upper);
  }

  void comparisonsShowThemOnOneScale() {
    auto other = run_;
    for (auto& row : other.surfaces) row.loss *= 3;
    for (auto& row : other.profiles) row.loss *= 3;
    const ComparedRuns runs{{std::make_shared<const RunResults>(run_), "one"},
                            {std::make_shared<const RunResults>(other), "two"}};
    const QString profile = profile_ + "@size=0.5";
    QStringList stems;
    for (const auto& id : commonFigures(runs)) stems << id.fileStem();
    for (const QString& stem : {QString("surface-both-e1-e2"), QString("surface-quantized-e1-e2@size=0.5"),
                                QString("contour-e1-e2@size=0.5"), "profile-" + profile})
      QVERIFY2(stems.contains(stem), qPrintable(stems.join(' ')));
    QCOMPARE(stems.removeDuplicates(), 0);
    // What one of them lacks is not compared.
    QVERIFY(!commonFigures({runs[0], {sample::shared(), "float"}}).empty());
    for (const auto& id : commonFigures({runs[0], {sample::shared(), "float"}})) QVERIFY(!id.name.contains('@'));

    for (const FigureId& id : {FigureId{"surface-quantized", "e1-e2@size=0.5"},
                               FigureId{"contour-quantized", "e1-e2@size=0.5"}, FigureId{"surface-both", "e1-e2"}}) {
      CompareFigure figure(id);
      figure.resize(900, 700);
      figure.showRuns(runs, last_);
      QCOMPARE(figure.parts().size(), std::size_t(2));
      const auto coloursOf = [&](std::size_t part) {
        for (const auto& [name, value] : figure.parts()[part]->facts()) {
          if (name == "colours from") return value;
        }
        return QString();
      };
      QVERIFY(!coloursOf(0).isEmpty());
      QCOMPARE(coloursOf(0), coloursOf(1));
      QCOMPARE(figure.formats().contains("svg"), id.kind == "contour-quantized");
      QVERIFY(plain(figure.caption()).contains("One scale"));
      QTemporaryDir folder;
      figure.exportTo(folder.filePath("c.csv").toStdString(), {});
      QFile csv(folder.filePath("c.csv"));
      QVERIFY(csv.open(QIODevice::ReadOnly));
      const auto text = csv.readAll();
      QVERIFY(text.count("\none,e1-e2,") > 3);
      QCOMPARE(text.count("\ntwo,e1-e2,"), text.count("\none,e1-e2,"));
      QCOMPARE(text.contains("\ntwo,e1-e2@size=0.5,"), id.kind != "surface-both");
    }
    // The scale of the pair holds what the other run's quantized network has: 3 · 4 times the first one's losses.
    const std::vector<std::shared_ptr<const RunResults>> peers{runs[0].run, runs[1].run};
    const auto pair =
        surfaceData(run_, "e1-e2", last_, "train", false, peers, HeightChoice{"linear", 1e9}, "e1-e2@size=0.5");
    const auto theirs =
        surfaceData(other, "e1-e2@size=0.5", last_, "train", false, peers, HeightChoice{"linear", 1e9}, "e1-e2");
    QCOMPARE(pair.scale.upper(), theirs.scale.upper());
    QCOMPARE(pair.scale.lower(), theirs.scale.lower());

    const auto overlay = overlayOf({"profile", profile}, runs, last_);
    QCOMPARE(overlay.panels.size(), std::size_t(2));
    std::map<Qt::PenStyle, int> lines;
    for (const auto& one : overlay.panels[0].series) ++lines[one.line];
    // Of each run train and test, and the network in floating point; no parabola, whose λ is that one's.
    QCOMPARE(lines, (std::map<Qt::PenStyle, int>{{Qt::SolidLine, 2}, {Qt::DashLine, 2}, {Qt::DotLine, 2}}));
    const auto& series = overlay.panels[0].series;
    // In the order of the splits' names: test, train, train of the one in floating point.
    QCOMPARE(series[1].points[0].value, 1.25 * series[2].points[0].value);
    QTemporaryDir folder;
    CompareFigure figure({"profile", profile});
    figure.showRuns(runs, last_);
    QVERIFY(figure.isOverlay());
    figure.exportTo(folder.filePath("c.csv").toStdString(), {});
    QFile csv(folder.filePath("c.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    const auto text = csv.readAll();
    QVERIFY(text.contains(("\ntwo," + profile + ',').toUtf8()) && text.contains(("\none," + profile_ + ',').toUtf8()));
  }

 private:
  RunResults run_;
  std::int64_t last_ = 0;
  QString profile_;
};

QTEST_MAIN(TestQuantizedLandscapesFigures)
#include "tst_quantized_landscapes_figures.moc"
