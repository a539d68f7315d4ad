"""embed.py OUTPUT NAME=FILE …: a C++ header with each file's bytes, as std::array<unsigned char, …> kNAME."""

import pathlib
import sys


def main(output, *entries):
    lines = ["#pragma once", "#include <array>", "namespace shunt {"]
    for entry in entries:
        name, _, path = entry.partition("=")
        data = pathlib.Path(path).read_bytes()
        lines.append(f"alignas(8) inline constexpr std::array<unsigned char, {len(data)}> k{name} = {{")
        lines += [",".join(map(str, data[start:start + 32])) + "," for start in range(0, len(data), 32)]
        lines.append("};")
    pathlib.Path(output).write_text("\n".join([*lines, "}", ""]), encoding="ascii")


main(*sys.argv[1:])
