// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/field_editor.h"

#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/appearance.h"

namespace eigenscape {
namespace {

QString tooltipOf(const Field& field) {
  const auto text = [](const std::string& part) { return QString::fromStdString(part).toHtmlEscaped(); };
  return QStringLiteral("<p><b>%1</b></p><p>%2</p><p>Accepted: %3<br>Default: <code>%4</code></p>")
      .arg(text(field.key), text(field.help), text(field.accepted()), text(defaultLiteral(field)));
}

bool isFlag(const Field& field) {
  return field.typeName() == "true/false";
}

}  // namespace

QString typedText(const Slot& slot) {
  if (auto* const* word = std::get_if<std::string*>(&slot)) return QString::fromStdString(**word);
  return QString::fromStdString(literal(slot));
}

FieldEditor::FieldEditor(const Field& field, QWidget* parent) : QWidget(parent), field_(field) {
  setToolTip(tooltipOf(field));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(1);
  auto* row = new QHBoxLayout;
  row->setSpacing(3);
  column->addLayout(row);
  makeEditor();
  QWidget* editor = check_ ? static_cast<QWidget*>(check_) : combo_ ? static_cast<QWidget*>(combo_) : line_;
  editor->setObjectName(QString::fromStdString(field.key));
  editor->setAccessibleName(QString::fromStdString(field.key));
  setFocusProxy(editor);
  row->addWidget(editor, 1);
  if (field.isPath) {
    auto* open = new QToolButton;
    open->setText(QStringLiteral("…"));
    open->setToolTip(tr("Choose a file or folder"));
    open->setAccessibleName(tr("choose a file for %1").arg(QString::fromStdString(field.key)));
    connect(open, &QToolButton::clicked, this, &FieldEditor::browse);
    row->addWidget(open);
  }
  reset_ = new QToolButton;
  reset_->setText(QStringLiteral("↺"));
  reset_->setAutoRaise(true);
  reset_->setAccessibleName(tr("take back the change of %1").arg(QString::fromStdString(field.key)));
  auto kept = reset_->sizePolicy();
  kept.setRetainSizeWhenHidden(true);
  reset_->setSizePolicy(kept);
  connect(reset_, &QToolButton::clicked, this, &FieldEditor::reset);
  row->addWidget(reset_);
  problem_ = new ToneLabel(ToneLabel::Tone::Problem);
  problem_->setObjectName(QStringLiteral("problem"));
  column->addWidget(problem_);
  refresh();
}

void FieldEditor::makeEditor() {
  if (isFlag(field_)) {
    check_ = new QCheckBox;
    connect(check_, &QCheckBox::toggled, this, &FieldEditor::refresh);
    return;
  }
  if (!field_.choices.empty()) {
    combo_ = new QComboBox;
    if (defaultLiteral(field_) == "\"\"") combo_->addItem(QString());
    for (const auto& choice : field_.choices) combo_->addItem(QString::fromStdString(choice));
    combo_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    combo_->setMinimumContentsLength(6);
    // Scrolling the form must not change what the pointer passes over.
    combo_->setFocusPolicy(Qt::StrongFocus);
    combo_->installEventFilter(this);
    connect(combo_, &QComboBox::currentTextChanged, this, &FieldEditor::refresh);
    return;
  }
  line_ = new QLineEdit;
  line_->setMinimumWidth(60);
  if (field_.isPath) line_->setPlaceholderText(tr("none"));
  line_->installEventFilter(this);
  connect(line_, &QLineEdit::textChanged, this, &FieldEditor::refresh);
}

bool FieldEditor::eventFilter(QObject* watched, QEvent* event) {
  if (watched == line_ && event->type() == QEvent::ShortcutOverride) {
    // The form has one history for all of its fields.
    auto* key = static_cast<QKeyEvent*>(event);
    if (key->matches(QKeySequence::Undo) || key->matches(QKeySequence::Redo)) {
      key->ignore();
      return true;
    }
  }
  if (watched == combo_ && event->type() == QEvent::Wheel && !combo_->hasFocus()) {
    event->ignore();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

QString FieldEditor::text() const {
  if (check_) return check_->isChecked() ? QStringLiteral("true") : QStringLiteral("false");
  return combo_ ? combo_->currentText() : line_->text().trimmed();
}

void FieldEditor::setText(const QString& text) {
  if (check_) {
    check_->setChecked(text == QLatin1String("true"));
  } else if (combo_) {
    // A value that this version does not offer is shown as it is, with what is wrong with it.
    if (combo_->findText(text) < 0) combo_->addItem(text);
    combo_->setCurrentText(text);
  } else {
    line_->setText(text);
    line_->setCursorPosition(0);
  }
}

void FieldEditor::setBaseline(const Slot& slot) {
  baseline_ = typedText(slot);
  complaint_.clear();
  setText(baseline_);
  refresh();
}

void FieldEditor::setValue(const Slot& slot) {
  setText(typedText(slot));
}

QString FieldEditor::problem() const {
  return QString::fromStdString(problemWith(field_, text().toStdString()));
}

void FieldEditor::setComplaint(const QString& complaint) {
  complaint_ = complaint;
  const QString own = problem();
  const QString shown =
      !own.isEmpty() ? (own.startsWith(QLatin1String("not ")) ? own : tr("expected %1").arg(own)) : complaint_;
  problem_->setText(shown);
  problem_->setVisible(!shown.isEmpty());
}

QString FieldEditor::shownProblem() const {
  return problem_->text();
}

void FieldEditor::store(const Slot& slot, const std::string& key) const {
  assignValue(field_, slot, key, text().toStdString());
}

void FieldEditor::browse() {
  const bool folder = field_.key == "data.path";
  auto* dialog = new QFileDialog(this, QString::fromStdString(field_.help), text());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(folder ? QFileDialog::Directory : QFileDialog::ExistingFile);
  connect(dialog, &QFileDialog::fileSelected, this, &FieldEditor::setText);
  dialog->open();
}

void FieldEditor::refresh() {
  const bool changed = isChanged();
  reset_->setVisible(changed);
  reset_->setToolTip(tr("Back to %1").arg(baseline_.isEmpty() ? tr("empty") : baseline_));
  QWidget* editor = check_ ? static_cast<QWidget*>(check_) : combo_ ? static_cast<QWidget*>(combo_) : line_;
  QFont font = editor->font();
  font.setBold(changed);
  editor->setFont(font);
  setComplaint(QString());
  Q_EMIT edited();
}

}  // namespace eigenscape
