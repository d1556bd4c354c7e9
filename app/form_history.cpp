// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/form_history.h"

#include <QCoreApplication>
#include <utility>

namespace eigenscape {
namespace {

/// The indices at which two lists of the same length differ are told to `found`.
template <class Found>
void differences(const QStringList& a, const QStringList& b, Found&& found) {
  for (qsizetype i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) found(std::to_string(i));
  }
}

}  // namespace

std::string FormState::onlyDifference(const FormState& other) const {
  if (plain.size() != other.plain.size() || entries.size() != other.entries.size() || titles != other.titles) return {};
  std::vector<std::string> all;
  differences(plain, other.plain, [&](const std::string& at) { all.push_back(at); });
  if (quantize != other.quantize) all.push_back("quantize");
  for (const auto& [section, list] : entries) {
    const auto found = other.entries.find(section);
    if (found == other.entries.end() || found->second.size() != list.size()) return {};
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].size() != found->second[i].size()) return {};
      differences(list[i], found->second[i], [&, name = section, i](const std::string& at) {
        all.push_back(name + '/' + std::to_string(i) + '/' + at);
      });
    }
  }
  return all.size() == 1 ? all.front() : std::string();
}

FormChange::FormChange(FormState before, FormState after, std::string field, Apply apply)
    : QUndoCommand(QCoreApplication::translate("FormChange", "change of the recipe")),
      before_(std::move(before)),
      after_(std::move(after)),
      field_(std::move(field)),
      apply_(std::move(apply)) {}

void FormChange::redo() {
  if (!std::exchange(happened_, false)) apply_(after_);
}

bool FormChange::mergeWith(const QUndoCommand* next) {
  const auto* other = static_cast<const FormChange*>(next);
  if (field_.empty() || other->field_ != field_) return false;
  after_ = other->after_;
  // Typed and taken back again: as if nothing had been.
  setObsolete(after_ == before_);
  return true;
}

}  // namespace eigenscape
