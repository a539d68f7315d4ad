// Manual pages (man(7) macros): of a program from its command line, of the configuration file from its
// reference page.
//
// Pure functions. No page of another program is named but as text, so each can be read alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/command_tree.h"

namespace shunt {

// What a page says beside the command line.
struct ManSection {
  std::string title;
  std::vector<std::pair<std::string, std::string>> rows;  // a term and its text
};

struct ManPage {
  std::string name;     // "shuntctl"
  std::string section;  // "1"
  std::string version;
  std::string title;  // one line: "drives shuntd"
  std::vector<ManSection> more;
};

std::string program_page(const ManPage& page, const Command& program);

// `markdown`: headings of two levels, paragraphs, `- ` lists and tables whose first column names something,
// as config_reference() prints them.
std::string reference_page(const ManPage& page, std::string_view markdown);

}  // namespace shunt
