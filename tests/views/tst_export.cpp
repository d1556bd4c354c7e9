// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QImage>
#include <QPainter>
#include <QRegularExpression>
#include <QSet>
#include <QSvgRenderer>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <fstream>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "support/sample_run.h"
#include "views/figure.h"
#include "views/plot_figure.h"
#include "views/plotting.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

QByteArray slurp(const fs::path& path) {
  QFile file(QString::fromStdString(path.string()));
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

int colourCount(const QImage& image) {
  QSet<QRgb> colours;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) colours.insert(image.pixel(x, y));
  }
  return int(colours.size());
}

std::string errorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return {};
}

void addKinds() {
  QTest::addColumn<QString>("kind");
  QTest::addColumn<QString>("name");
  QTest::newRow("training") << "training"
                            << "";
  QTest::newRow("trajectories") << "trajectories"
                                << "";
  QTest::newRow("profile") << "profile"
                           << "along-e1";
  QTest::newRow("contour") << "contour"
                           << "e1-e2";
  QTest::newRow("sensitivity") << "sensitivity"
                               << "";
}

}  // namespace

class TestExport : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    folder_ = std::make_unique<QTemporaryDir>();
    dir_ = folder_->path().toStdString();
  }

  void pngHasItsExactSize_data() { addKinds(); }
  void pngHasItsExactSize() {
    QFETCH(QString, kind);
    QFETCH(QString, name);
    const auto figure = makeFigure({kind, name});
    figure->showRun(sample::shared(), 10);
    ExportOptions options;
    options.widthMm = 86;
    options.heightMm = 60;
    options.scale = 3;
    const fs::path file = dir_ / "figure.png";
    figure->exportTo(file, options);
    const QImage image(QString::fromStdString(file.string()));
    QCOMPARE(image.width(), 975);            // 86 / 25.4 · 96 · 3
    QCOMPARE(image.height(), 680);           // 60 / 25.4 · 96 · 3
    QCOMPARE(image.dotsPerMeterX(), 11339);  // 288 / 0.0254
    QVERIFY(colourCount(image) > 20);
    QVERIFY(!fs::exists(dir_ / "figure.png.part"));
    // The same picture again, byte for byte.
    figure->exportTo(dir_ / "again.png", options);
    QCOMPARE(slurp(dir_ / "again.png"), slurp(file));
  }

  void svgIsWellFormedAndHasItsSize_data() { addKinds(); }
  void svgIsWellFormedAndHasItsSize() {
    QFETCH(QString, kind);
    QFETCH(QString, name);
    const auto figure = makeFigure({kind, name});
    figure->showRun(sample::shared(), 10);
    figure->exportTo(dir_ / "figure.svg", {});
    QXmlStreamReader xml(slurp(dir_ / "figure.svg"));
    int shapes = 0;
    QString text;
    while (!xml.atEnd()) {
      xml.readNext();
      if (!xml.isStartElement()) continue;
      if (xml.name() == u"svg") {
        const QString width = xml.attributes().value("width").toString();
        QVERIFY(width.endsWith("mm"));
        QVERIFY(std::abs(width.chopped(2).toDouble() - 120) < 0.05);
      }
      if (xml.name() == u"path" || xml.name() == u"polyline") ++shapes;
      if (xml.name() == u"text") text += xml.readElementText() + '\n';
    }
    QVERIFY2(!xml.hasError(), qPrintable(xml.errorString()));
    QVERIFY(shapes > 10);
    QVERIFY2(text.contains("resnet20"), "the caption is text");
  }

  void pdfHasOnePageOfItsSize_data() { addKinds(); }
  void pdfHasOnePageOfItsSize() {
    QFETCH(QString, kind);
    QFETCH(QString, name);
    const auto figure = makeFigure({kind, name});
    figure->showRun(sample::shared(), 10);
    figure->exportTo(dir_ / "figure.pdf", {});
    const QByteArray pdf = slurp(dir_ / "figure.pdf");
    QVERIFY(pdf.startsWith("%PDF-1."));
    QVERIFY(pdf.trimmed().endsWith("%%EOF"));
    const auto box = QRegularExpression(R"(/MediaBox \[\s*0 0 ([\d.]+) ([\d.]+)\s*\])").match(QString::fromLatin1(pdf));
    QVERIFY(box.hasMatch());
    QVERIFY(std::abs(box.captured(1).toDouble() - 120 / 25.4 * 72) < 0.6);
    QVERIFY(std::abs(box.captured(2).toDouble() - 90 / 25.4 * 72) < 0.6);
    QCOMPARE(pdf.count("/Type /Page\n"), 1);
  }

  void csvHoldsTheFiguresOwnRows() {
    const auto run = sample::shared();
    const auto write = [&](const FigureId& id) {
      const auto figure = makeFigure(id);
      figure->showRun(run, 10);
      figure->exportTo(dir_ / "figure.csv", {});
      return QString::fromUtf8(slurp(dir_ / "figure.csv"));
    };
    QString expected = QString::fromStdString(headerOf<MetricRow>()) + '\n';
    for (const auto& row : run->metrics) expected += QString::fromStdString(toCsv(row)) + '\n';
    QCOMPARE(write({"training", {}}), expected);
    expected = QString::fromStdString(headerOf<ProfileRow>()) + '\n';
    for (const auto& row : run->profiles) {
      if (row.name == "random") expected += QString::fromStdString(toCsv(row)) + '\n';
    }
    QCOMPARE(write({"profile", "random"}), expected);
    QCOMPARE(write({"contour", "e1-e2"}).count('\n'), 1 + 21 * 21 * 2);
    QCOMPARE(write({"surface", "e1-e2"}), write({"contour", "e1-e2"}));
    QCOMPARE(write({"sensitivity", {}}).count('\n'), 1 + 20 * 3);
  }

  void theCaptionCanBeLeftOut() {
    const auto figure = makeFigure({"training", {}});
    figure->showRun(sample::shared(), 10);
    ExportOptions options;
    const QImage with = figure->picture(options);
    options.caption = false;
    const QImage without = figure->picture(options);
    QCOMPARE(with.size(), without.size());
    QVERIFY(with != without);
  }

  void anExportStandsAsTheScreenDoes() {
    auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({"training", {}}).release()));
    figure->showRun(sample::shared(), 10);
    const QImage whole = figure->picture({});
    figure->plot()->axisRect(0)->axis(QCPAxis::atBottom)->setRange(2, 4);
    const QImage zoomed = figure->picture({});
    QVERIFY(whole != zoomed);
    figure->resetView();
    QCOMPARE(figure->picture({}), whole);
  }

  void nothingLeavesTheAxes() {
    auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({"sensitivity", {}}).release()));
    figure->showRun(sample::shared(), 10);
    QCPAxis* omega = figure->plot()->axisRect(0)->axis(QCPAxis::atLeft);
    omega->setRange(omega->range().lower * 100, omega->range().upper / 100);
    figure->exportTo(dir_ / "zoomed.svg", {});
    QImage image(907, 680, QImage::Format_RGB32);
    image.fill(Qt::white);
    QSvgRenderer svg(slurp(dir_ / "zoomed.svg"));
    QVERIFY(svg.isValid());
    QPainter painter(&image);
    svg.render(&painter);
    painter.end();
    // The bars start far below the axis; there are names of layers, and nothing blue.
    const QImage png = figure->picture({});
    for (const QImage& picture : {image, png}) {
      int inside = 0, below = 0;
      for (int y = 100; y < picture.height(); ++y) {
        for (int x = 0; x < picture.width(); ++x) {
          const QColor c = picture.pixelColor(x, y);
          const bool bar = c.blue() > 150 && c.red() < 60;
          (y < 350 ? inside : below) += bar;
          if (y > 480) QVERIFY(!bar);
        }
      }
      QVERIFY(inside > 1000);
      QVERIFY(below < inside);
    }
  }

  void anEmptyFigureIsAPictureThatSaysSo() {
    const auto figure = makeFigure({"trajectories", {}});
    figure->showRun(std::make_shared<RunResults>(), 0);
    const QImage image = figure->picture({});
    QCOMPARE(image.width(), 907);
    QVERIFY(colourCount(image) > 2);
    figure->exportTo(dir_ / "empty.csv", {});
    QCOMPARE(slurp(dir_ / "empty.csv").count('\n'), 1);
  }

  void whatCannotBeWrittenIsNamed() {
    const auto figure = makeFigure({"training", {}});
    figure->showRun(sample::shared(), 10);
    std::string error = errorOf([&] { figure->exportTo(dir_ / "figure.gif", {}); });
    QVERIFY2(error.find("figure.gif") != std::string::npos && error.find(".png") != std::string::npos, error.c_str());
    error = errorOf([&] { figure->exportTo(dir_ / "gone" / "figure.png", {}); });
    QVERIFY2(error.find("figure.png") != std::string::npos, error.c_str());
    if (!fs::exists("/dev/full")) return;
    for (const char* format : {"png", "svg", "pdf", "csv"}) {
      const fs::path file = dir_ / (std::string("full.") + format);
      fs::create_symlink("/dev/full", fs::path(file.string() + ".part"));
      error = errorOf([&] { figure->exportTo(file, {}); });
      QVERIFY2(error.find("No space left") != std::string::npos, format);
      QVERIFY(!fs::exists(file));
    }
  }

  void thePictureIsCopied() {
    const auto figure = makeFigure({"training", {}});
    figure->resize(400, 300);
    figure->showRun(sample::shared(), 10);
    figure->copyPicture();
    QCOMPARE(QApplication::clipboard()->image().size(), QSize(800, 600));
  }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  fs::path dir_;
};

QTEST_MAIN(TestExport)
#include "tst_export.moc"
