"""Pictures of bench results as SVG: cost against the number of flows, cost of the stages, ours beside the rivals.

Written by hand: the benches need no plotting library. Each function takes rows (bench/README.md says what is in one) and
returns SVG text.
"""
import html
import math

COLOURS = ['#1b6ca8', '#d1495b', '#3a7d44', '#edae49', '#7b4b94', '#00798c', '#a0522d', '#6c757d', '#b5179e', '#2b2d42',
           '#8ac926', '#ff7f51', '#4361ee', '#9c6644', '#118ab2', '#c77dff']
FONT = 'font-family="sans-serif" font-size="12"'
CLIP = 8  # bars longer than this many times ours are cut, and say so


def short(number):
    """1200000 as 1.2M."""
    for limit, unit in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if number >= limit:
            return f'{number / limit:.3g}{unit}'
    return f'{number:.3g}'


def ticks(number):
    return f'{number:.1f}' if number < 1000 else short(number)


def traits(row):
    """What tells rows of one bench and case apart, beside flows."""
    return ' '.join(row[key] for key in ('forward', 'family') if row[key])


class Drawing:
    def __init__(self, width, height, title):
        self.width = width
        self.height = height
        self.parts = [f'<text x="12" y="22" {FONT} font-weight="bold">{html.escape(title)}</text>']

    def text(self, x, y, words, anchor='start', colour='#222', rotate=0):
        turn = f' transform="rotate({rotate} {x:.1f} {y:.1f})"' if rotate else ''
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {FONT} fill="{colour}" text-anchor="{anchor}"{turn}>'
                          f'{html.escape(words)}</text>')

    def line(self, x1, y1, x2, y2, colour='#ddd'):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>')

    def path(self, points, colour, dashed=False):
        dash = ' stroke-dasharray="5 4"' if dashed else ''
        where = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
        self.parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{colour}"/>')

    def svg(self):
        body = '\n'.join(self.parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
                f'viewBox="0 0 {self.width} {self.height}">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')


class Scale:
    """Values to pixels, straight or logarithmic, with marks at round values."""

    def __init__(self, values, pixels, logarithmic):
        self.first, self.last = pixels
        self.logarithmic = logarithmic
        if logarithmic:
            self.low, self.high = math.log10(min(values)), math.log10(max(values))
            if self.high - self.low < 0.1:
                self.low, self.high = self.low - 0.5, self.high + 0.5
        else:
            self.low, self.high = 0, max(values) * 1.05

    def __call__(self, value):
        place = math.log10(value) if self.logarithmic else value
        return self.first + (place - self.low) / (self.high - self.low) * (self.last - self.first)

    def marks(self):
        if self.logarithmic:
            fine = self.high - self.low < 2.5
            for power in range(math.floor(self.low), math.ceil(self.high) + 1):
                for step in (1, 2, 5) if fine else (1,):
                    value = step * 10 ** power
                    if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9:
                        yield value
            return
        step = 10 ** math.floor(math.log10(self.high))
        while self.high / step < 4:
            step /= 2
        yield from (step * i for i in range(math.floor(self.high / step) + 1))


def flow_series(rows):
    """{name: {flows: ticks}} of one bench and case, ours first. Ours is the least of the rows that repeat it. What all rows
    have in common isn't in the names."""
    one_kind = len({traits(row) for row in rows}) == 1
    ours, theirs = {}, {}
    for row in rows:
        kind = '' if one_kind else traits(row)
        name = ' '.join(filter(None, ['shunt', kind]))
        points = ours.setdefault(name, {})
        points[row['flows']] = min(row['ticks_min'], points.get(row['flows'], math.inf))
        if row['rival'] is not None:
            name = ' '.join(filter(None, [row['rival'], kind]))
            theirs.setdefault(name, {})[row['flows']] = row['rival_ticks_min']
    return {**ours, **theirs}


def flows_picture(rows, title):
    """Least ticks against the number of flows, one line for each kind of ours and each rival (dashed)."""
    series = flow_series(rows)
    width, left, top, bottom = 900, 60, 40, 420
    height = max(470, top + 20 * len(series) + 20)
    right = width - 300
    drawing = Drawing(width, height, f'{title}: ticks against flows')
    flows = [flow for points in series.values() for flow in points]
    costs = [cost for points in series.values() for cost in points.values()]
    across = Scale(flows, (left + 15, right - 15), logarithmic=True)
    up = Scale(costs, (bottom, top + 10), logarithmic=max(costs) > 20 * min(costs))
    for mark in up.marks():
        drawing.line(left, up(mark), right, up(mark))
        drawing.text(left - 6, up(mark) + 4, short(mark) if mark else '0', anchor='end')
    for flow in sorted(set(flows)):
        drawing.line(across(flow), top, across(flow), bottom)
        drawing.text(across(flow), bottom + 18, short(flow), anchor='middle')
    drawing.text((left + right) / 2, bottom + 40, 'flows', anchor='middle')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawing.path([(across(flow), up(cost)) for flow, cost in sorted(points.items())], colour,
                     dashed=not name.startswith('shunt'))
        drawing.bar(right + 14, top + 20 * number + 4, 12, 12, colour)
        drawing.text(right + 32, top + 20 * number + 14, name)
    return drawing.svg()


def stages_picture(rows, title):
    """One stack for each case, forward, family and number of flows: ticks of its stages in the order of the rows."""
    stacks, stages = {}, []
    for row in rows:
        flows = short(row['flows']) if row['flows'] else ''
        name = ' '.join(filter(None, [row['case'], traits(row), flows]))
        stacks.setdefault(name, {})[row['stage']] = row['ticks_min']
        if row['stage'] not in stages:
            stages.append(row['stage'])
    left, top, step = 60, 40, 46
    right = left + step * len(stacks) + 10
    bottom, width = 380, max(right + 190, 420)
    drawing = Drawing(width, bottom + 150, f'{title}: ticks of each stage')
    up = Scale([sum(stack.values()) for stack in stacks.values()], (bottom, top + 10), logarithmic=False)
    for mark in up.marks():
        drawing.line(left, up(mark), right, up(mark))
        drawing.text(left - 6, up(mark) + 4, short(mark) if mark else '0', anchor='end')
    for number, (name, stack) in enumerate(stacks.items()):
        x, sum_below = left + 12 + step * number, 0
        for stage in stages:
            cost = max(stack.get(stage, 0), 0)
            drawing.bar(x, up(sum_below + cost), 28, up(sum_below) - up(sum_below + cost), COLOURS[stages.index(stage) % len(COLOURS)])
            sum_below += cost
        drawing.text(x + 14, up(sum_below) - 4, ticks(sum_below), anchor='middle')
        drawing.text(x + 18, bottom + 12, name, anchor='end', rotate=-45)
    for number, stage in enumerate(reversed(stages)):
        drawing.bar(right + 14, top + 20 * number + 4, 12, 12, COLOURS[stages.index(stage) % len(COLOURS)])
        drawing.text(right + 32, top + 20 * number + 14, stage)
    return drawing.svg()


def rivals_picture(groups, title):
    """`groups`: (label, [(name, ticks, ratio to ours)]), ours first in each. Bars are to scale within a group."""
    left, top, width = 230, 40, 900
    full = width - left - 130
    height = top + sum(24 + 17 * len(bars) for _, bars in groups) + 10
    drawing = Drawing(width, height, f'{title}: ticks beside the rivals')
    names = list(dict.fromkeys(name for _, bars in groups for name, _, _ in bars))
    y = top
    for label, bars in groups:
        limit = min(max(cost for _, cost, _ in bars), CLIP * bars[0][1])
        drawing.text(12, y + 14, label)
        y += 22
        for name, cost, ratio in bars:
            length = min(cost, limit) / limit * full
            drawing.text(left - 8, y + 11, name, anchor='end', colour='#444')
            drawing.bar(left, y, length, 14, COLOURS[names.index(name) % len(COLOURS)])
            note = ticks(cost) + (' »' if cost > limit else '')
            if name != bars[0][0]:
                note += f' ({ratio:.1f}×)'
            drawing.text(left + length + 6, y + 11, note)
            y += 17
        y += 2
    return drawing.svg()
