// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/caption.h"

#include <QFontMetricsF>
#include <QObject>
#include <QPainter>
#include <algorithm>
#include <filesystem>

namespace eigenscape {
namespace {

constexpr double captionSize = 0.8;  // of the figure's font
constexpr double marginMm = 1.5;

/// "50 000", with a thin space that does not break.
QString grouped(std::int64_t count) {
  QString digits = QString::number(count);
  for (qsizetype at = digits.size() - 3; at > 0; at -= 3) digits.insert(at, QChar(0x202F));
  return digits;
}

QString text(const std::string& value) {
  return QString::fromStdString(value);
}

QString fileName(const std::string& path) {
  return text(std::filesystem::path(path).filename().string());
}

QString operatorName(const std::string& op) {
  if (op == "hessian") return QStringLiteral("Hessian");
  if (op == "ggn") return QStringLiteral("Gauss–Newton");
  if (op == "fisher") return QStringLiteral("empirical Fisher");
  if (op == "fisher_sampled") return QStringLiteral("Fisher, drawn labels");
  return text(op);
}

/// A short part stays on one line.
QString together(const QString& part) {
  return part.size() <= 32 ? QString(part).replace(' ', QChar(0xA0)) : part;
}

QString data(const RunInfo& info, const Provenance& provenance) {
  if (info.dataset.empty()) return {};
  QString said = text(info.dataset);
  QStringList parts;
  for (const auto& [name, all] :
       {std::pair<QString, std::int64_t>{"train", info.trainExamples}, {"test", info.testExamples}}) {
    if (!provenance.split.contains(name)) continue;
    const std::int64_t used = provenance.samples > 0 && all > 0 ? std::min(provenance.samples, all)
                              : provenance.samples > 0          ? provenance.samples
                                                                : all;
    parts << (used > 0 ? name + " (" + grouped(used) + ")" : name);
  }
  if (!parts.isEmpty()) said += ", " + parts.join(" and ");
  return said;
}

QString model(const RunInfo& info) {
  if (info.model.empty()) return {};
  QString said = fileName(info.model);
  if (info.parameters > 0) said += ", " + grouped(info.parameters) + " parameters";
  if (!info.weights.empty()) said += ", weights " + fileName(info.weights);
  return said;
}

}  // namespace

std::int64_t curvatureSamples(const RunInfo& info) {
  const auto all = info.curvatureSplit == "test" ? info.testExamples : info.trainExamples;
  return info.curvatureSamples == all ? 0 : info.curvatureSamples;
}

QString epochWords(std::int64_t shown, std::int64_t wanted) {
  QString words = QStringLiteral("epoch %1").arg(shown);
  if (shown == wanted) return words;
  return words + (shown < wanted ? QStringLiteral(" (the last measured before %1)").arg(wanted)
                                 : QStringLiteral(" (the first measured)"));
}

namespace {

/// Model, data, epoch, seed, operator, program; what is not known is empty.
QStringList captionParts(const RunInfo& info, const Provenance& provenance) {
  QStringList parts;
  parts << model(info) << data(info, provenance);
  parts << (provenance.epoch >= 0 ? QStringLiteral("epoch %1").arg(provenance.epoch) : QString());
  parts << QStringLiteral("seed %1").arg(info.seed);
  QString said;
  if (provenance.curvature && !info.curvatureOperator.empty()) {
    said = operatorName(info.curvatureOperator);
    // Where the figure shows both splits of the operator's own examples, the part on the data says how many of each.
    const bool counted = info.curvatureSplit == "both" && provenance.split.contains("test") &&
                         provenance.samples == curvatureSamples(info);
    if (info.curvatureSamples > 0 && !counted) {
      said += " over " + grouped(info.curvatureSamples) + (info.curvatureSplit == "test" ? " test" : "") + " examples";
    }
  }
  const QString program = text(info.program);
  parts << said << (program.contains("igenscape") || program.isEmpty() ? program : "Eigenscape " + program);
  return parts;
}

QString joinedCaption(const QStringList& parts, const QStringList& notes) {
  QStringList said;
  for (const QString& part : parts) {
    if (!part.isEmpty()) said << together(part);
  }
  QString caption = said.join(QStringLiteral("\u00A0· "));
  for (const QString& note : notes) {
    if (!note.isEmpty()) caption += (caption.isEmpty() ? "" : ". ") + together(note.left(1).toUpper() + note.mid(1));
  }
  return caption.isEmpty() ? caption : caption + '.';
}

}  // namespace

QString captionText(const RunInfo& info, const Provenance& provenance) {
  return joinedCaption(captionParts(info, provenance), provenance.notes);
}

QString captionText(const std::vector<const RunInfo*>& infos, const std::vector<Provenance>& provenance,
                    const QStringList& notes) {
  std::vector<QStringList> all;
  for (std::size_t i = 0; i < infos.size(); ++i) all.push_back(captionParts(*infos[i], provenance[i]));
  QStringList parts;
  for (qsizetype k = 0; !all.empty() && k < all.front().size(); ++k) {
    QStringList each;
    for (const auto& own : all) each << own[k];
    QStringList different = each;
    different.removeDuplicates();
    QString part = different.size() == 1 ? different.front() : each.join(QStringLiteral(" / "));
    // "seed 1 / 2": the word once.
    const QString word = each.front().section(' ', 0, 0) + ' ';
    const bool sameWord = std::all_of(each.begin(), each.end(),
                                      [&](const QString& one) { return one.startsWith(word) && one.count(' ') == 1; });
    if (different.size() > 1 && sameWord) {
      for (QString& one : each) one = one.mid(word.size());
      part = word + each.join(QStringLiteral(" / "));
    }
    parts << part;
  }
  QStringList unique = notes;
  unique.removeDuplicates();
  return joinedCaption(parts, unique);
}

namespace {

QRectF textArea(const QRectF& area, const Style& style) {
  const double margin = style.millimetres(marginMm);
  return area.adjusted(margin, margin * 0.4, -margin, -margin);
}

}  // namespace

std::vector<std::pair<QString, QString>> provenanceFacts(const Provenance& provenance) {
  std::vector<std::pair<QString, QString>> facts;
  if (provenance.epoch >= 0) facts.emplace_back(QObject::tr("epoch"), QString::number(provenance.epoch));
  if (!provenance.split.isEmpty()) facts.emplace_back(QObject::tr("split"), provenance.split);
  if (!provenance.split.isEmpty())
    facts.emplace_back(QObject::tr("samples of it"),
                       provenance.samples > 0 ? QString::number(provenance.samples) : QObject::tr("all"));
  for (const auto& note : provenance.notes) {
    if (!note.isEmpty()) facts.emplace_back(QObject::tr("note"), note);
  }
  return facts;
}

double captionHeight(const QString& text, const Style& style, double width) {
  if (text.isEmpty()) return 0;
  const QRectF inner = textArea(QRectF(0, 0, width, 10000), style);
  const QFontMetricsF metrics(style.font(captionSize));
  const QRectF bounds = metrics.boundingRect(inner, Qt::TextWordWrap | Qt::AlignLeft | Qt::AlignTop, text);
  // Devices round advances differently; a line more than measured must still find room for its first half.
  return std::ceil(bounds.height() + 10000 - inner.height() + 0.2 * metrics.height());
}

void paintCaption(QPainter& painter, const QString& text, const Style& style, const QRectF& area) {
  if (text.isEmpty()) return;
  painter.save();
  painter.setFont(style.font(captionSize));
  painter.setPen(style.softInk());
  painter.drawText(textArea(area, style), Qt::TextWordWrap | Qt::AlignLeft | Qt::AlignTop, text);
  painter.restore();
}

}  // namespace eigenscape
