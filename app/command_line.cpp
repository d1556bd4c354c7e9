// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>

#include "app/shell.h"
#include "core/results/error.h"
#include "core/results/nearest.h"

namespace eigenscape {
namespace {

/// The options as text; values are checked here and not by CLI11, so that every message names key, value and remedy.
struct Words {
  std::string path, batch, render, check, list, out, device, threads, seed, figures, figureSize, figureFontSize,
      figureDensity, style, animate, epoch, view;
  std::vector<std::string> sets, compare, onlyFigures;
  bool resume = false, noCaption = false, quiet = false, version = false, help = false;
};

std::unique_ptr<CLI::App> makeParser(Words& words) {
  auto app = std::make_unique<CLI::App>(
      "Eigenscape shows the loss landscape and the Hessian spectrum of neural networks,\n"
      "and which layers can take fewer bits.",
      "eigenscape");
  app->set_help_flag();
  app->add_option("PATH", words.path, "A recipe (.toml) or a run directory to open in the window")->type_name("");
  app->add_option("--batch", words.batch, "Run the recipe without window or display; a path or a shipped recipe's name")
      ->type_name("RECIPE");
  app->add_option("--out", words.out, "Run directory to write (with --batch); or folder for figures (with --render)")
      ->type_name("DIR");
  app->add_option("--set", words.sets, "Override one recipe key, dotted: training.epochs=3 (repeatable)")
      ->type_name("KEY=VALUE")
      ->type_size(1)
      ->allow_extra_args(false);
  app->add_option("--device", words.device, "auto, cpu or cuda[:N]")->type_name("DEVICE");
  app->add_option("--threads", words.threads, "Threads of the computation; default: all cores")->type_name("N");
  app->add_option("--seed", words.seed, "Override the recipe's seed")->type_name("N");
  app->add_flag("--resume", words.resume, "Go on with an interrupted run in DIR");
  app->add_option("--figures", words.figures,
                  "png, svg, pdf; csv; of surfaces vtp, obj, glb, h5; or none. Default: png")
      ->type_name("FORMATS");
  app->add_option("--figure", words.onlyFigures,
                  "Only the figure of that file name, such as contour-e1-e2 (repeatable)")
      ->type_name("NAME")
      ->type_size(1)
      ->allow_extra_args(false);
  app->add_option("--epoch", words.epoch, "Figures at that epoch of the training; default: the last")->type_name("N");
  app->add_option("--view", words.view,
                  "Reliefs from there: azimuth and elevation in degrees, zoom. Default: -120,32,1")
      ->type_name("AZ,EL[,ZOOM]");
  app->add_option("--figure-size", words.figureSize, "Width and height in millimetres, from 70 on; default: 120x90")
      ->type_name("WxH");
  app->add_option("--figure-font-size", words.figureFontSize,
                  "Points of a figure's type, 5 to 20; default: 8. From 12 on figures grow")
      ->type_name("N");
  app->add_option("--figure-density", words.figureDensity,
                  "Pixels of a PNG for each of a usual screen (96 an inch), 1 to 8; default: 2")
      ->type_name("N");
  app->add_option("--style", words.style, "What figures are drawn on: light or dark. Default: light")
      ->type_name("STYLE");
  app->add_flag("--no-caption", words.noCaption, "Figures without the line on model, data, seed and version");
  app->add_flag("--quiet", words.quiet, "No progress on standard error");
  app->add_option("--animate", words.animate,
                  "With --render: that figure at every epoch, and a video if ffmpeg is there")
      ->type_name("FIGURE");
  app->add_option("--render", words.render, "Draw a run's figures again; of a sweep's folder: compare its runs")
      ->type_name("RUN_DIR");
  app->add_option("--compare", words.compare,
                  "With --render and --out: draw these runs over or beside that one, on one scale (up to three)")
      ->type_name("RUN_DIR")
      ->type_size(1)
      ->allow_extra_args(false);
  app->add_option("--check", words.check, "Validate; print the resolved recipe and the work it asks for")
      ->type_name("RECIPE");
  app->add_option("--list", words.list, "models, datasets, recipes or options")->type_name("WHAT");
  app->add_flag("--version", words.version, "Versions of the program and its libraries");
  app->add_flag("-h,--help", words.help, "This text");
  return app;
}

std::int64_t wholeNumber(const std::string& option, const std::string& text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || value < low || value > high) {
    throw RecipeError(option + " " + text + ": expected an integer from " + std::to_string(low) + " to " +
                      std::to_string(high));
  }
  return value;
}

double fontSize(const std::string& text) {
  double points = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), points);
  // What is no number compares as false.
  const bool fits = points >= leastFigurePoints && points <= mostFigurePoints;
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !fits) {
    throw RecipeError("--figure-font-size " + text + ": expected points from " + std::to_string(leastFigurePoints) +
                      " to " + std::to_string(mostFigurePoints) + ", such as 10 or 7.5");
  }
  return points;
}

std::array<double, 3> pointOfView(const std::string& text) {
  std::array<double, 3> view{0, 0, 1};
  std::size_t count = 0;
  bool good = true;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ','); ++count) {
    if (count >= view.size()) continue;
    const auto result = std::from_chars(part.data(), part.data() + part.size(), view[count]);
    good &= result.ec == std::errc() && result.ptr == part.data() + part.size();
  }
  // What is no number compares as false.
  good &= (count == 2 || count == 3) && std::abs(view[0]) <= 360 && view[1] >= 2 && view[1] <= 89 && view[2] >= 0.3 &&
          view[2] <= 8;
  if (!good) {
    throw RecipeError("--view " + text +
                      ": expected azimuth (-360 to 360), elevation (2 to 89) and, if wanted, zoom (0.3 to 8), such as "
                      "-120,32 or 60,20,1.5");
  }
  return view;
}

constexpr const char* kFormats = "png, svg, pdf, csv, vtp, obj, glb and h5, separated by commas, or none";

std::vector<std::string> figureFormats(const std::string& text) {
  if (text == "none") return {};
  std::vector<std::string> formats;
  std::istringstream stream(text);
  for (std::string format; std::getline(stream, format, ',');) {
    const std::set<std::string> known{"png", "svg", "pdf", "csv", "vtp", "obj", "glb", "h5"};
    if (!known.contains(format)) throw RecipeError("--figures " + text + ": expected " + kFormats);
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_back(format);
  }
  if (formats.empty()) throw RecipeError(std::string("--figures is empty: expected ") + kFormats);
  return formats;
}

std::pair<int, int> figureSize(const std::string& text) {
  const auto cross = text.find('x');
  int width = 0, height = 0;
  const auto read = [](std::string_view part, int& value) {
    const auto result = std::from_chars(part.data(), part.data() + part.size(), value);
    return result.ec == std::errc() && result.ptr == part.data() + part.size() && value >= leastFigureMm &&
           value <= mostFigureMm;
  };
  const std::string_view view = text;
  if (cross == std::string::npos || !read(view.substr(0, cross), width) || !read(view.substr(cross + 1), height)) {
    throw RecipeError("--figure-size " + text + ": expected WIDTHxHEIGHT in millimetres, each from " +
                      std::to_string(leastFigureMm) + " to " + std::to_string(mostFigureMm) + ", such as 180x120");
  }
  return {width, height};
}

void checkRoomForType(const CommandLine& line) {
  const auto [width, height] = roomForType(line.figureFontSize);
  if (!line.figureSize || (line.figureSize->first >= width && line.figureSize->second >= height)) return;
  std::ostringstream points;
  points << line.figureFontSize;
  throw RecipeError("--figure-size " + std::to_string(line.figureSize->first) + "x" +
                    std::to_string(line.figureSize->second) + ": with --figure-font-size " + points.str() +
                    " expected at least " + std::to_string(width) + "x" + std::to_string(height) + ", or smaller type");
}

bool isDark(const std::string& text) {
  if (text != "light" && text != "dark") throw RecipeError("--style " + text + ": expected light or dark");
  return text == "dark";
}

void checkDevice(const std::string& text) {
  const bool numbered = text.starts_with("cuda:") && text.size() > 5 && text.size() < 9 &&
                        std::all_of(text.begin() + 5, text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text != "auto" && text != "cpu" && text != "cuda" && !numbered) {
    throw RecipeError("--device " + text + ": expected auto, cpu or cuda[:N]");
  }
}

/// The parser takes the next word for an option's value, whatever it is: `--batch --quiet` forgot the recipe.
void checkValues(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (option->get_type_size() > 0 && value.starts_with("--")) {
        throw RecipeError(option->get_name() + " " + value + ": expected " + option->get_type_name() +
                          " before the next option");
      }
    }
  }
}

struct ModeWord {
  CommandLine::Mode mode;
  const char* option;
  const std::string* subject;
};

/// The one thing that is asked for; two are one too many.
void chooseMode(const Words& words, const CLI::App& app, CommandLine& line) {
  const std::string none;
  const ModeWord modes[] = {{CommandLine::Mode::Batch, "--batch", &words.batch},
                            {CommandLine::Mode::Render, "--render", &words.render},
                            {CommandLine::Mode::Check, "--check", &words.check},
                            {CommandLine::Mode::List, "--list", &words.list},
                            {CommandLine::Mode::Version, "--version", &none}};
  std::string chosen;
  for (const auto& candidate : modes) {
    if (app.count(candidate.option) == 0) continue;
    if (!chosen.empty()) throw RecipeError(std::string(candidate.option) + ": cannot be combined with " + chosen);
    chosen = candidate.option;
    line.mode = candidate.mode;
    line.subject = *candidate.subject;
    if (line.subject.empty() && line.mode != CommandLine::Mode::Version) {
      throw RecipeError(chosen + " is empty: --help says what it takes");
    }
  }
  if (chosen.empty()) {
    line.subject = words.path;
  } else if (!words.path.empty()) {
    throw RecipeError(words.path + ": not expected after " + chosen + "; --help lists the options");
  }
}

/// Which options a mode knows; another one given would be without effect, which is worse than an error.
void checkCompany(const CLI::App& app, CommandLine::Mode mode) {
  using Mode = CommandLine::Mode;
  const std::pair<const char*, std::vector<Mode>> places[] = {{"--compare", {Mode::Render}},
                                                              {"--out", {Mode::Batch, Mode::Render}},
                                                              {"--set", {Mode::Batch, Mode::Check, Mode::Render}},
                                                              {"--device", {Mode::Batch}},
                                                              {"--threads", {Mode::Batch}},
                                                              {"--resume", {Mode::Batch}},
                                                              {"--seed", {Mode::Batch, Mode::Check}},
                                                              {"--quiet", {Mode::Batch, Mode::Render}},
                                                              {"--figures", {Mode::Batch, Mode::Render}},
                                                              {"--animate", {Mode::Render}},
                                                              {"--figure", {Mode::Batch, Mode::Render}},
                                                              {"--epoch", {Mode::Batch, Mode::Render}},
                                                              {"--view", {Mode::Batch, Mode::Render}},
                                                              {"--figure-size", {Mode::Batch, Mode::Render}},
                                                              {"--figure-font-size", {Mode::Batch, Mode::Render}},
                                                              {"--figure-density", {Mode::Batch, Mode::Render}},
                                                              {"--no-caption", {Mode::Batch, Mode::Render}},
                                                              {"--style", {Mode::Batch, Mode::Render}}};
  for (const auto& [option, modes] : places) {
    if (app.count(option) == 0 || std::find(modes.begin(), modes.end(), mode) != modes.end()) continue;
    std::string accepted;
    for (const Mode one : modes) {
      const char* name = one == Mode::Batch ? "--batch" : one == Mode::Check ? "--check" : "--render";
      accepted += (accepted.empty() ? "" : " or ") + std::string(name);
    }
    throw RecipeError(std::string(option) + ": has an effect with " + accepted + " alone");
  }
}

/// For the first option that there is not.
std::string meantOption(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (!word.starts_with("--") || std::find(names.begin(), names.end(), word) != names.end()) continue;
    return didYouMean(word, names);
  }
  return {};
}

std::string wholeText(int argc, const char* const* argv) {
  std::string text;
  for (int i = 0; i < argc; ++i) text += (i > 0 ? " " : "") + shellQuoted(argv[i]);
  return text;
}

}  // namespace

CommandLine parseCommandLine(int argc, const char* const* argv) {
  Words words;
  const auto app = makeParser(words);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string message = error.what();
    throw RecipeError(message.substr(0, message.find('\n')) + "; " + meantOption(*app, argc, argv) +
                      "--help lists the options");
  }
  checkValues(*app);
  CommandLine line;
  line.text = wholeText(argc, argv);
  if (words.help) {
    line.mode = CommandLine::Mode::Help;
    return line;
  }
  chooseMode(words, *app, line);
  checkCompany(*app, line.mode);
  line.out = words.out;
  line.animate = words.animate;
  if (app->count("--animate") > 0) {
    if (line.animate.empty())
      throw RecipeError("--animate is empty: expected a figure's file name, such as surface-e1-e2");
    if (app->count("--figures") > 0) throw RecipeError("--figures: has no effect with --animate, which draws png");
    for (const char* option : {"--figure", "--epoch"}) {
      if (app->count(option) > 0)
        throw RecipeError(std::string(option) + ": has no effect with --animate, which draws one figure at all epochs");
    }
  }
  line.sets = words.sets;
  line.compare = words.compare;
  if (!line.compare.empty() && app->count("--animate") > 0)
    throw RecipeError("--animate: cannot be combined with --compare");
  line.resume = words.resume;
  line.quiet = words.quiet;
  if (app->count("--device") > 0) line.device = words.device;
  checkDevice(line.device);
  if (app->count("--threads") > 0) line.threads = static_cast<int>(wholeNumber("--threads", words.threads, 1, 4096));
  if (app->count("--seed") > 0) line.seed = wholeNumber("--seed", words.seed, 0, std::int64_t{1} << 53);
  if (app->count("--figure-size") > 0) line.figureSize = figureSize(words.figureSize);
  if (app->count("--figure-font-size") > 0) line.figureFontSize = fontSize(words.figureFontSize);
  checkRoomForType(line);
  line.noCaption = words.noCaption;
  if (app->count("--figure-density") > 0)
    line.figureDensity = static_cast<int>(wholeNumber("--figure-density", words.figureDensity, 1, 8));
  if (app->count("--style") > 0) line.dark = isDark(words.style);
  if (app->count("--figures") > 0) line.figures = figureFormats(words.figures);
  line.onlyFigures = words.onlyFigures;
  if (app->count("--view") > 0) line.view = pointOfView(words.view);
  if (app->count("--epoch") > 0) line.epoch = wholeNumber("--epoch", words.epoch, 0, std::int64_t{1} << 53);
  for (const char* option : {"--figure", "--epoch", "--view"}) {
    if (app->count(option) > 0 && line.figures && line.figures->empty())
      throw RecipeError(std::string(option) + ": has no effect with --figures none");
  }
  if (line.mode == CommandLine::Mode::Batch && line.out.empty()) {
    throw RecipeError("--out is missing: expected the run directory to write, --out DIR");
  }
  return line;
}

std::string helpText() {
  Words words;
  return makeParser(words)->help() +
         "\nExit status: 0 done; 1 the run failed; 2 the command line or the recipe is wrong;\n"
         "3 interrupted, --resume goes on.\n"
         "\nTry: eigenscape --batch quickstart --out runs/quickstart\n";
}

}  // namespace eigenscape
