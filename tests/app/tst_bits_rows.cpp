// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QComboBox>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeWidget>
#include <algorithm>
#include <cmath>

#include "app/bits_page.h"
#include "core/quantization/bits_file.h"
#include "core/results/error.h"
#include "core/results/tables.h"
#include "tests/app/support/bits_page_of.h"
#include "tests/app/support/made_up_bits.h"
#include "views/style.h"

using namespace eigenscape;

namespace {

constexpr int patienceMs = 60000;

/// Of the run's layers and widths, each Ω so many times the weights'.
std::vector<InputSensitivityRow> inputRows(const RunResults& run, double factor) {
  std::vector<InputSensitivityRow> rows;
  for (const auto& row : run.sensitivity)
    rows.push_back({row.layer, 10, row.meanTrace, 0, row.bits, row.perturbation, factor * row.omega});
  return rows;
}

const char* const sameInputs = "[quantization]\nactivation_bits = \"same\"\n";

}  // namespace

/// What the workbench makes of the rows and files that it is given.
class TestBitsRows : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void aBudgetThatIsExceeded();
  void rowsOfInputsThatComeLater();
  void errorsOfSums();
  void bitsThatTheRunChoosesLater();
  void inputsThatCannotBeCounted_data();
  void inputsThatCannotBeCounted();
  void theNetworksOrder();
  void aFileOfSeveralSettings();
  void theRunGoesOnWhileOneIsChosen();
  void theEditorHasRoom();

 private:
  static void edit(BitsPage& page, int row, int bits);
  QTemporaryDir folder_;
};

void TestBitsRows::initTestCase() {
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
}

void TestBitsRows::edit(BitsPage& page, int row, int bits) {
  auto* model = page.table()->model();
  QVERIFY(model->setData(model->index(row, BitsModel::Bits), bits, Qt::EditRole));
}

void TestBitsRows::aBudgetThatIsExceeded() {
  const auto run = madeUp(8);
  const auto page = pageOf(run);
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  QVERIFY(!page->budgetText().contains("exceeded"));
  QSignalSpy settled(page.get(), &BitsPage::settled);
  page->share()->setValue(0.5);
  QTRY_VERIFY_WITH_TIMEOUT(!settled.isEmpty(), patienceMs);
  QVERIFY2(!page->budgetText().contains("exceeded"), qPrintable(page->budgetText()));
  page->table()->selectAll();
  for (int i = 0; i < 2; ++i) QTest::keyClick(page->table(), Qt::Key_Plus);
  const double over = allowed(layers, {Cost::Size, 1}) - allowed(layers, {Cost::Size, 0.5});
  const QString expected = "exceeded by " + numberText(over / 1e6, 3);
  QVERIFY2(page->budgetText().contains(expected), qPrintable(page->budgetText() + " lacks " + expected));
  page->history()->undo();
  page->history()->undo();
  QVERIFY2(!page->budgetText().contains("exceeded"), qPrintable(page->budgetText()));
  // Locked at the most bits, all keep them whatever the budget.
  page->table()->selectAll();
  for (int i = 0; i < 2; ++i) QTest::keyClick(page->table(), Qt::Key_Plus);
  QTest::keyClick(page->table(), Qt::Key_L);
  settled.clear();
  page->share()->setValue(0.25);
  QVERIFY2(!page->budgetText().contains("exceeded"), "not while it is solved for");
  QTRY_VERIFY_WITH_TIMEOUT(!settled.isEmpty(), patienceMs);
  QVERIFY2(page->budgetText().contains("exceeded"), qPrintable(page->budgetText()));
}

void TestBitsRows::rowsOfInputsThatComeLater() {
  auto run = std::make_shared<RunResults>(*madeUp(6));
  run->recipe = sameInputs;
  const auto page = pageOf(run);
  QVERIFY2(page->remark().contains("weights alone"), qPrintable(page->remark()));
  edit(*page, 1, 2);
  auto* model = page->table()->model();
  QVERIFY(model->setData(model->index(2, BitsModel::Lock), Qt::Checked, Qt::CheckStateRole));
  QTest::mouseClick(page->keepButton(), Qt::LeftButton);
  const auto held = page->held();
  const QString omega = model->index(1, BitsModel::Omega).data().toString();
  auto later = std::make_shared<RunResults>(*run);
  later->inputSensitivity = inputRows(*run, 1);
  page->showRun(later);
  QVERIFY(page->held() == held);
  QVERIFY(page->history()->canUndo());
  QVERIFY(!page->table()->isColumnHidden(BitsModel::Other));
  QCOMPARE(model->index(0, BitsModel::Other).data().toInt(), 8);
  QVERIFY2(page->remark().isEmpty(), qPrintable(page->remark()));
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  QCOMPARE(model->index(1, BitsModel::Omega).data().toString(), numberText(2 * layers[1].choices[0].omega, 3));
  QVERIFY(model->index(1, BitsModel::Omega).data().toString() != omega);
  page->history()->undo();
  page->history()->undo();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(6, 8));
  // Another network has bits of its own.
  auto other = std::make_shared<RunResults>(*madeUp(5));
  page->showRun(other);
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 8));
  QVERIFY(!page->history()->canUndo());
}

/// As in the study: what layers' errors have in common counts.
void TestBitsRows::errorsOfSums() {
  auto run = std::make_shared<RunResults>(*madeUp(3));
  const auto error = [](const BitsPage& page) {
    return page.statusText().section("standard error", 1).section("<td", 1, 1);
  };
  const auto independent = error(*pageOf(run));
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < i; ++j)
      run->traceCorrelations.push_back({"weights", sample::layerName(i, 3), sample::layerName(j, 3), 1});
  }
  double sum = 0;
  for (const auto& layer : layerChoices(run->sensitivity, {}, "t")) sum += layer.choices.back().standardError;
  const auto together = error(*pageOf(run));
  QVERIFY2(together.contains(numberText(sum, 2)), qPrintable(together));
  QVERIFY2(!independent.contains(numberText(sum, 2)), qPrintable(independent));
}

void TestBitsRows::bitsThatTheRunChoosesLater() {
  const auto run = madeUp(4);
  const auto page = pageOf(run);
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(4, 8));
  auto later = std::make_shared<RunResults>(*run);
  for (int i = 0; i < 4; ++i) later->allocations.push_back({"size=0.5", sample::layerName(i, 4), i < 2 ? 4 : 2});
  page->showRun(later);
  const std::vector<std::int64_t> chosen{4, 4, 2, 2};
  QCOMPARE(page->held().bits, chosen);
  QCOMPARE(page->share()->value(), 0.5);
  edit(*page, 0, 8);
  const auto again = std::make_shared<RunResults>(*later);
  page->showRun(again);
  QCOMPARE(page->held().bits[0], std::int64_t{8});
}

void TestBitsRows::inputsThatCannotBeCounted_data() {
  QTest::addColumn<QString>("what");
  QTest::addColumn<QString>("said");
  QTest::newRow("not finite") << "nan"
                              << "no finite omega";
  QTest::newRow("a layer is missing") << "missing"
                                      << "input_sensitivity.csv";
  QTest::newRow("none") << "none"
                        << "input_sensitivity.csv";
  QTest::newRow("the run left them out") << "note"
                                         << "of another matrix";
}

void TestBitsRows::inputsThatCannotBeCounted() {
  QFETCH(QString, what);
  QFETCH(QString, said);
  auto run = std::make_shared<RunResults>(*madeUp(6));
  run->recipe = sameInputs;
  run->inputSensitivity = inputRows(*run, 1);
  QVERIFY(pageOf(run)->remark().isEmpty());
  if (what == "nan") run->inputSensitivity[4].omega = std::nan("");
  if (what == "missing") run->inputSensitivity.resize(9);
  if (what == "none") run->inputSensitivity.clear();
  if (what == "note")
    run->info.notes.push_back("omega of a setting counts the weights alone, though inputs are: of another matrix");
  const auto page = pageOf(run);
  QCOMPARE(page->message(), QString());
  QVERIFY2(page->remark().contains("weights alone") && page->remark().contains(said), qPrintable(page->remark()));
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  QCOMPARE(page->table()->model()->index(1, BitsModel::Omega).data().toString(),
           numberText(layers[1].choices.back().omega, 3));
}

/// A table of the user's may have any; the first and the last layer are the network's.
void TestBitsRows::theNetworksOrder() {
  auto run = std::make_shared<RunResults>(*madeUp(4));
  run->recipe = "[quantization]\nfirst_last_bits = 8\n";
  std::reverse(run->sensitivity.begin(), run->sensitivity.end());
  std::rotate(run->sensitivity.begin(), run->sensitivity.begin() + 3, run->sensitivity.end());
  const auto choicesAt = [](const BitsPage& page, int row) {
    return qobject_cast<BitsModel*>(page.table()->model())->choices(row).size();
  };
  const auto byTable = pageOf(run);
  QCOMPARE(byTable->table()->model()->index(0, 0).data().toString().toStdString(), sample::layerName(2, 4));
  QCOMPARE(choicesAt(*byTable, 0), std::size_t{1});
  for (int i = 0; i < 4; ++i) run->settingBits.push_back({"uniform-4", sample::layerName(i, 4), 4});
  const auto page = pageOf(run);
  for (int i = 0; i < 4; ++i) {
    QCOMPARE(page->table()->model()->index(i, 0).data().toString().toStdString(), sample::layerName(i, 4));
    QCOMPARE(choicesAt(*page, i), std::size_t(i == 0 || i == 3 ? 1 : 3));
  }
}

void TestBitsRows::aFileOfSeveralSettings() {
  const auto run = madeUp(5);
  const auto page = pageOf(run);
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  const QString file = folder_.filePath("several.json");
  writeFileAtomically(
      file.toStdString(),
      bitsJson(layers, {{"small", uniformSetting(layers, 2)}, {"middle", uniformSetting(layers, 4)}}, {}));
  page->loadFrom(file);
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 8));  // it asks first
  auto* dialog = page->findChild<QDialog*>("ChooseSetting");
  QVERIFY(dialog && dialog->isVisible());
  auto* list = dialog->findChild<QTreeWidget*>();
  QCOMPARE(list->topLevelItemCount(), 2);
  QCOMPARE(list->topLevelItem(1)->text(0), QString("middle"));
  QCOMPARE(list->topLevelItem(1)->text(1), numberText(uniformSetting(layers, 4).omega, 4));
  QCOMPARE(list->topLevelItem(1)->text(2), numberText(uniformSetting(layers, 4).sizeBytes / 1e6, 4));
  QTest::keyClick(list, Qt::Key_Down);
  dialog->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 4));
  page->history()->undo();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 8));
  QTRY_VERIFY(!page->findChild<QDialog*>("ChooseSetting"));
  page->loadFrom(file);
  page->findChild<QDialog*>("ChooseSetting")->reject();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 8));
}

void TestBitsRows::theRunGoesOnWhileOneIsChosen() {
  auto run = std::make_shared<RunResults>(*madeUp(5));
  run->recipe = sameInputs;
  const auto page = pageOf(run);
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  const QString file = folder_.filePath("two.json");
  writeFileAtomically(
      file.toStdString(),
      bitsJson(layers, {{"small", uniformSetting(layers, 2)}, {"middle", uniformSetting(layers, 4)}}, {}));
  QSignalSpy failed(page.get(), &BitsPage::failed);
  const auto load = [&] { page->findChild<QDialog*>("ChooseSetting")->accept(); };
  page->loadFrom(file);
  auto later = std::make_shared<RunResults>(*run);  // with another Ω of the same bits
  later->inputSensitivity = inputRows(*run, 1);
  page->showRun(later);
  load();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(5, 2));
  QVERIFY(failed.isEmpty());
  QTRY_VERIFY(!page->findChild<QDialog*>("ChooseSetting"));
  page->loadFrom(file);
  page->showRun(std::make_shared<RunResults>(*madeUp(4)));
  load();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(4, 8));
  QCOMPARE(failed.size(), 1);
  QVERIFY2(failed.front().front().toString().contains("other layers"), qPrintable(failed.front().front().toString()));
}

void TestBitsRows::theEditorHasRoom() {
  const auto page = pageOf(madeUp(5));
  auto* table = page->table();
  const auto cell = table->model()->index(2, BitsModel::Bits);
  table->setCurrentIndex(cell);
  table->edit(cell);
  auto* box = table->viewport()->findChild<QComboBox*>();
  QVERIFY(box);
  QVERIFY2(box->width() >= box->sizeHint().width(), qPrintable(QString::number(box->width())));
  QVERIFY(table->viewport()->rect().contains(box->geometry()));
  QVERIFY(box->width() > table->columnWidth(BitsModel::Bits));
}

QTEST_MAIN(TestBitsRows)
#include "tst_bits_rows.moc"
