// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/job.h"

#include <QMetaObject>
#include <QStringList>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {

/// What the study's thread has put down and the window's thread has not picked up.
struct Job::Mail {
  std::mutex mutex;
  bool posted = false, changed = false;
  std::optional<StudyProgress> progress;
  QStringList lines;
  std::optional<JobEnd> end;
};

namespace {

QString firstLine(const char* text) {
  return QString::fromUtf8(text).section('\n', 0, 0);
}

}  // namespace

Job::Job(Recipe recipe, StudyOptions options, std::function<void()> prepare, QObject* parent)
    : QObject(parent),
      recipe_(std::move(recipe)),
      options_(std::move(options)),
      prepare_(std::move(prepare)),
      mail_(std::make_shared<Mail>()) {}

Job::~Job() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Job::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Job::cancel() {
  thread_.request_stop();
}

void Job::work(const std::stop_token& stop) {
  const auto put = [this](auto&& fill) {
    const std::lock_guard lock(mail_->mutex);
    fill(*mail_);
    if (mail_->posted) return;
    mail_->posted = true;
    // The destructor joins this thread, and a queued call to a deleted object is dropped by Qt.
    QMetaObject::invokeMethod(this, &Job::deliver, Qt::QueuedConnection);
  };
  StudyContext context;
  context.stop = stop;
  context.progress = [&](const StudyProgress& progress) { put([&](Mail& mail) { mail.progress = progress; }); };
  context.log = [&](const std::string& line) { put([&](Mail& mail) { mail.lines << QString::fromStdString(line); }); };
  context.changed = [&](const std::string&) { put([](Mail& mail) { mail.changed = true; }); };
  JobEnd end;
  try {
    if (prepare_) prepare_();
    runStudy(recipe_, options_, context);
    end.run = std::make_shared<RunResults>(loadRun(options_.out));
  } catch (const Stopped&) {
    end.how = JobEnd::How::Stopped;
  } catch (const std::bad_alloc&) {
    end = {JobEnd::How::Failed, tr("not enough memory; lower curvature.memory or the number of samples"), {}};
  } catch (const std::exception& error) {
    end = {JobEnd::How::Failed, firstLine(error.what()), {}};
  }
  put([&](Mail& mail) { mail.end = end; });
}

void Job::deliver() {
  std::optional<StudyProgress> progress;
  std::optional<JobEnd> end;
  QStringList lines;
  bool rowsAdded = false;
  {
    const std::lock_guard lock(mail_->mutex);
    mail_->posted = false;
    progress.swap(mail_->progress);
    end.swap(mail_->end);
    lines.swap(mail_->lines);
    std::swap(rowsAdded, mail_->changed);
  }
  for (const auto& line : lines) Q_EMIT logged(line);
  if (progress) Q_EMIT progressed(*progress);
  if (rowsAdded) Q_EMIT changed();
  if (end) Q_EMIT ended(*end);
}

}  // namespace eigenscape
