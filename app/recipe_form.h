// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QUndoStack>
#include <QWidget>
#include <map>
#include <string>
#include <vector>

#include "app/field_editor.h"
#include "app/form_history.h"
#include "core/study/recipe.h"

class QCheckBox;
class QLabel;
class QVBoxLayout;

namespace eigenscape {

class FormSection;

/// The recipe as a form that is made from the table of its keys. What is changed is marked against the recipe that was
/// set last, and can be taken back; what is wrong is said beside the field.
class RecipeForm : public QWidget {
  Q_OBJECT
 public:
  explicit RecipeForm(QWidget* parent = nullptr);

  /// Shows the recipe; from now on changes are counted from it.
  void setRecipe(const Recipe& recipe);
  /// Shows `edited` as changes to `baseline`.
  void setRecipe(const Recipe& baseline, const Recipe& edited);
  /// What the form says. Throws RecipeError when a field holds what it does not accept.
  Recipe recipe() const;
  bool isChanged() const;
  /// "" when a study could start, else one line. Also shown in the form.
  QString problem() const { return problem_; }

  FieldEditor* editor(const std::string& key) const;  ///< of a plain key; nullptr when there is none
  /// Of "profile.x" in the entry with that number; nullptr when there is none.
  FieldEditor* entryEditor(const std::string& key, std::size_t index) const;
  void addEntry(const std::string& section);
  void removeEntry(const std::string& section, std::size_t index);
  /// What was changed since the recipe was set; another recipe begins another history.
  QUndoStack* history() const { return history_; }

 Q_SIGNALS:
  /// The form holds something else than before, or is good or wrong in another way.
  void edited();

 private:
  struct Entry {
    QWidget* box = nullptr;
    std::vector<FieldEditor*> editors;
  };
  FormSection* addSection(const QString& title, const QString& name);
  void addPlainFields();
  FieldEditor* addField(FormSection* section, const Field& field);
  void showEntries(const std::string& section, const std::vector<LandscapeRecipe>& baseline,
                   const std::vector<LandscapeRecipe>& edited);
  static QStringList titlesOf(const std::vector<Entry>& list);
  Entry makeEntry(const std::string& section, const LandscapeRecipe& baseline, const LandscapeRecipe& edited);
  std::vector<LandscapeRecipe> entries(const std::string& section) const;
  /// Of a key as errors name it: "profile.along-e1.x" too.
  FieldEditor* editorOf(const std::string& key) const;
  void check();
  void complain(const QString& message);
  void changed();
  FormState state() const;
  void show(const FormState& state);

  QUndoStack* history_;
  FormState last_;  ///< before the change that is being noticed
  Recipe baseline_;
  QString problem_;
  QVBoxLayout* column_ = nullptr;
  QLabel *complaint_ = nullptr, *plan_ = nullptr;
  QCheckBox* quantize_ = nullptr;
  std::vector<FieldEditor*> editors_;
  std::map<std::string, FormSection*> entrySections_;
  std::map<std::string, std::vector<Entry>> entries_;
  bool filling_ = false;
};

}  // namespace eigenscape
