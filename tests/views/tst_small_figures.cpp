// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "support/plots.h"

using namespace eigenscape;
using namespace plots;

namespace {

/// As large as the plot of a figure of 70 mm, the least, without its caption.
std::unique_ptr<PlotFigure> smallFigure(const QString& kind, const RunResults& run, std::int64_t epoch) {
  auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({kind, {}}).release()));
  figure->resize(265, 210);
  figure->setCaptionShown(false);
  figure->showRun(std::make_shared<const RunResults>(run), epoch);
  figure->plot()->replot();
  return figure;
}

/// A later epoch at which losses have fallen and accuracies risen, so that curves run along both edges.
RunResults trained() {
  sample::Options options = curvature();
  options.bottom = 1;
  return sample::run(options);
}

}  // namespace

class TestSmallFigures : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void headingsAreWhole_data();
  void headingsAreWhole();
  void legendsLeaveRoom();
  void epochsAreNamedBesideTheCurves_data();
  void epochsAreNamedBesideTheCurves();
};

void TestSmallFigures::headingsAreWhole_data() {
  QTest::addColumn<QString>("kind");
  for (const char* kind : {"trajectories", "spectrum", "density", "layers", "overhead", "sensitivity"})
    QTest::newRow(kind) << QString(kind);
}

void TestSmallFigures::headingsAreWhole() {
  QFETCH(QString, kind);
  const auto figure = smallFigure(kind, trained(), 6);
  const auto* heading = qobject_cast<QCPTextElement*>(figure->plot()->plotLayout()->element(0, 0));
  QVERIFY(heading);
  QVERIFY2(!heading->text().contains(QStringLiteral("…")), qPrintable(heading->text()));
  for (const QString& line : heading->text().split('\n'))
    QVERIFY2(QFontMetricsF(heading->font()).horizontalAdvance(line) < figure->plot()->width(), qPrintable(line));
}

void TestSmallFigures::legendsLeaveRoom() {
  const auto figure = smallFigure("trajectories", trained(), 6);
  const QRect area = figure->plot()->axisRect(0)->rect();
  QVERIFY2(area.height() > 0.3 * figure->plot()->height(), qPrintable(QString::number(area.height())));
  // In a large figure the legend keeps its type.
  const auto large = figureOf("trajectories", trained(), 6);
  const auto legend = [](const PlotFigure& of) {
    for (auto* element : of.plot()->plotLayout()->elements(true)) {
      if (auto* found = qobject_cast<QCPLegend*>(element)) return found->font().pixelSize();
    }
    return 0;
  };
  QVERIFY(legend(*figure) > 0 && legend(*figure) < legend(*large));
}

void TestSmallFigures::epochsAreNamedBesideTheCurves_data() {
  QTest::addColumn<QString>("kind");
  for (const char* kind : {"training", "gradient"}) QTest::newRow(kind) << QString(kind);
}

void TestSmallFigures::epochsAreNamedBesideTheCurves() {
  QFETCH(QString, kind);
  const auto figure = smallFigure(kind, trained(), 6);
  const QCPItemText* label = nullptr;
  for (const auto* text : items<QCPItemText>(*figure)) {
    if (text->text().startsWith("epoch")) label = text;
  }
  QVERIFY(label);
  const QRectF box(label->topLeft->pixelPosition(), label->bottomRight->pixelPosition());
  QVERIFY(figure->plot()->axisRect(0)->rect().adjusted(-1, -1, 1, 1).contains(box.toRect()));
  for (int i = 0; i < figure->plot()->graphCount(); ++i) {
    const auto* graph = figure->plot()->graph(i);
    for (int k = 0; k + 1 < graph->dataCount(); ++k) {
      const QPointF from = graph->coordsToPixels(graph->data()->at(k)->key, graph->data()->at(k)->value);
      const QPointF to = graph->coordsToPixels(graph->data()->at(k + 1)->key, graph->data()->at(k + 1)->value);
      for (double along = 0; along <= 1; along += 0.02) {
        const QPointF at = from + along * (to - from);
        QVERIFY2(!box.adjusted(2, 2, -2, -2).contains(at), qPrintable(graph->name()));
      }
    }
  }
}

QTEST_MAIN(TestSmallFigures)
#include "tst_small_figures.moc"
