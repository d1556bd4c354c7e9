// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/batch.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "app/compared_runs.h"
#include "app/interruption.h"
#include "app/listing.h"
#include "app/progress_line.h"
#include "app/standard_output.h"
#include "app/summary.h"
#include "core/results/error.h"
#include "core/results/run_directory.h"
#include "core/study/recipe.h"
#include "core/study/study.h"
#ifdef EIGENSCAPE_WITH_GUI
#include "app/draw.h"
#endif

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

constexpr int done = 0, interrupted = 3;

std::string textOf(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::vector<std::string> formatsOf(const CommandLine& line) {
#ifdef EIGENSCAPE_WITH_GUI
  return line.figures.value_or(std::vector<std::string>{"png"});
#else
  if (line.figures && !line.figures->empty()) {
    throw RecipeError("--figures " + line.figures->front() + ": this program was built without figures; expected none");
  }
  if (!line.onlyFigures.empty() || line.epoch || line.view) {
    const std::string option = !line.onlyFigures.empty() ? "--figure" : line.epoch ? "--epoch" : "--view";
    throw RecipeError(option + ": this program was built without figures");
  }
  return {};
#endif
}

#ifdef EIGENSCAPE_WITH_GUI
Drawing drawingOf(const CommandLine& line) {
  Drawing drawing;
  drawing.sizeMm = line.figureSize;
  drawing.fontPoints = line.figureFontSize;
  drawing.caption = !line.noCaption;
  drawing.dark = line.dark;
  drawing.density = line.figureDensity;
  drawing.figures = line.onlyFigures;
  drawing.epoch = line.epoch;
  drawing.view = line.view;
  return drawing;
}
#endif

std::vector<fs::path> draw(const RunResults& run, const std::vector<std::string>& formats, const CommandLine& line) {
#ifdef EIGENSCAPE_WITH_GUI
  return drawFigures(run, formats, drawingOf(line));
#else
  static_cast<void>(run), static_cast<void>(line);
  static_cast<void>(formats);
  return {};
#endif
}

/// Whatever a start that was killed before its first phase may have left.
bool holdsOnlyTheBeginning(const fs::path& directory) {
  const auto known = [](const fs::directory_entry& entry) {
    const auto name = entry.path().filename();
    return name == "recipe.toml" || name == "recipe.toml.part" || name == "run.json.part";
  };
  std::error_code error;
  return std::all_of(fs::directory_iterator(directory, error), fs::directory_iterator(), known);
}

void checkSameRecipe(const Recipe& recipe, const fs::path& directory) {
  const fs::path file = directory / "recipe.toml";
  const std::string difference = firstDifference(parseRecipe(textOf(file), file.string()), recipe);
  if (difference.empty()) return;
  throw RecipeError(difference + " in " + file.string() + ": --resume goes on with the same recipe, --batch " +
                    file.string() + "; name another --out for this one");
}

/// Refuses a folder that this run must not touch.
void checkOut(const CommandLine& line, const Recipe& recipe) {
  const fs::path out = line.out;
  std::error_code error;
  if (!fs::exists(out, error)) return;
  if (!fs::is_directory(out, error)) throw RecipeError("--out " + line.out + ": is a file; expected a folder");
  if (isRunDirectory(out)) {
    if (line.resume) return checkSameRecipe(recipe, out);
    const std::string status = readRunInfo(out).status;
    throw RecipeError("--out " + line.out + ": holds a run already (" + status +
                      "); --resume goes on with it, --render draws it again, or name another folder");
  }
  if (fs::is_empty(out, error) || (line.resume && !error && holdsOnlyTheBeginning(out))) return;
  throw RecipeError("--out " + line.out + ": is not empty and holds no run; name another folder");
}

/// The last resort: the tables are whole at any moment, so all that is left is to say how the run ended. The study's
/// own thread may be writing run.json just now; hence a file of another name beside it.
void markInterrupted(const fs::path& directory) {
  const fs::path file = directory / "run.json", beside = directory / "run.json.stopped";
  std::string text = textOf(file);
  const std::string before = "\"status\": \"running\"", after = "\"status\": \"interrupted\"";
  const auto at = text.find(before);
  if (at == std::string::npos) return;
  text.replace(at, before.size(), after);
  std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  std::error_code error;
  if (stream) fs::rename(beside, file, error);
  if (!stream || error) fs::remove(beside, error);
}

void sayHowToGoOn(const CommandLine& line) {
  std::fprintf(stderr, "eigenscape: interrupted; go on with: %s%s\n", line.text.c_str(),
               line.resume ? "" : " --resume");
}

std::string figuresText(const std::vector<fs::path>& figures) {
  std::string text;
  for (const auto& figure : figures) text += "figure   " + figure.string() + "\n";
  return text;
}

std::string placesText(const fs::path& directory, const std::vector<fs::path>& figures) {
  return "tables   " + directory.string() + "\n" + figuresText(figures);
}

/// The run is done whatever figure was asked for: `complaint` says what was wrong and how to have them.
std::vector<fs::path> drawOf(const RunResults& run, const std::vector<std::string>& formats, const CommandLine& line,
                             std::string& complaint) {
  try {
    return draw(run, formats, line);
  } catch (const RecipeError& error) {
    complaint = std::string(error.what()) + "; the run is done, --render " + line.out + " draws it";
    return {};
  }
}

/// Before hours are spent on a run whose figures are of another epoch.
void checkEpoch(const CommandLine& line, const Recipe& recipe) {
  if (!line.epoch || !recipe.model.checkpoints.empty() || *line.epoch <= recipe.training.epochs) return;
  throw RecipeError("--epoch " + std::to_string(*line.epoch) + ": the training ends at epoch " +
                    std::to_string(recipe.training.epochs));
}

}  // namespace

int runBatch(const CommandLine& line) {
  ProgressLine progress(line.quiet);
  std::atomic<bool> ours = false;  // the folder, from where on its run.json may be changed
  const Interruption interruption([&] {
    progress.close();
    if (ours) markInterrupted(line.out);
    sayHowToGoOn(line);
    std::_Exit(interrupted);
  });
  const auto formats = formatsOf(line);
  const Recipe recipe = recipeOf(line);
  checkEpoch(line, recipe);
  checkOut(line, recipe);
  ours = true;
  if (line.resume && !isRunDirectory(line.out))
    std::fprintf(stderr, "eigenscape: --resume: %s holds no run to go on with: a new one begins\n", line.out.c_str());

  StudyOptions options;
  options.out = line.out;
  options.device = line.device;
  options.threads = line.threads;
  options.resume = line.resume;
  StudyContext context;
  context.stop = interruption.token();
  context.progress = [&](const StudyProgress& step) { progress.update(step); };
  context.log = [&](const std::string& text) { progress.log(text); };
  std::vector<fs::path> figures;
  std::string complaint;
  RunResults run;
  try {
    runStudy(recipe, options, context);
    run = loadRun(line.out);
    if (!interruption.requested() && !formats.empty()) {
      progress.update({"drawing the figures", 0, 1, -1});
      figures = drawOf(run, formats, line, complaint);
    }
  } catch (const Stopped&) {
  } catch (...) {
    progress.close();
    throw;
  }
  progress.close();
  if (interruption.requested()) {
    sayHowToGoOn(line);
    return interrupted;
  }
  if (!line.quiet) std::fputs(placesText(line.out, figures).c_str(), stderr);
  printOut(summaryOf(run));
  if (!complaint.empty()) throw RecipeError(complaint);
  return done;
}

namespace {

/// The run with another scale of its surfaces; what was computed stays as it is.
RunResults loadForDrawing(const fs::path& directory, const CommandLine& line) {
  auto run = loadRun(directory);
  if (line.sets.empty()) return run;
  Recipe recipe = parseRecipe(run.recipe, (directory / "recipe.toml").string());
  for (const auto& assignment : line.sets) {
    const auto key = assignment.substr(0, assignment.find('='));
    if (!key.starts_with("surface.") || !(key.ends_with(".scale") || key.ends_with(".clip"))) {
      throw RecipeError("--set " + assignment +
                        ": --render only draws; expected surface.NAME.scale=auto|linear|log or surface.NAME.clip=LOSS");
    }
    setKey(recipe, assignment);
  }
  for (const auto& surface : recipe.surfaces) {
    for (auto& info : run.info.landscapes) {
      if (info.kind == "surface" && landscapeAndSetting(info.name).first == surface.name)
        info.scale = surface.scale, info.clip = surface.clip;
    }
  }
  return run;
}

void checkRoom(const std::pair<int, int>& sizeMm) {
  const auto [width, height] = sizeMm;
  if (hasRoomToCompare(width, height)) return;
  throw RecipeError("--figure-size " + std::to_string(width) + "x" + std::to_string(height) +
                    ": runs that are compared need at least 120x80 (beside one another) or 80x120 (one column)");
}

}  // namespace

int renderAgain(const CommandLine& line) {
  const Interruption interruption([] {
    std::fputs("eigenscape: interrupted; the figures drawn so far are whole\n", stderr);
    std::_Exit(interrupted);
  });
  const auto formats = formatsOf(line);
  if (const auto compared = comparedRuns(line)) {
    if (line.figureSize) checkRoom(*line.figureSize);
    if (!compared->remark.empty() && !line.quiet) std::fprintf(stderr, "eigenscape: %s\n", compared->remark.c_str());
#ifdef EIGENSCAPE_WITH_GUI
    std::vector<RunResults> runs;
    for (const auto& directory : compared->directories) runs.push_back(loadForDrawing(directory, line));
    const auto drawn = drawComparison(std::move(runs), compared->out / "figures", formats, drawingOf(line));
    printOut(figuresText(drawn));
    return interruption.requested() ? interrupted : done;
#else
    throw RecipeError("--compare: this program was built without figures");
#endif
  }
  if (!isRunDirectory(line.subject)) {
    throw RecipeError("--render " + line.subject + ": holds no run.json; expected the folder that --out named");
  }
  std::error_code error;
  if (!line.out.empty() && fs::exists(line.out, error) && !fs::is_directory(line.out, error))
    throw RecipeError("--out " + line.out + ": is a file; expected a folder");
  auto run = loadForDrawing(line.subject, line);
  if (!line.out.empty()) run.directory = line.out;  // the figures' folder; the run's own stays as it is
#ifdef EIGENSCAPE_WITH_GUI
  if (!line.animate.empty()) {
    printOut(placesText(run.directory, drawAnimation(run, line.animate, drawingOf(line))));
    return interruption.requested() ? interrupted : done;
  }
#else
  if (!line.animate.empty()) throw RecipeError("--animate: this program was built without figures");
#endif
  printOut(placesText(run.directory, draw(run, formats, line)));
  return interruption.requested() ? interrupted : done;
}

}  // namespace eigenscape
