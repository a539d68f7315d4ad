#!/usr/bin/env python3
"""Merges the rows that benches printed, shows them as one table, and writes JSON, pictures and Markdown.

    bench_report.py [--load "0.1 0.2 0.3"] [--json FILE] [--pictures FOLDER]... [--markdown FILE] ROWS.json...

bench/README.md says what is in a row. A file that isn't an array of such rows is an error (status 1).
"""
import argparse
import collections
import datetime
import json
import math
import os
import platform
import re
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench_pictures  # noqa: E402
from bench_pictures import short, ticks, traits  # noqa: E402

KEYS = ['bench', 'case', 'flows', 'forward', 'family', 'ticks_min', 'ticks_median', 'rival', 'rival_ticks_min',
        'rival_ticks_median', 'ghz']
# Of the further keys those that say which row this is, in words of the table.
SIZES = {'backends': 'backends', 'vips': 'VIPs', 'services': 'services', 'stage': ''}
HEAD = ['bench', 'case', 'flows', 'what', 'ticks', 'rival', 'its ticks', 'ratio', 'GHz']
RIGHT = {2, 4, 6, 7, 8}
MANY_LINES = 8


class BadRows(Exception):
    pass


def check_row(row):
    if not isinstance(row, dict):
        raise BadRows('a row is not an object')
    missing = [key for key in KEYS if key not in row]
    if missing:
        raise BadRows('a row lacks ' + ', '.join(missing))
    for key in ('bench', 'case'):
        if not isinstance(row[key], str) or not row[key]:
            raise BadRows(f'{key} is no text')
    for key in ('forward', 'family', 'rival'):
        if row[key] is not None and not isinstance(row[key], str):
            raise BadRows(f'{key} is neither text nor null')
    if row['flows'] is not None and (not isinstance(row['flows'], int) or row['flows'] < 1):
        raise BadRows('flows is neither a count nor null')
    numbers = ['ticks_min', 'ticks_median', 'ghz']
    if row['rival'] is not None:
        numbers += ['rival_ticks_min', 'rival_ticks_median']
    for key in numbers:
        value = row[key]
        # A stage's ticks are without the readings of the clock, which may be all of them.
        may_be_0 = 'stage' in row and key.startswith('ticks_') and row['rival'] is None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0 or \
                value == 0 and not may_be_0:
            raise BadRows(f'{key} is no number above 0')
    for which in ('', 'rival_') if row['rival'] is not None else ('',):
        if row[which + 'ticks_min'] > row[which + 'ticks_median']:
            raise BadRows(f'{which}ticks_min is above the median')


def load_rows(text):
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise BadRows(f'no JSON: {error}') from error
    if not isinstance(rows, list) or not rows:
        raise BadRows('no array of rows')
    for row in rows:
        check_row(row)
    return rows


def what(row):
    """The rest of what a row is about: ipip ipv4, 100 backends."""
    words = [traits(row)]
    for key, unit in SIZES.items():
        if key in row:
            value = row[key]
            words.append(f'{value if isinstance(value, str) else short(value)} {unit}'.strip())
    return ' '.join(filter(None, words))


def in_order(rows):
    """Rows about one thing together, in the order in which they first came."""
    groups = grouped(rows, lambda row: (row['bench'], row['case'], row['flows'], what(row)))
    return [row for group in groups.values() for row in group]


def memory(rows):
    """Lines about bytes per flow, where rows say them: at each number of flows ours and the rivals'."""
    lines = []
    known = [row for row in rows if 'bytes_per_flow' in row and row['flows']]
    for (bench, flows, rest), group in grouped(known, lambda row: (row['bench'], row['flows'], what(row))).items():
        sizes = {'shunt': group[0]['bytes_per_flow']}
        for row in group:
            if 'rival_bytes_per_flow' in row and not row['rival'].startswith('shunt'):
                sizes[row['rival']] = row['rival_bytes_per_flow']
        text = ', '.join(f'{name} {size:.1f}' for name, size in sizes.items())
        lines.append(f'{bench}, bytes per flow at {short(flows)} {rest}: {text}')
    return lines


def table(rows):
    """Lists of cells, in the order of HEAD. A repeated beginning is left out."""
    lines, before = [], None
    for row in in_order(rows):
        beginning = [row['bench'], row['case'], short(row['flows']) if row['flows'] else '', what(row)]
        line = list(beginning) if beginning != before else [''] * 4
        line.append(f'{ticks(row["ticks_min"])} / {ticks(row["ticks_median"])}')
        if row['rival'] is not None:
            line += [row['rival'], f'{ticks(row["rival_ticks_min"])} / {ticks(row["rival_ticks_median"])}',
                     f'{row["rival_ticks_min"] / row["ticks_min"]:.2f}']
        else:
            line += ['', '', '']
        line.append(f'{row["ghz"]:.2f}')
        lines.append(line)
        before = beginning
    return lines


def plain_table(rows):
    lines = [HEAD] + table(rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return '\n'.join(
        '  '.join(cell.rjust(width) if column in RIGHT else cell.ljust(width)
                  for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)


def markdown_table(rows):
    rule = ['--:' if column in RIGHT else '---' for column in range(len(HEAD))]
    return '\n'.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |' for line in [HEAD, rule] + table(rows))


def grouped(rows, key):
    groups = collections.OrderedDict()
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def file_name(*words):
    return '-'.join(re.sub(r'[^a-z0-9]+', '-', word.lower()).strip('-') for word in words if word) + '.svg'


def flow_pictures(rows):
    """One for each bench and case that has more than one number of flows; by family where the lines are many."""
    for (bench, case), group in grouped(rows, lambda row: (row['bench'], row['case'])).items():
        group = [row for row in group if row['flows']]
        families = [None]
        if len(bench_pictures.flow_series(group)) > MANY_LINES:
            families = list(dict.fromkeys(row['family'] for row in group))
        for family in families:
            part = [row for row in group if family is None or row['family'] == family]
            if len({row['flows'] for row in part}) > 1:
                title = ' '.join(filter(None, [bench, case, family]))
                yield file_name('flows', bench, case, family), bench_pictures.flows_picture(part, title)


def usual_flows(rows):
    """The number of flows that rivals are shown at: a million, or the nearest to it."""
    flows = {row['flows'] for row in rows if row['flows']}
    return min(flows, key=lambda number: abs(math.log(number / 1e6))) if flows else None


def rival_pictures(rows):
    for bench, group in grouped([row for row in rows if row['rival'] is not None], lambda row: row['bench']).items():
        # Each case at the number of flows nearest to a million that it has.
        shown = []
        for case_rows in grouped(group, lambda row: row['case']).values():
            usual = usual_flows(case_rows)
            shown += [row for row in case_rows if row['flows'] == usual]
        bars = []
        for (case, flows, rest), same in grouped(shown, lambda row: (row['case'], row['flows'], what(row))).items():
            label = ' '.join(filter(None, [case, rest, f'{short(flows)} flows' if flows else '']))
            bars.append((label, [('shunt', min(row['ticks_min'] for row in same), 1)] +
                         [(row['rival'], row['rival_ticks_min'], row['rival_ticks_min'] / row['ticks_min']) for row in same]))
        yield file_name('rivals', bench), bench_pictures.rivals_picture(bars, bench)


def stage_pictures(rows):
    for bench, group in grouped(rows, lambda row: row['bench']).items():
        yield file_name('stages', bench), bench_pictures.stages_picture(group, bench)


def pictures(rows):
    """(file name, SVG) of all. Rows of a stage are parts of a cost, and are shown as stacks only."""
    whole = [row for row in rows if 'stage' not in row]
    yield from flow_pictures(whole)
    yield from stage_pictures([row for row in rows if 'stage' in row])
    yield from rival_pictures(whole)


def write_pictures(rows, folder):
    """Replaces the pictures of these benches; returns their names."""
    os.makedirs(folder, exist_ok=True)
    names = []
    for name, svg in pictures(rows):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as out:
            out.write(svg)
        names.append(name)
    return names


def processor():
    with open('/proc/cpuinfo', encoding='utf-8') as lines:
        fields = dict(re.findall(r'^(model name|cpu family|model|cache size)\s*: (.*)$', lines.read(), re.MULTILINE))
    return f'{fields.get("model name", "unknown")} (family {fields.get("cpu family")}, model {fields.get("model")})'


def machine(rows, load):
    clocks = [row['ghz'] for row in rows]
    lines = [f'processor: {processor()}, {os.cpu_count()} CPUs',
             f'core clock while measuring, by probe: {min(clocks):.2f} to {max(clocks):.2f} GHz, '
             f'median {statistics.median(clocks):.2f}']
    ticks_ghz = sorted({row['tsc_ghz'] for row in rows if 'tsc_ghz' in row})
    if ticks_ghz:
        ghz = statistics.median(ticks_ghz)
        lines.append(f'a tick: {1 / ghz:.3f} ns (TSC at {ghz:.3f} GHz)')
    pages = sorted({row['pages'] for row in rows if 'pages' in row})
    if pages:
        lines.append(f'pages of large tables: {", ".join(pages)}')
    if load:
        lines.append(f'load average before: {load}')
    lines += [f'kernel: {platform.system()} {platform.release()}',
              f'date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC']
    return lines


def markdown(rows, load, picture_names):
    parts = ['# Results of the benches', '',
             'Written by `scripts/bench --write-results`; [README.md](README.md) says what each bench is and how to read the '
             'figures. Ticks are of the TSC, minimum / median; ratio is the rival\'s minimum over ours.', '']
    parts += [f'- {line}' for line in machine(rows, load)]
    for bench, group in grouped(rows, lambda row: row['bench']).items():
        parts += ['', f'## {bench}', '', markdown_table(group)]
        sizes = memory(group)
        parts += [''] + [f'- {line}' for line in sizes] if sizes else []
        stem = file_name(bench).removesuffix('.svg')
        shown = [name for name in picture_names
                 if re.fullmatch(rf'(flows-{re.escape(stem)}(-.*)?|stages-{re.escape(stem)}|rivals-{re.escape(stem)})\.svg', name)]
        for name in shown:
            parts += ['', f'![{name.removesuffix(".svg").replace("-", " ")}](pictures/{name})']
    return '\n'.join(parts) + '\n'


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--load', help='load average before the benches began')
    parser.add_argument('--json', help='where all rows go')
    parser.add_argument('--pictures', action='append', default=[], help='folder for SVG files; may be given again')
    parser.add_argument('--markdown', help='where table, pictures and machine go')
    parser.add_argument('rows', nargs='+', help='what a bench printed')
    options = parser.parse_args(arguments)

    rows, bad = [], 0
    for path in options.rows:
        try:
            with open(path, encoding='utf-8') as text:
                rows += load_rows(text.read())
        except (OSError, BadRows) as error:
            print(f'{path}: {error}', file=sys.stderr)
            bad += 1
    if not rows:
        return 1
    print(plain_table(rows))
    print()
    print('\n'.join(memory(rows) + machine(rows, options.load)))
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as out:
            out.write('[\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]\n')
    names = []
    for folder in options.pictures:
        names = write_pictures(rows, folder)
    if options.markdown:
        with open(options.markdown, 'w', encoding='utf-8') as out:
            out.write(markdown(rows, options.load, names))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
