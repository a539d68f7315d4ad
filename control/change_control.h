// ChangeControl: what the API may change, and ask about changes. The reconciler implements it; handlers
// (api_edit_routes.h) know nothing else.
//
// All calls are made on the control thread. `who`: as the history shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/edits.h"
#include "control/history.h"
#include "control/plan.h"

namespace shunt {

enum class Refusal : uint8_t {
  none,
  unknown,  // there is nothing by that name
  invalid,  // what was sent has errors
  conflict  // not in this state of things
};

struct ChangeAnswer {
  Refusal refusal = Refusal::none;
  uint64_t generation = 0;            // in use afterwards, whether accepted or not
  std::string text;                   // one line for a person: what changed, or why nothing did
  std::vector<std::string> errors;    // file:line:column where text was sent
  std::vector<std::string> warnings;  // also of an accepted one

  bool accepted() const { return refusal == Refusal::none; }
};

struct DiffAnswer {
  Refusal refusal = Refusal::none;
  uint64_t generation = 0;  // that it is compared with
  Plan plan;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // edits that would be dropped, too
};

// A text with what its diagnostics call it.
struct NamedText {
  std::string name;
  std::string text;
};

struct EditRow {
  Edit edit;
  bool waits = false;  // for a discovered backend that is away
};

struct EditsAnswer {
  std::vector<EditRow> edits;
  // Of the applied configuration; `who` is empty where there is none.
  std::string applied_name;
  std::string applied_who;
  std::chrono::system_clock::time_point applied_at;
};

using EditValue = std::variant<uint16_t, AdminState>;  // a weight, or a state

class ChangeControl {
 public:
  virtual ~ChangeControl() = default;

  // What would change if the text were applied; without one: if the file were read again.
  virtual DiffAnswer diff(const std::optional<NamedText>& text) = 0;
  virtual ChangeAnswer apply(const NamedText& text, const std::string& who) = 0;
  virtual ChangeAnswer rollback(uint64_t generation, const std::string& who) = 0;
  // A value that the configuration has anyway takes the edit back.
  virtual ChangeAnswer edit(const BackendName& name, const EditValue& value, const std::string& who) = 0;
  // All edits of that backend; without a name all that there are, and the applied configuration.
  virtual ChangeAnswer forget(const std::optional<BackendName>& name, const std::string& who) = 0;
  // Writes what can be written into the configuration file.
  virtual ChangeAnswer save(const std::string& who) = 0;
  virtual EditsAnswer edits() = 0;
  virtual std::vector<HistoryRow> history() = 0;  // newest first
};

}  // namespace shunt
