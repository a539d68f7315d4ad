// WarehouseReader: views as CSV.
#include <algorithm>
#include <array>

#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {
namespace {

constexpr size_t kCsvPiece = 64 * 1024;

void append_csv(std::string& line, const std::string& field, bool is_first) {
  if (!is_first) line += ',';
  if (field.find_first_of(",\"\r\n") == std::string::npos) {
    line += field;
    return;
  }
  line += '"';
  for (const char letter : field) {
    if (letter == '"') line += '"';
    line += letter;
  }
  line += '"';
}

}  // namespace

const std::vector<std::string>& WarehouseReader::views() {
  static const std::vector<std::string> kViews = {
      "v_kpi_minute", "v_kpi_hourly", "v_sla_daily", "v_retry_daily", "v_country_daily", "v_clients_minute",
      "v_capacity",   "v_flow_event", "v_anomaly",   "v_incident",    "v_alert"};
  return kViews;
}

Result<uint64_t> WarehouseReader::export_csv(std::string_view view, TimeRange range,
                                             const std::function<bool(std::string_view)>& out) {
  if (std::find(views().begin(), views().end(), view) == views().end())
    return Error{std::string(view), "is no view of the warehouse"};
  std::string piece;
  uint64_t rows = 0;
  bool wants_more = true;
  const std::array<SqlValue, 2> values = {range.from_s, range.to_s};
  const Result<Ok> read = database_->query(
      "SELECT * FROM " + std::string(view) + " WHERE ts >= ?1 AND ts < ?2", values,
      [&](const SqlRow& row) {
        for (size_t i = 0; i < row.size(); ++i)
          append_csv(piece, row.is_null(i) ? std::string() : row.text(i), i == 0);
        piece += "\r\n";
        ++rows;
        if (piece.size() < kCsvPiece) return true;
        wants_more = out(piece);
        piece.clear();
        return wants_more;
      },
      [&](const std::vector<std::string>& names) {
        for (size_t i = 0; i < names.size(); ++i)
          append_csv(piece, names[i], i == 0);
        piece += "\r\n";
      });
  if (!read) return read.error();
  if (wants_more && !piece.empty()) out(piece);
  return rows;
}

}  // namespace shunt::insight
