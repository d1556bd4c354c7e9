// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <functional>
#include <memory>
#include <thread>

#include "core/results/run_directory.h"
#include "core/study/study.h"

namespace eigenscape {

/// How a study ended.
struct JobEnd {
  enum class How { Done, Stopped, Failed } how = How::Done;
  QString message;                                  ///< one line, of a failed one
  std::shared_ptr<const RunResults> run = nullptr;  ///< what it left, of one that is done
};

/// A study on a thread of its own. Everything arrives as a signal on the thread that the job lives on; progress and
/// changes are joined when they come faster than they are taken.
class Job : public QObject {
  Q_OBJECT
 public:
  /// `prepare` is done on the job's thread before the study, and may throw what a study throws.
  Job(Recipe recipe, StudyOptions options, std::function<void()> prepare = {}, QObject* parent = nullptr);
  /// Stops the study and waits for it: at most one batch.
  ~Job() override;

  void start();
  void cancel();
  bool isCancelled() const { return thread_.get_stop_token().stop_requested(); }
  const Recipe& recipe() const { return recipe_; }
  const std::filesystem::path& directory() const { return options_.out; }

 Q_SIGNALS:
  void progressed(const eigenscape::StudyProgress& progress);
  void logged(const QString& line);
  void changed();  ///< rows were added to the run directory
  void ended(const eigenscape::JobEnd& end);

 private:
  struct Mail;
  void work(const std::stop_token& stop);
  void deliver();

  Recipe recipe_;
  StudyOptions options_;
  std::function<void()> prepare_;
  std::shared_ptr<Mail> mail_;
  std::jthread thread_;
};

}  // namespace eigenscape
