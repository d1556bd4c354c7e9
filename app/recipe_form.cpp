// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/recipe_form.h"

#include <QCheckBox>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/appearance.h"
#include "app/form_section.h"
#include "core/results/error.h"
#include "core/study/recipe.h"

namespace eigenscape {
namespace {

QString labelOf(const Field& field) {
  return QString::fromStdString(field.key.substr(field.key.rfind('.') + 1)).replace('_', ' ');
}

QString titleOf(const std::string& section) {
  if (section.empty()) return QObject::tr("Study");
  if (section == "training.adversary") return QObject::tr("Adversary");
  QString title = QString::fromStdString(section);
  title[0] = title[0].toUpper();
  return title;
}

/// A section whose fields all lie under "more" is itself one that few people need.
bool startsOpen(const std::string& section) {
  return section == "data" || section == "model" || section == "training";
}

std::string keyOf(const QString& message) {
  return message.section(' ', 0, 0).section('=', 0, 0).toStdString();
}

/// What is too high for its place.
QScrollArea* scrolling(const QString& name) {
  auto* area = new QScrollArea;
  area->setWidgetResizable(true);
  area->setFrameShape(QFrame::NoFrame);
  area->setAccessibleName(name);
  area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  return area;
}

}  // namespace

RecipeForm::RecipeForm(QWidget* parent) : QWidget(parent), history_(new QUndoStack(this)) {
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  auto* area = scrolling(tr("recipe"));
  auto* content = new QWidget;
  column_ = new QVBoxLayout(content);
  column_->setContentsMargins(4, 4, 8, 4);
  column_->setSpacing(2);
  addPlainFields();
  column_->addStretch(1);
  area->setWidget(content);

  complaint_ = new ToneLabel(ToneLabel::Tone::Problem);
  complaint_->setObjectName(QStringLiteral("complaint"));
  complaint_->setMargin(4);
  plan_ = new ToneLabel(ToneLabel::Tone::Faint);
  plan_->setMargin(4);
  plan_->setAlignment(Qt::AlignTop);
  auto* planned = scrolling(tr("work that the recipe asks for"));
  planned->setWidget(plan_);
  // The work of a large recipe would leave its fields no room.
  auto* both = new QSplitter(Qt::Vertical);
  both->addWidget(area);
  both->addWidget(planned);
  both->setStretchFactor(0, 3);
  both->setStretchFactor(1, 1);
  both->setSizes({420, 140});
  both->setChildrenCollapsible(false);
  outer->addWidget(both, 1);
  outer->addWidget(complaint_);
  setRecipe(Recipe());
}

FormSection* RecipeForm::addSection(const QString& title, const QString& name) {
  auto* section = new FormSection(title, startsOpen(name.toStdString()) || name.isEmpty());
  column_->addWidget(section);
  return section;
}

FieldEditor* RecipeForm::addField(FormSection* section, const Field& field) {
  auto* editor = new FieldEditor(field);
  connect(editor, &FieldEditor::edited, this, &RecipeForm::changed);
  section->addRow(labelOf(field), editor, field.advanced);
  return editor;
}

void RecipeForm::addPlainFields() {
  std::map<std::string, FormSection*> sections;
  for (const auto& field : recipeFields()) {
    const std::string name = field.section();
    FormSection*& section = sections[name];
    if (!section) {
      const bool listed = field.isEntry();
      section = addSection(titleOf(name) + (listed ? QStringLiteral("s") : QString()), QString::fromStdString(name));
      if (listed) {
        entrySections_[name] = section;
        auto* add = new QPushButton(tr("Add a %1").arg(QString::fromStdString(name)));
        connect(add, &QPushButton::clicked, this, [this, name] { addEntry(name); });
        section->addWidget(add);
      } else if (name == "quantization") {
        quantize_ = new QCheckBox(tr("sensitivity of each layer"));
        connect(quantize_, &QCheckBox::toggled, this, &RecipeForm::changed);
        section->addRow(tr("compute"), quantize_, false);
      }
    }
    if (!field.isEntry()) editors_.push_back(addField(section, field));
  }
}

void RecipeForm::setRecipe(const Recipe& recipe) {
  setRecipe(recipe, recipe);
}

void RecipeForm::setRecipe(const Recipe& baseline, const Recipe& edited) {
  filling_ = true;
  baseline_ = baseline;
  Recipe from = baseline, to = edited;
  for (FieldEditor* one : editors_) {
    one->setBaseline(one->field().slot(from));
    one->setValue(one->field().slot(to));
  }
  quantize_->setChecked(edited.quantization.enabled);
  showEntries("profile", baseline.profiles, edited.profiles);
  showEntries("surface", baseline.surfaces, edited.surfaces);
  filling_ = false;
  history_->clear();
  last_ = state();
  changed();
}

QStringList RecipeForm::titlesOf(const std::vector<Entry>& list) {
  QStringList titles;
  for (const Entry& entry : list) titles << static_cast<FormSection*>(entry.box)->title();
  return titles;
}

FormState RecipeForm::state() const {
  FormState state;
  for (const FieldEditor* one : editors_) state.plain << one->text();
  for (const auto& [section, list] : entries_) {
    auto& texts = state.entries[section];
    state.titles[section] = titlesOf(list);
    for (const Entry& entry : list) {
      texts.emplace_back();
      for (const FieldEditor* one : entry.editors) texts.back() << one->text();
    }
  }
  state.quantize = quantize_->isChecked();
  return state;
}

void RecipeForm::show(const FormState& state) {
  filling_ = true;
  for (std::size_t i = 0; i < editors_.size(); ++i) editors_[i]->setText(state.plain[qsizetype(i)]);
  for (const auto& [section, texts] : state.entries) {
    auto& list = entries_[section];
    // Title and baseline belong to a box: other entries are other boxes.
    if (const auto& titles = state.titles.at(section); titlesOf(list) != titles) {
      std::vector<LandscapeRecipe> named(std::size_t(titles.size()));
      for (std::size_t i = 0; i < named.size(); ++i) named[i].name = titles[qsizetype(i)].toStdString();
      showEntries(section, section == "profile" ? baseline_.profiles : baseline_.surfaces, named);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (std::size_t k = 0; k < list[i].editors.size(); ++k) list[i].editors[k]->setText(texts[i][qsizetype(k)]);
    }
  }
  quantize_->setChecked(state.quantize);
  filling_ = false;
  last_ = this->state();
  check();
  Q_EMIT edited();
}

void RecipeForm::showEntries(const std::string& section, const std::vector<LandscapeRecipe>& baseline,
                             const std::vector<LandscapeRecipe>& edited) {
  for (auto& entry : entries_[section]) {
    // It may hold the button that is being clicked.
    entry.box->hide();
    entry.box->deleteLater();
  }
  entries_[section].clear();
  for (const auto& entry : edited) {
    const auto same =
        std::find_if(baseline.begin(), baseline.end(), [&](const auto& one) { return one.name == entry.name; });
    entries_[section].push_back(makeEntry(section, same == baseline.end() ? entry : *same, entry));
  }
}

RecipeForm::Entry RecipeForm::makeEntry(const std::string& section, const LandscapeRecipe& baseline,
                                        const LandscapeRecipe& edited) {
  Entry entry;
  auto* box = new FormSection(QString::fromStdString(edited.name), false);
  entry.box = box;
  LandscapeRecipe from = baseline, to = edited;
  for (const auto& field : recipeFields()) {
    if (!field.isEntry() || field.section() != section) continue;
    auto* editor = addField(box, field);
    editor->setBaseline(field.entrySlot(from));
    editor->setValue(field.entrySlot(to));
    entry.editors.push_back(editor);
  }
  auto* remove = new QPushButton(tr("Remove"));
  connect(remove, &QPushButton::clicked, this, [this, section, box] {
    const auto& list = entries_[section];
    const auto found = std::find_if(list.begin(), list.end(), [&](const Entry& one) { return one.box == box; });
    if (found != list.end()) removeEntry(section, static_cast<std::size_t>(found - list.begin()));
  });
  box->addWidget(remove);
  entrySections_[section]->addWidget(box);
  return entry;
}

void RecipeForm::addEntry(const std::string& section) {
  LandscapeRecipe entry;
  auto& list = entries_[section];
  if (section == "surface") {
    entry.y = "eigenvector:2";
    entry.points = 21;
  }
  entry.samples = 512;
  entry.name = section + "-" + std::to_string(list.size() + 1);
  list.push_back(makeEntry(section, entry, entry));
  static_cast<FormSection*>(list.back().box)->setOpen(true);
  entrySections_[section]->setOpen(true);
  changed();
}

void RecipeForm::removeEntry(const std::string& section, std::size_t index) {
  auto& list = entries_[section];
  if (index >= list.size()) return;
  // The button that was clicked lies inside.
  list[index].box->hide();
  list[index].box->deleteLater();
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
  changed();
}

std::vector<LandscapeRecipe> RecipeForm::entries(const std::string& section) const {
  std::vector<LandscapeRecipe> list;
  const auto found = entries_.find(section);
  if (found == entries_.end()) return list;
  for (const auto& entry : found->second) {
    LandscapeRecipe one;
    for (const FieldEditor* editor : entry.editors) editor->store(editor->field().entrySlot(one), editor->field().key);
    list.push_back(std::move(one));
  }
  return list;
}

Recipe RecipeForm::recipe() const {
  Recipe recipe = baseline_;
  for (const FieldEditor* one : editors_) one->store(one->field().slot(recipe), one->field().key);
  recipe.profiles = entries("profile");
  recipe.surfaces = entries("surface");
  recipe.quantization.enabled = quantize_->isChecked();
  return recipe;
}

bool RecipeForm::isChanged() const {
  try {
    return toToml(recipe()) != toToml(baseline_);
  } catch (const RecipeError&) {
    return true;
  }
}

FieldEditor* RecipeForm::editor(const std::string& key) const {
  const auto found = std::find_if(editors_.begin(), editors_.end(), [&](auto* one) { return one->field().key == key; });
  return found == editors_.end() ? nullptr : *found;
}

FieldEditor* RecipeForm::entryEditor(const std::string& key, std::size_t index) const {
  const auto found = entries_.find(key.substr(0, key.find('.')));
  if (found == entries_.end() || index >= found->second.size()) return nullptr;
  for (FieldEditor* one : found->second[index].editors) {
    if (one->field().key == key) return one;
  }
  return nullptr;
}

void RecipeForm::changed() {
  if (filling_) return;
  FormState now = state();
  if (now != last_) {
    history_->push(new FormChange(last_, now, last_.onlyDifference(now), [this](const FormState& to) { show(to); }));
    last_ = std::move(now);
  }
  check();
  Q_EMIT edited();
}

void RecipeForm::check() {
  problem_.clear();
  plan_->clear();
  for (FieldEditor* one : editors_) one->setComplaint(QString());
  for (const auto& [section, list] : entries_) {
    for (const Entry& entry : list) {
      for (FieldEditor* one : entry.editors) one->setComplaint(QString());
    }
  }
  try {
    const Recipe now = recipe();
    validate(now);
    QString text;
    for (const auto& line : plannedWork(now)) text += (text.isEmpty() ? "" : "\n") + QString::fromStdString(line);
    plan_->setText(text);
  } catch (const std::runtime_error& error) {  // of the recipe, or of a file that it gives
    complain(QString::fromStdString(error.what()));
  }
  complaint_->setText(problem_);
  complaint_->setVisible(!problem_.isEmpty());
  plan_->setVisible(problem_.isEmpty());
}

FieldEditor* RecipeForm::editorOf(const std::string& key) const {
  if (FieldEditor* one = editor(key)) return one;
  const std::string section = key.substr(0, key.find('.')), last = key.substr(key.rfind('.') + 1);
  const auto found = entries_.find(section);
  if (found == entries_.end()) return nullptr;
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    const FieldEditor* name = entryEditor(section + ".name", i);
    if (key == section + "." + name->text().toStdString() + "." + last) return entryEditor(section + "." + last, i);
  }
  return nullptr;
}

void RecipeForm::complain(const QString& message) {
  problem_ = message;
  if (FieldEditor* one = editorOf(keyOf(message))) one->setComplaint(message.section(QStringLiteral(": "), 1));
}

}  // namespace eigenscape
