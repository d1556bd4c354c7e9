// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QComboBox>
#include <QMenu>
#include <QProgressBar>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>

#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/main_window.h"
#include "app/measuring.h"
#include "core/results/tables.h"
#include "core/study/study.h"
#include "tests/app/support/actions.h"
#include "tests/app/support/bits_page_of.h"
#include "views/profile.h"
#include "views/surface.h"

using namespace eigenscape;

namespace {

constexpr int patienceMs = 60000;

using Bits = std::vector<std::int64_t>;

/// α, β and split to loss, of one network's rows.
template <class Row>
std::map<std::tuple<double, double, std::string>, double> lossesOf(const std::vector<Row>& rows,
                                                                   const std::string& name, std::int64_t epoch) {
  std::map<std::tuple<double, double, std::string>, double> losses;
  for (const auto& row : rows) {
    double beta = 0;
    if constexpr (requires { row.beta; }) beta = row.beta;
    if (row.name == name && row.epoch == epoch) losses[{row.alpha, beta, row.split}] = row.loss;
  }
  return losses;
}

}  // namespace

/// The workbench's button Loss surface: a study that goes on from the run's own landscape.
class TestBitsLandscape : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void theRunsOwnLandscapes();
  void evaluatesAtTheBits();
  void anotherLandscapeOfTheRun();
  void aRunWithoutLandscapes();
  void cancelKeepsTheRest();
  void whyThereIsNone();
  void inTheWindow();

 private:
  std::filesystem::path tinyRun(const std::string& name, const std::string& more);
  std::shared_ptr<const RunResults> withLandscapes();
  static void setAll(BitsPage& page, std::int64_t bits);
  static void evaluate(BitsPage& page);
  QTemporaryDir folder_;
};

void TestBitsLandscape::initTestCase() {
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
}

std::filesystem::path TestBitsLandscape::tinyRun(const std::string& name, const std::string& more) {
  const std::filesystem::path directory = folder_.filePath(name.c_str()).toStdString();
  if (isRunDirectory(directory)) return directory;
  const auto recipe = parseRecipe(R"(name = "tiny"
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 64
[model]
architecture = "cnn"
[training]
epochs = 1
batch_size = 16
[curvature]
samples = 32
top = 1
max_products = 30
trace_probes = 4
)" + more + R"([quantization]
bits = [2, 4, 8]
activation_bits = "same"
calibration_samples = 40
frontier_points = 0
landscapes = "uniform-4"
)",
                                  "tiny");
  StudyOptions options;
  options.threads = 1;
  options.out = directory;
  runStudy(recipe, options, {});
  return directory;
}

std::shared_ptr<const RunResults> TestBitsLandscape::withLandscapes() {
  return std::make_shared<const RunResults>(loadRun(tinyRun("tiny", R"([[profile]]
name = "sharp"
range = []
points = 7
samples = 32
[[surface]]
name = "plane"
x = "eigenvector:1"
y = "random:3"
range = [-0.5, 0.5]
points = 3
samples = 32
)")));
}

void TestBitsLandscape::setAll(BitsPage& page, std::int64_t bits) {
  auto held = page.held();
  held.bits.assign(held.bits.size(), bits);
  page.setHeld(held, "by hand");
}

void TestBitsLandscape::evaluate(BitsPage& page) {
  QSignalSpy measured(&page, &BitsPage::measured), failed(&page, &BitsPage::failed);
  QVERIFY2(page.landscapeButton()->isEnabled(), qPrintable(page.landscapeButton()->toolTip()));
  QSignalSpy moved(page.findChild<QProgressBar*>(), &QProgressBar::valueChanged);
  QTest::mouseClick(page.landscapeButton(), Qt::LeftButton);
  QVERIFY(page.isMeasuring());
  QTRY_VERIFY_WITH_TIMEOUT(!measured.isEmpty(), patienceMs);
  QVERIFY2(failed.isEmpty(), failed.isEmpty() ? "" : qPrintable(failed.front().front().toString()));
  QStringList shares;
  int last = 0;
  for (const auto& move : moved) {
    const int share = move.front().toInt();
    shares << QString::number(share);
    QVERIFY2(share >= last, qPrintable("the bar goes back: " + shares.join(' ')));
    last = share;
  }
}

void TestBitsLandscape::theRunsOwnLandscapes() {
  const auto run = withLandscapes();
  const auto all = landscapesOf(*run);
  QCOMPARE(all.size(), std::size_t{2});
  QVERIFY(all[0].isSurface() && all[0].isEvaluated() && all[0].points() == 9);
  QVERIFY(!all[1].isSurface() && all[1].isEvaluated() && all[1].points() == 7);
  auto unfinished = *run;
  std::erase_if(unfinished.info.phases, [](const PhaseInfo& phase) { return phase.name == "surface:plane:1"; });
  QCOMPARE(landscapesOf(unfinished).size(), std::size_t{1});
  const auto recipe = landscapeRecipe(*run, "/bits.json", all[0]);
  QCOMPARE(recipe.surfaces.size(), std::size_t{1});
  QVERIFY(recipe.profiles.empty());
  QVERIFY(recipe.surfaces[0].x.ends_with("directions.safetensors#eigenvector:1"));
  QVERIFY(recipe.surfaces[0].y.ends_with("directions.safetensors#random:3"));
  QCOMPARE(recipe.quantization.landscapes, std::string("given-workbench"));
}

/// Same plane, same points, and what the run itself has evaluated at those bits.
void TestBitsLandscape::evaluatesAtTheBits() {
  const auto run = withLandscapes();
  auto bare = std::make_shared<RunResults>(*run);  // as if it had not evaluated its own uniform-4
  std::erase_if(bare->surfaces, [](const SurfaceRow& row) { return row.name != "plane"; });
  std::erase_if(bare->profiles, [](const ProfileRow& row) { return row.name != "sharp"; });
  const auto page = pageOf(bare);
  setAll(*page, 4);
  QVERIFY(page->landscape()->figure() == nullptr);
  QSignalSpy said(page.get(), &BitsPage::said);
  evaluate(*page);
  QCOMPARE(said.size(), 2);
  QVERIFY(said.front().front().toString().startsWith("measured with your bits"));  // for the first time
  QCOMPARE(said.back().front().toString(), QString("loss landscape of plane done"));
  QCOMPARE(page->tabs()->currentWidget(), page->landscape());
  auto* figure = qobject_cast<SurfaceFigure*>(page->landscape()->figure());
  QVERIFY(figure);
  QVERIFY2(figure->caption().replace(QChar(0xA0), ' ').contains("The network quantized with your bits at every point"),
           qPrintable(figure->caption()));
  QVERIFY(figure->id().kind == "surface-quantized");
  QCOMPARE(page->figure(), figure);  // what the tab was opened for
  const QString file = folder_.filePath("plane.csv");
  figure->exportTo(file.toStdString(), {});
  const auto rows = readTableFile<SurfaceRow>(file.toStdString());
  const auto expected = lossesOf(run->surfaces, "plane@uniform-4", 1);
  QCOMPARE(expected.size(), std::size_t{18});
  auto own = lossesOf(rows, rows.back().name, 1);
  for (const auto& row : rows) {
    if (row.name != "plane") own = lossesOf(rows, row.name, 1);
  }
  QCOMPARE(own.size(), expected.size());
  for (const auto& [place, loss] : expected) {
    QVERIFY(own.contains(place));
    QVERIFY2(std::abs(own[place] - loss) <= 1e-5 * (1 + loss), qPrintable(QString::number(own[place] - loss)));
  }
  page->save(folder_.filePath("four.json"));
  QCOMPARE(page->batchSettings().size(), std::size_t{2});
  QCOMPARE(page->batchSettings().back(), std::string("quantization.landscapes=given-workbench"));
  // A by-product.
  QVERIFY2(!page->measureButton()->isEnabled(), "these bits were measured");
  // Other bits have none; toggling back shows it at once.
  page->history()->undo();
  QVERIFY(page->landscape()->figure() == nullptr);
  QVERIFY2(page->landscape()->hint().contains("9 points"), qPrintable(page->landscape()->hint()));
  QCOMPARE(page->figure(), page->bars());
  QVERIFY2(page->batchSettings().empty(), "other bits were saved");
  page->history()->redo();
  QCOMPARE(page->landscape()->figure(), figure);
  QCOMPARE(page->figure(), figure);
  QTest::mouseClick(page->landscapeButton(), Qt::LeftButton);
  QVERIFY(!page->isMeasuring());
  // What the run has evaluated itself need not be evaluated again.
  const auto other = pageOf(run);
  setAll(*other, 4);
  QTest::mouseClick(other->landscapeButton(), Qt::LeftButton);
  QVERIFY(!other->isMeasuring());
  QVERIFY(other->landscape()->figure());
}

void TestBitsLandscape::anotherLandscapeOfTheRun() {
  const auto page = pageOf(withLandscapes());
  setAll(*page, 2);
  auto* choice = page->landscape()->choice();
  QCOMPARE(choice->count(), 2);
  choice->setCurrentIndex(1);
  // Another one is looked at meanwhile.
  const auto look = connect(page->findChild<QProgressBar*>(), &QProgressBar::valueChanged, choice,
                            [choice] { choice->setCurrentIndex(1 - choice->currentIndex()); });
  evaluate(*page);
  disconnect(look);
  choice->setCurrentIndex(1);
  auto* figure = qobject_cast<ProfileFigure*>(page->landscape()->figure());
  QVERIFY(figure);
  QCOMPARE(figure->id().name, QString("sharp"));
  const QString file = folder_.filePath("sharp.csv");
  figure->exportTo(file.toStdString(), {});
  const auto rows = readTableFile<ProfileRow>(file.toStdString());
  QCOMPARE(rows.size(), std::size_t{28});  // 7 points, train and test, both networks
  const auto menu = figure->contextMenu();
  for (const QAction* action : menu->actions()) QVERIFY(!action->text().contains("frames"));
  choice->setCurrentIndex(0);
  QVERIFY(page->landscape()->figure() == nullptr);
  choice->setCurrentIndex(1);
  QVERIFY(page->landscape()->figure());
  // With the same bits: what was measured need not be said again.
  choice->setCurrentIndex(0);
  QSignalSpy said(page.get(), &BitsPage::said);
  evaluate(*page);
  QCOMPARE(said.size(), 1);
  QCOMPARE(said.front().front().toString(), QString("loss landscape of plane done"));
}

void TestBitsLandscape::aRunWithoutLandscapes() {
  auto run = std::make_shared<RunResults>(*withLandscapes());
  for (const char* kind : {"surface:", "profile:"})
    std::erase_if(run->info.phases, [&](const PhaseInfo& phase) { return phase.name.starts_with(kind); });
  auto plane = landscapesOf(*run);
  QCOMPARE(plane.size(), std::size_t{1});
  QVERIFY(plane[0].isSurface() && !plane[0].isEvaluated());
  QCOMPARE(plane[0].points(), std::size_t{225});
  const auto recipe = landscapeRecipe(*run, "/bits.json", plane[0]);
  QCOMPARE(recipe.surfaces[0].x, std::string("random:1"));
  QCOMPARE(recipe.surfaces[0].normalization, std::string("filter"));
  const auto page = pageOf(run);
  setAll(*page, 2);
  QVERIFY2(page->landscape()->hint().contains("no landscape of its own"), qPrintable(page->landscape()->hint()));
  // Points of the quantized network are shown before all are known.
  page->tabs()->setCurrentWidget(page->landscape());
  bool early = false;
  connect(page->landscape(), &BitsLandscape::shown, page.get(), [&early, &page] {
    early = early || (page->landscape()->figure() && !page->landscape()->isKnown(page->held().bits));
  });
  evaluate(*page);
  QVERIFY(early);
  QVERIFY(page->landscape()->isKnown(page->held().bits));
  auto* figure = page->landscape()->figure();
  QVERIFY(figure);
  const QString file = folder_.filePath("random.csv");
  figure->exportTo(file.toStdString(), {});
  std::map<std::string, std::size_t> counts;
  for (const auto& row : readTableFile<SurfaceRow>(file.toStdString())) ++counts[row.name];
  QCOMPARE(counts.size(), std::size_t{2});
  for (const auto& [name, count] : counts) QVERIFY2(count == 450, name.c_str());
  // From now on that in floating point is known.
  QVERIFY(page->landscape()->chosen()->isEvaluated());
  const auto again = landscapeRecipe(*run, "/bits.json", *page->landscape()->chosen());
  const std::filesystem::path folder = folder_.filePath("random-again").toStdString();
  beginLandscape(again, *page->landscape()->chosen(), folder);
  const auto phases = readRunInfo(folder).phases;
  QCOMPARE(phases.size(), std::size_t{1});
  QCOMPARE(phases[0].name, std::string("surface:random:0"));
}

void TestBitsLandscape::cancelKeepsTheRest() {
  const auto page = pageOf(withLandscapes());
  setAll(*page, 8);
  evaluate(*page);
  setAll(*page, 2);
  QTest::mouseClick(page->landscapeButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring());
  QVERIFY(!page->measureButton()->isEnabled() && !page->landscapeButton()->isEnabled());
  QVERIFY2(page->measureButton()->toolTip().contains("landscape"), qPrintable(page->measureButton()->toolTip()));
  QPushButton* cancel = nullptr;
  for (auto* button : page->findChildren<QPushButton*>()) {
    if (button->text() == "Cancel") cancel = button;
  }
  QVERIFY(cancel && cancel->isVisible());
  QTest::mouseClick(cancel, Qt::LeftButton);
  QVERIFY(!page->isMeasuring() && !cancel->isVisible());
  QTRY_VERIFY_WITH_TIMEOUT(!page->isStopping(), patienceMs);
  QVERIFY(page->landscapeButton()->isEnabled());
  QVERIFY(!page->landscape()->isKnown(page->held().bits));
  // What was evaluated here before, and what the run has evaluated itself.
  page->history()->undo();
  QVERIFY(page->landscape()->isKnown(page->held().bits) && page->landscape()->figure());
  QVERIFY2(!page->measureButton()->isEnabled(), "these bits were measured");
  setAll(*page, 4);
  QVERIFY(page->landscape()->isKnown(page->held().bits) && page->landscape()->figure());
  // And once more what was given up.
  setAll(*page, 2);
  evaluate(*page);
  QVERIFY(page->landscape()->isKnown(page->held().bits) && page->landscape()->figure());
}

void TestBitsLandscape::whyThereIsNone() {
  auto run = std::make_shared<RunResults>(*withLandscapes());
  run->info.model.clear();
  auto page = pageOf(run);
  QVERIFY(!page->landscapeButton()->isEnabled());
  QVERIFY2(page->landscapeButton()->toolTip().contains("no model"), qPrintable(page->landscapeButton()->toolTip()));
  // A kernel that is folded and a scale by tensor do not go with statistics of each point: one line says so.
  auto refused = std::make_shared<RunResults>(*withLandscapes());
  refused->recipe.replace(refused->recipe.find("batch_norm = \"eval\"\nevery"), 19, "batch_norm = \"reestimate\"");
  refused->recipe.replace(refused->recipe.rfind("batch_norm = \"eval\"\nevery"), 19, "batch_norm = \"reestimate\"");
  refused->recipe.replace(refused->recipe.find("granularity = \"channel\""), 23, "granularity = \"tensor\"");
  page = pageOf(refused);
  setAll(*page, 2);
  QSignalSpy failed(page.get(), &BitsPage::failed);
  QTest::mouseClick(page->landscapeButton(), Qt::LeftButton);
  QTRY_VERIFY_WITH_TIMEOUT(!failed.isEmpty(), patienceMs);
  const QString line = failed.front().front().toString();
  QVERIFY2(line.contains("reestimate") && !line.contains('\n'), qPrintable(line));
  QTRY_VERIFY(!page->isMeasuring());
}

void TestBitsLandscape::inTheWindow() {
  withLandscapes();
  MainWindow window;
  window.resize(1280, 800);
  window.show();
  QSignalSpy shown(&window, &MainWindow::runShown);
  window.openPath(folder_.filePath("tiny"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  QTest::keyClick(&window, Qt::Key_6);
  auto* page = window.bitsPage();
  setAll(*page, 2);
  QTest::mouseClick(page->landscapeButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring() && !actionOf(window, "Run")->isEnabled());
  QTRY_VERIFY_WITH_TIMEOUT(!page->isMeasuring(), patienceMs);
  Figure* figure = page->landscape()->figure();
  QVERIFY(figure);
  QTest::mouseClick(figure, Qt::LeftButton, {}, figure->rect().center());
  QCOMPARE(window.shownFigure(), figure);
  QTest::keyClick(&window, Qt::Key_F11);
  QVERIFY(window.isFullPage() && figure->isVisible() && !page->bars()->isVisible());
  // Alone on the page, no figure that is hidden stands in for it.
  page->history()->undo();
  QVERIFY(page->landscape()->isVisible() && !page->bars()->isVisible());
  QVERIFY(window.shownFigure() == nullptr);
  page->history()->redo();
  QCOMPARE(window.shownFigure(), figure);
  QVERIFY(figure->isVisible());
  QTest::keyClick(&window, Qt::Key_Escape);
  QVERIFY(page->bars()->isVisible());
  // A figure that is not shown any more is not the window's.
  page->history()->undo();
  QVERIFY(window.shownFigure() != figure);
}

QTEST_MAIN(TestBitsLandscape)
#include "tst_bits_landscape.moc"
