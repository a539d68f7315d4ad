// The driver of the differential test: events as JSON lines in, one answer for each out (README.md).
//
// Status 0: all events had an answer, whatever it was. 2: a line is no event; it is named on stderr. 3: shunt
// contradicted itself when everything was given back at the end.
#include <iostream>

#include "tests/model/driver/session.h"

namespace {

constexpr int kBadEvent = 2;
constexpr int kFault = 3;

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  shunt::model::Session session;
  std::string line;
  for (unsigned number = 1; std::getline(std::cin, line); ++number) {
    if (line.empty()) continue;
    try {
      std::cout << session.handle(shunt::model::Json::parse(line)).dump() << '\n' << std::flush;
    } catch (const shunt::model::BadEvent& wrong) {
      std::cerr << "line " << number << ": " << wrong.what() << '\n';
      return kBadEvent;
    } catch (const shunt::model::Json::parse_error& wrong) {
      std::cerr << "line " << number << ": " << wrong.what() << '\n';
      return kBadEvent;
    }
  }
  const auto faults = session.finish();
  for (const std::string& fault : faults)
    std::cerr << fault << '\n';
  return faults.empty() ? 0 : kFault;
}
