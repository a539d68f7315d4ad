#include "control/man_page.h"

#include <cctype>
#include <sstream>

namespace shunt {
namespace {

constexpr const char* kDate = "2026-05-04";  // of the pages' wording, not of a build

// Text that roff prints as it is. Between backticks: bold.
std::string roff(std::string_view text, bool code_is_bold = true) {
  std::string safe;
  bool bold = false;
  for (const char c : text) {
    if (c == '`' && code_is_bold) {
      bold = !bold;
      safe += bold ? "\\fB" : "\\fR";
    } else if (c == '\\') {
      safe += "\\e";
    } else if (c == '-') {
      safe += "\\-";
    } else {
      if (safe.empty() && (c == '.' || c == '\'')) safe += "\\&";
      safe += c;
    }
  }
  return safe;
}

std::string upper(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

std::string head_of(const ManPage& page) {
  return ".TH " + upper(page.name) + " " + page.section + " " + kDate + " \"shunt " + page.version +
         "\"\n.SH NAME\n" + roff(page.name) + " \\- " + roff(page.title) + "\n";
}

std::string term(const std::string& bold, const std::string& rest, const std::string& text) {
  return ".TP\n\\fB" + roff(bold, false) + "\\fR" +
         (rest.empty() ? "" : " \\fI" + roff(rest, false) + "\\fR") + "\n" + roff(text) + "\n";
}

std::string names_of(const CommandOption& option) {
  std::string names;
  for (const std::string& name : option.names)
    names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::string options_of(const Command& command) {
  std::string text;
  for (const CommandOption& option : command.options) {
    const std::string standard =
        option.default_text.empty() || option.value.empty() ? "" : " (default: " + option.default_text + ")";
    text += term(names_of(option), option.value, option.text + standard);
  }
  return text;
}

std::string synopsis_of(const Command& command, const std::string& program) {
  std::string text = "\\fB" + roff(program) + "\\fR";
  for (const CommandOption& option : command.options) {
    if (option.names.front() == "--help") continue;
    const std::string one = "\\fB" + roff(option.names.front()) + "\\fR" +
                            (option.value.empty() ? "" : " \\fI" + roff(option.value, false) + "\\fR");
    text += option.required ? " " + one : " [" + one + "]";
  }
  for (const CommandArgument& argument : command.arguments) {
    const std::string one = "\\fI" + roff(argument.name, false) + "\\fR" + (argument.many ? " ..." : "");
    text += argument.required ? " " + one : " [" + one + "]";
  }
  return text + "\n";
}

// A footer of --help: paragraphs, and blocks below a line like `Examples:`, whose lines stay as they are.
std::string footer_of(const std::string& footer, const std::string& heading) {
  std::string text;
  bool block = false;
  bool begun = false;
  for (const std::string& line : lines_of(footer)) {
    const bool title = line.ends_with(":") && !line.starts_with(" ");
    if (block && (line.empty() || title)) {
      text += ".EE\n";
      block = false;
    }
    if (title) {
      text += heading == ".SH" ? ".SH " + upper(line.substr(0, line.size() - 1)) + "\n.EX\n"
                               : ".PP\n" + roff(line) + "\n.PP\n.EX\n";
      block = true;
    } else if (line.empty()) {
      begun = false;
    } else {
      if (!block && !begun) text += ".PP\n";
      begun = true;
      text += roff(line, !block) + "\n";
    }
  }
  return text + (block ? ".EE\n" : "");
}

std::string commands_of(const Command& program) {
  std::string text = ".SH COMMANDS\n";
  for (const Command& command : program.commands) {
    text += ".SS " + roff(command.name) + "\n" + synopsis_of(command, program.name + " " + command.name) +
            ".PP\n" + roff(command.text) + ".\n";
    for (const CommandArgument& argument : command.arguments)
      text += ".TP\n\\fI" + roff(argument.name, false) + "\\fR\n" + roff(argument.text) + "\n";
    for (const CommandOption& option : command.options) {
      if (option.names.front() != "--help") text += options_of({{}, {}, {}, {option}, {}, {}});
    }
    text += footer_of(command.footer, ".PP");
  }
  return text;
}

std::string more_of(const ManPage& page) {
  std::string text;
  for (const ManSection& section : page.more) {
    text += ".SH \"" + section.title + "\"\n";
    for (const auto& [name, what] : section.rows)
      text += term(name, "", what);
  }
  return text;
}

// The cells of a row of a Markdown table, whose `\|` is a bar.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.push_back(cell.size() < 2 ? "" : cell.substr(1, cell.size() - 2));
      cell.clear();
    } else {
      cell += line[i];
    }
  }
  return cells;
}

std::string bare(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '`');
  std::erase(plain, '*');
  return plain;
}

std::string row_of(const std::string& line) {
  const std::vector<std::string> cells = cells_of(line);
  if (cells.size() != 4 || cells[0].starts_with("-") || cells[0] == "key") return {};
  const std::string standard = bare(cells[2]);
  return term(bare(cells[0]), "",
              bare(cells[1]) +
                  (standard.empty() ? ""
                                    : "; " + (standard == "required" ? standard : "default: " + standard)) +
                  ".\n.br") +
         roff(cells[3]) + "\n";
}

}  // namespace

std::string program_page(const ManPage& page, const Command& program) {
  std::string text = head_of(page) + ".SH SYNOPSIS\n" + synopsis_of(program, program.name);
  if (!program.commands.empty()) text += "\\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]\n";
  text += ".SH DESCRIPTION\n" + roff(program.text) + "\n.SH OPTIONS\n" + options_of(program);
  if (!program.commands.empty()) text += commands_of(program);
  return text + footer_of(program.footer, ".SH") + more_of(page);
}

std::string reference_page(const ManPage& page, std::string_view markdown) {
  std::string text = head_of(page) + ".SH DESCRIPTION\n";
  bool paragraph = true;  // .PP is due before the next line of text
  bool first = true;
  for (const std::string& line : lines_of(markdown)) {
    if (line.starts_with("# ")) continue;
    if (line.starts_with("## ")) {
      text += ".SH \"" + bare(line.substr(3)) + "\"\n";
      first = true;
    } else if (line.starts_with("|")) {
      text += row_of(line);
      first = false;
    } else if (line.starts_with("- ")) {
      text += ".IP \\(bu 2\n" + roff(line.substr(2)) + "\n";
      first = false;
    } else if (line.empty()) {
      paragraph = true;
    } else {
      if (paragraph && !first) text += ".PP\n";
      text += roff(line.substr(line.find_first_not_of(' '))) + "\n";
      first = paragraph = false;
    }
  }
  return text + more_of(page);
}

}  // namespace shunt
