// Changes as JSON: bodies of the API's answers (docs/api.md), as status_json.h.
#pragma once

#include <string>
#include <vector>

#include "control/change_control.h"

namespace shunt {

std::string change_json(const ChangeAnswer& answer);
std::string diff_json(const DiffAnswer& answer, const EditsAnswer& edits);
std::string edits_json(const EditsAnswer& edits);
std::string history_json(const std::vector<HistoryRow>& rows);

}  // namespace shunt
