// Report: collects the diagnostics of one file and gives each its source line.
//
// Columns count code points from 1, as toml++ and editors do. Cost: one pass over the text; one over a line
// per diagnostic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/diagnostic.h"

namespace shunt {

class Report {
 public:
  // `text` has to outlive the report.
  Report(std::string_view text, std::string file);

  void error(DiagnosticId id, SourcePosition position, std::string message, std::string hint = {});
  void warning(DiagnosticId id, SourcePosition position, std::string message, std::string hint = {});

  // Sorted by position; the report is empty afterwards.
  std::vector<Diagnostic> take_errors();
  std::vector<Diagnostic> take_warnings();

  std::string_view source() const { return text_; }

 private:
  Diagnostic make(DiagnosticId id, SourcePosition position, std::string message, std::string hint) const;
  std::string_view line(uint32_t number) const;

  std::string_view text_;
  std::string file_;
  std::vector<size_t> line_starts_;
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

// The position of a byte of the text.
SourcePosition position_at(std::string_view text, size_t offset);

// `text` between backticks, for messages: unprintable bytes as ?, cut after 60.
std::string tick(std::string_view text);

}  // namespace shunt
