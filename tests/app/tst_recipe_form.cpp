// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
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

QTEST_MAIN(TestRecipeForm)
#include "tst_recipe_form.moc"
