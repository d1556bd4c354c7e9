// SPDX-License-Identifier: GPL-3.0-or-later
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "app/batch.h"
#include "app/command_line.h"
#include "app/listing.h"
#include "app/standard_output.h"
#include "core/model/activations.h"
#include "core/results/error.h"
#include "core/study/recipe.h"
#ifdef EIGENSCAPE_WITH_GUI
#include "app/window.h"
#endif

namespace {

using namespace eigenscape;

constexpr int done = 0, failed = 1, wrong = 2;

int window(int argc, char** argv, const CommandLine& line) {
#ifdef EIGENSCAPE_WITH_GUI
  return runWindow(argc, argv, line.subject);
#else
  static_cast<void>(argc);
  static_cast<void>(argv);
  static_cast<void>(line);
  throw RecipeError("this program was built without a window; expected --batch RECIPE --out DIR (--help lists more)");
#endif
}

int print(const std::string& text) {
  printOut(text);
  return done;
}

int run(int argc, char** argv) {
  const CommandLine line = parseCommandLine(argc, argv);
  switch (line.mode) {
    case CommandLine::Mode::Batch:
      return runBatch(line);
    case CommandLine::Mode::Render:
      return renderAgain(line);
    case CommandLine::Mode::Check:
      return print(checkedText(recipeOf(line)));
    case CommandLine::Mode::List:
      return print(listing(line.subject));
    case CommandLine::Mode::Version:
      return print(versionText());
    case CommandLine::Mode::Help:
      return print(helpText());
    case CommandLine::Mode::Window:
      break;
  }
  return window(argc, argv, line);
}

/// One line, whatever was thrown: a library's message may be followed by its stack.
int report(const std::string& message, int status) {
  std::fprintf(stderr, "eigenscape: %s\n", message.substr(0, message.find('\n')).c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that closes its end of a pipe must not kill a run.
  std::signal(SIGPIPE, SIG_IGN);
  keepFreedMemory();
  try {
    return run(argc, argv);
  } catch (const RecipeError& error) {
    return report(error.what(), wrong);
  } catch (const std::bad_alloc&) {
    return report("not enough memory; lower curvature.memory, curvature.batch_size or the number of samples", failed);
  } catch (const std::exception& error) {
    return report(error.what(), failed);
  }
}
