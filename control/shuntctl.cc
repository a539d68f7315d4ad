// shuntctl: how a person drives shuntd. The command line is ctl_app.h, its views are ctl_views.h.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "control/ctl_app.h"

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_DFL);  // `shuntctl backends | head` ends quietly
  const char* no_color = std::getenv("NO_COLOR");
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const bool colour = terminal && (no_color == nullptr || *no_color == '\0');
  const shunt::CtlIo io{std::cout, std::cerr, colour, std::chrono::system_clock::now(), terminal};
  return shunt::run_shuntctl(count, arguments, io);
}
