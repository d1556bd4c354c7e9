// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <QUndoCommand>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace eigenscape {

/// What stands in all fields of the recipe form, right or wrong.
struct FormState {
  QStringList plain;                                        ///< in the order of the editors
  std::map<std::string, std::vector<QStringList>> entries;  ///< by section
  std::map<std::string, QStringList> titles;                ///< of the entries' boxes, by section
  bool quantize = false;
  bool operator==(const FormState&) const = default;

  /// Names the one plain field or entry's field in which both differ; empty where there is none or more than one.
  std::string onlyDifference(const FormState& other) const;
};

/// One change of the form. What is typed into one field without a pause in another is one change.
class FormChange : public QUndoCommand {
 public:
  using Apply = std::function<void(const FormState&)>;
  FormChange(FormState before, FormState after, std::string field, Apply apply);

  void undo() override { apply_(before_); }
  /// Has happened already when it is pushed.
  void redo() override;
  int id() const override { return 1; }
  bool mergeWith(const QUndoCommand* next) override;

 private:
  FormState before_, after_;
  std::string field_;
  Apply apply_;
  bool happened_ = true;
};

}  // namespace eigenscape
