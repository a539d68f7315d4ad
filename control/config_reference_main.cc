// Prints docs/configuration.md: `config_reference > docs/configuration.md`.
#include <iostream>

#include "control/config_reference.h"

int main() {
  std::cout << shunt::config_reference();
  return std::cout.good() ? 0 : 1;
}
