// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/field_editor.h"
#include "app/recipe_form.h"
#include "core/study/recipe.h"

using namespace eigenscape;

class TestRecipeForm : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void showsAndReturnsEveryRecipe();
  void everyPlainKeyHasAnEditorWithHelp();
  void changesAreMarkedAndTakenBack();
  void wrongValuesAreSaidBesideTheField();
  void combinationsAreSaidToo();
  void entriesCanBeAddedAndRemoved();
  void editsOverABaseline();
  void changesCanBeUndone();
  void aRemovedEntryComesBackAsItself();
  void aGivenTableIsLookedAt();
};

void TestRecipeForm::showsAndReturnsEveryRecipe() {
  RecipeForm form;
  for (const auto& shipped : shippedRecipes()) {
    const Recipe recipe = parseRecipe(shipped.toml, shipped.name);
    form.setRecipe(recipe);
    QCOMPARE(toToml(form.recipe()), toToml(recipe));
    QVERIFY(!form.isChanged());
  }
}

void TestRecipeForm::everyPlainKeyHasAnEditorWithHelp() {
  const RecipeForm form;
  for (const auto& field : recipeFields()) {
    if (field.isEntry()) continue;
    FieldEditor* editor = form.editor(field.key);
    QVERIFY2(editor, field.key.c_str());
    QVERIFY(editor->toolTip().contains(QString::fromStdString(field.help).toHtmlEscaped()));
    QVERIFY(editor->toolTip().contains(QString::fromStdString(field.accepted()).toHtmlEscaped()));
  }
}

void TestRecipeForm::changesAreMarkedAndTakenBack() {
  RecipeForm form;
  form.setRecipe(loadRecipe("quickstart"));
  const QSignalSpy edited(&form, &RecipeForm::edited);
  FieldEditor* epochs = form.editor("training.epochs");
  const std::int64_t before = form.recipe().training.epochs;
  QCOMPARE(epochs->text(), QString::number(before));
  epochs->setText("123");
  QVERIFY(epochs->isChanged() && form.isChanged());
  QVERIFY(edited.size() > 0);
  QCOMPARE(form.recipe().training.epochs, std::int64_t{123});
  epochs->reset();
  QVERIFY(!epochs->isChanged() && !form.isChanged());
  QCOMPARE(form.recipe().training.epochs, before);
  FieldEditor* augment = form.editor("data.augment");
  augment->setText("true");
  QVERIFY(form.recipe().data.augment);
  FieldEditor* schedule = form.editor("training.schedule");
  schedule->setText("cosine");
  QCOMPARE(form.recipe().training.schedule, std::string("cosine"));
}

void TestRecipeForm::wrongValuesAreSaidBesideTheField() {
  RecipeForm form;
  form.setRecipe(loadRecipe("quickstart"));
  QCOMPARE(form.problem(), QString());
  FieldEditor* momentum = form.editor("training.momentum");
  momentum->setText("2");
  QCOMPARE(momentum->shownProblem(), QString("expected a number from 0 to 1"));
  QVERIFY(form.problem().startsWith("training.momentum"));
  momentum->setText("0.5");
  QCOMPARE(momentum->shownProblem(), QString());
  QCOMPARE(form.problem(), QString());
  FieldEditor* optimizer = form.editor("training.optimizer");
  optimizer->setText("kfac");
  QVERIFY(optimizer->shownProblem().contains("not available in this version"));
}

void TestRecipeForm::combinationsAreSaidToo() {
  RecipeForm form;
  form.setRecipe(loadRecipe("quickstart"));
  form.editor("data.dataset")->setText("cifar10");
  QVERIFY(form.problem().startsWith("data.path is empty"));
  QVERIFY2(!form.editor("data.path")->shownProblem().isEmpty(), qPrintable(form.problem()));
  form.editor("data.dataset")->reset();
  QCOMPARE(form.problem(), QString());
  form.entryEditor("surface.y", 0)->setText("eigenvector:1");
  QVERIFY(form.problem().startsWith("surface.e1-e2.y"));
  QVERIFY(!form.entryEditor("surface.y", 0)->shownProblem().isEmpty());
}

void TestRecipeForm::entriesCanBeAddedAndRemoved() {
  RecipeForm form;
  form.setRecipe(loadRecipe("quickstart"));
  form.addEntry("profile");
  QCOMPARE(form.recipe().profiles.size(), std::size_t{3});
  QCOMPARE(form.problem(), QString());
  form.entryEditor("profile.x", 2)->setText("gradient");
  QCOMPARE(form.recipe().profiles[2].x, std::string("gradient"));
  form.removeEntry("profile", 0);
  const Recipe recipe = form.recipe();
  QCOMPARE(recipe.profiles.size(), std::size_t{2});
  QCOMPARE(recipe.profiles[0].name, std::string("random"));
  QCOMPARE(recipe.profiles[1].x, std::string("gradient"));
  QVERIFY(!form.entryEditor("profile.x", 2));
}

void TestRecipeForm::editsOverABaseline() {
  const Recipe baseline = loadRecipe("quickstart");
  Recipe edited = baseline;
  edited.seed = 9;
  edited.profiles.pop_back();
  RecipeForm form;
  form.setRecipe(baseline, edited);
  QCOMPARE(toToml(form.recipe()), toToml(edited));
  QVERIFY(form.isChanged());
  QVERIFY(form.editor("seed")->isChanged());
  form.editor("seed")->reset();
  QCOMPARE(form.recipe().seed, std::int64_t{0});
}

/// What is wrong with a file is a problem of the form like any other.
void TestRecipeForm::aGivenTableIsLookedAt() {
  QTemporaryDir folder;
  const auto write = [&](const char* content) {
    QFile file(folder.filePath("s.csv"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(content);
  };
  write("layer,bits,parameters,omega\na,2,10,1\na,4,10,0.5\n");
  Recipe recipe;
  recipe.quantization.enabled = true;
  recipe.quantization.sensitivity = folder.filePath("s.csv").toStdString();
  recipe.quantization.bits = {2, 4};
  RecipeForm form;
  form.setRecipe(recipe);
  QCOMPARE(form.problem(), QString());
  QCOMPARE(form.recipe().data.dataset, std::string());  // no data were made up
  write("layer,bits,parameters,omega\na,2,10,nan\na,4,10,0.5\n");
  form.setRecipe(recipe);
  QVERIFY2(form.problem().contains("omega is not a finite number"), qPrintable(form.problem()));
}

void TestRecipeForm::aRemovedEntryComesBackAsItself() {
  Recipe recipe;
  recipe.profiles.resize(2);
  recipe.profiles[0].name = "a", recipe.profiles[0].points = 5;
  recipe.profiles[1].name = "b", recipe.profiles[1].points = 7;
  RecipeForm form;
  form.setRecipe(recipe);
  form.removeEntry("profile", 0);
  form.history()->undo();
  QCOMPARE(form.recipe().profiles.size(), std::size_t(2));
  QCOMPARE(form.entryEditor("profile.name", 0)->text(), QString("a"));
  QCOMPARE(form.entryEditor("profile.points", 0)->text(), QString("5"));
  QVERIFY(!form.isChanged());
  // The box is its own too: what "reset" goes back to.
  form.entryEditor("profile.points", 0)->setText("9");
  form.entryEditor("profile.points", 0)->reset();
  QCOMPARE(form.entryEditor("profile.points", 0)->text(), QString("5"));
}

void TestRecipeForm::changesCanBeUndone() {
  RecipeForm form;
  const Recipe recipe = loadRecipe("quickstart");
  form.setRecipe(recipe);
  QUndoStack* history = form.history();
  QVERIFY(!history->canUndo());
  // What is typed into one field is one change, what follows in another is another.
  for (const char* text : {"1", "12", "123"}) form.editor("training.epochs")->setText(text);
  QCOMPARE(history->count(), 1);
  form.editor("seed")->setText("7");
  form.editor("data.augment")->setText(recipe.data.augment ? "false" : "true");
  form.editor("training.momentum")->setText("many");  // wrong values too
  QCOMPARE(history->count(), 4);
  history->undo();
  QCOMPARE(form.problem(), QString());
  history->undo();
  history->undo();
  QCOMPARE(form.recipe().seed, recipe.seed);
  QCOMPARE(form.recipe().training.epochs, std::int64_t{123});
  history->undo();
  QCOMPARE(toToml(form.recipe()), toToml(recipe));
  QVERIFY(!history->canUndo());
  history->redo();
  history->redo();
  QCOMPARE(form.recipe().seed, std::int64_t{7});
  // Typed and taken back is no change.
  const int before = history->index();
  form.editor("training.epochs")->setText("124");
  form.editor("training.epochs")->setText("123");
  QCOMPARE(history->index(), before);
  // Entries that were removed or added come back with all that stood in them.
  const auto text = toToml(form.recipe());
  form.entryEditor("profile.x", 0)->setText("gradient");
  form.removeEntry("profile", 0);
  form.addEntry("surface");
  history->undo();
  history->undo();
  QCOMPARE(form.recipe().profiles.front().x, std::string("gradient"));
  history->undo();
  QCOMPARE(toToml(form.recipe()), text);
  // Another recipe begins another history.
  form.setRecipe(recipe);
  QVERIFY(!history->canUndo() && !history->canRedo());
}

QTEST_MAIN(TestRecipeForm)
#include "tst_recipe_form.moc"
