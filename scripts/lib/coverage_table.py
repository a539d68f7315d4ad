#!/usr/bin/python3
"""Prints line coverage from an lcov file: coverage_table.py INFO ROOT. Called by scripts/coverage.

A row for each file below ROOT, worst first; a line that any program reached counts as reached. Then the lines that none
did. Files called dpdk_* stand apart (they need EAL), and so does what no program has.
"""
import os
import sys

AIM = 95.0


def read_lines(path):
    """{file: {line: hits}} of an lcov file."""
    files = {}
    lines = {}
    with open(path, encoding='utf-8') as info:
        for row in info:
            row = row.strip()
            if row.startswith('SF:'):
                lines = files.setdefault(os.path.realpath(row[3:]), {})
            elif row.startswith('DA:'):
                number, hits = row[3:].split(',')[:2]
                lines[int(number)] = max(lines.get(int(number), 0), int(hits))
    return files


def share(lines):
    return 100.0 * sum(hits > 0 for hits in lines.values()) / len(lines)


def ranges(numbers):
    """[3, 4, 5, 9] as '3-5 9'."""
    parts = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ' '.join(str(a) if a == b else f'{a}-{b}' for a, b in parts)


def report(files, root):
    folder = os.path.join(os.path.realpath(root), 'dataplane')
    named = {os.path.relpath(path, root): lines for path, lines in files.items()
             if path.startswith(folder + os.sep) and lines}
    counted = {name: lines for name, lines in named.items() if not os.path.basename(name).startswith('dpdk_')}
    if not counted:
        return ['no coverage of dataplane/ in this file'], False
    out = [f'{"file":40} {"lines":>6} {"reached":>8} {"%":>7}']
    for name, lines in sorted(counted.items(), key=lambda row: (share(row[1]), row[0])):
        reached = sum(hits > 0 for hits in lines.values())
        out.append(f'{name:40} {len(lines):6} {reached:8} {share(lines):7.2f}')
    total = {(name, number): hits for name, lines in counted.items() for number, hits in lines.items()}
    reached = sum(hits > 0 for hits in total.values())
    out.append(f'{"dataplane/ without dpdk_*":40} {len(total):6} {reached:8} {share(total):7.2f}')
    out += ['', 'not reached']
    for name, lines in sorted(counted.items()):
        missed = [number for number, hits in lines.items() if hits == 0]
        if missed:
            out.append(f'  {name}: {ranges(missed)}')
    sources = {os.path.relpath(os.path.join(top, file), root)
               for top, _, names in os.walk(folder) for file in names if file.endswith(('.cc', '.h'))}
    absent = sorted(name for name in sources if name.endswith('.cc') and name not in counted)
    if absent:
        out.append('  in none of these programs: ' + ' '.join(absent))
    return out, share(total) >= AIM


def main(info, root):
    out, enough = report(read_lines(info), os.path.realpath(root))
    print('\n'.join(out))
    if not enough:
        print(f'less than the {AIM:.0f} % that is aimed at')
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
