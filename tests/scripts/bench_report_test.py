"""scripts/lib/bench_report.py: what rows it takes, and that table, JSON, pictures and Markdown show them."""
import contextlib
import importlib.util
import io
import json
import os
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location(
    'bench_report', os.path.join(HERE, '..', '..', 'scripts', 'lib', 'bench_report.py'))
bench_report = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench_report)


def row(**changes):
    made = {'bench': 'flow_table', 'case': 'hit', 'flows': 1000, 'forward': None, 'family': 'ipv4', 'ticks_min': 10.0,
            'ticks_median': 11.0, 'rival': 'rte_hash', 'rival_ticks_min': 25.0, 'rival_ticks_median': 26.0, 'ghz': 3.5}
    made.update(changes)
    return made


def alone(**changes):
    return row(rival=None, rival_ticks_min=None, rival_ticks_median=None, **changes)


def texts(svg):
    return [element.text for element in xml.etree.ElementTree.fromstring(svg).iter() if element.tag.endswith('}text')]


def elements(svg, name):
    return [element for element in xml.etree.ElementTree.fromstring(svg).iter() if element.tag.endswith('}' + name)]


class Rows(unittest.TestCase):
    def refused(self, wanted, text):
        with self.assertRaises(bench_report.BadRows) as caught:
            bench_report.load_rows(text)
        self.assertIn(wanted, str(caught.exception))

    def test_good_ones(self):
        rows = [row(), alone(flows=None, family=None), row(stage='parse', bytes_per_flow=25.6),
                alone(stage='parse', ticks_min=0.0, ticks_median=0.0)]
        self.assertEqual(bench_report.load_rows(json.dumps(rows)), rows)

    def test_what_is_no_array_of_rows(self):
        self.refused('no JSON', '[{"bench": ')
        self.refused('no array', '{}')
        self.refused('no array', '[]')
        self.refused('not an object', '[3]')

    def test_each_missing_key_is_named(self):
        for key in bench_report.KEYS:
            short = row()
            del short[key]
            self.refused(f'lacks {key}', json.dumps([row(), short]))

    def test_values_that_cannot_be(self):
        self.refused('case is no text', json.dumps([row(case=None)]))
        self.refused('flows is neither', json.dumps([row(flows=0)]))
        self.refused('flows is neither', json.dumps([row(flows=1.5)]))
        self.refused('family is neither', json.dumps([row(family=4)]))
        self.refused('ticks_min is no number', json.dumps([row(ticks_min=0)]))
        self.refused('ticks_min is no number', json.dumps([row(ticks_min=float('nan'))]))
        self.refused('ghz is no number', json.dumps([row(ghz=None)]))
        self.refused('rival_ticks_median is no number', json.dumps([row(rival_ticks_median=None)]))
        self.refused('ticks_min is above', json.dumps([row(ticks_min=12)]))
        self.refused('rival_ticks_min is above', json.dumps([row(rival_ticks_min=27)]))


class Tables(unittest.TestCase):
    def test_rows_about_one_thing_come_together_and_say_it_once(self):
        rows = [row(), row(case='miss'), row(rival='absl', rival_ticks_min=15.0, rival_ticks_median=2500.0)]
        self.assertEqual(bench_report.table(rows), [
            ['flow_table', 'hit', '1k', 'ipv4', '10.0 / 11.0', 'rte_hash', '25.0 / 26.0', '2.50', '3.50'],
            ['', '', '', '', '10.0 / 11.0', 'absl', '15.0 / 2.5k', '1.50', '3.50'],
            ['flow_table', 'miss', '1k', 'ipv4', '10.0 / 11.0', 'rte_hash', '25.0 / 26.0', '2.50', '3.50']])

    def test_a_row_without_rival(self):
        self.assertEqual(bench_report.table([alone(flows=8_000_000, forward='ipip', stage='parse')]),
                         [['flow_table', 'hit', '8M', 'ipip ipv4 parse', '10.0 / 11.0', '', '', '', '3.50']])

    def test_sizes_that_are_not_flows(self):
        self.assertEqual(bench_report.what(row(flows=None, family=None, backends=10000.0)), '10k backends')
        self.assertEqual(bench_report.what(row(vips=100.0)), 'ipv4 100 VIPs')

    def test_columns_line_up(self):
        lines = bench_report.plain_table([row(), row(case='a long one')]).splitlines()
        self.assertEqual([line.index('rte_hash') for line in lines[1:]], [lines[0].index('rival')] * 2)

    def test_memory(self):
        rows = [row(bytes_per_flow=25.6, rival_bytes_per_flow=67.83),
                row(case='miss', rival='absl', bytes_per_flow=25.6, rival_bytes_per_flow=44.0),
                row(rival='shunt, one by one', bytes_per_flow=25.6, rival_bytes_per_flow=25.6)]
        self.assertEqual(bench_report.memory(rows),
                         ['flow_table, bytes per flow at 1k ipv4: shunt 25.6, rte_hash 67.8, absl 44.0'])


class Pictures(unittest.TestCase):
    def made(self, *rows):
        return dict(bench_report.pictures(list(rows)))

    def test_a_line_for_ours_and_each_rival(self):
        svg = self.made(row(), row(flows=1_000_000, ticks_min=9.0), row(flows=1_000_000, rival='absl'))['flows-flow-table-hit.svg']
        lines = elements(svg, 'polyline')
        self.assertEqual([line.get('points').count(',') for line in lines], [2, 2, 1])
        self.assertEqual([line.get('stroke-dasharray') is None for line in lines], [True, False, False])
        for words in ('shunt', 'rte_hash', 'absl', '1k', '1M'):
            self.assertIn(words, texts(svg))

    def test_dearer_is_higher_and_more_flows_are_further_right(self):
        svg = self.made(alone(), alone(flows=64_000, ticks_min=10.5))['flows-flow-table-hit.svg']
        (x1, y1), (x2, y2) = [point.split(',') for point in elements(svg, 'polyline')[0].get('points').split()]
        self.assertLess(float(x1), float(x2))
        self.assertGreater(float(y1), float(y2))

    def test_many_lines_are_split_by_family(self):
        rows = [row(flows=flows, family=family, rival=f'rival{number}')
                for flows in (1000, 2000) for family in ('ipv4', 'ipv6') for number in range(4)]
        names = set(self.made(*rows))
        self.assertLessEqual({'flows-flow-table-hit-ipv4.svg', 'flows-flow-table-hit-ipv6.svg'}, names)
        self.assertNotIn('flows-flow-table-hit.svg', names)

    def test_one_number_of_flows_makes_no_line(self):
        self.assertEqual(list(self.made(row(), alone(flows=None))), ['rivals-flow-table.svg'])

    def test_stages_are_stacked(self):
        rows = [alone(bench='pipeline', stage='parse', forward='ipip', ticks_min=4.0),
                alone(bench='pipeline', stage='lookup', forward='ipip', ticks_min=6.0)]
        made = self.made(*rows)
        self.assertEqual(list(made), ['stages-pipeline.svg'])
        bars = [bar for bar in elements(made['stages-pipeline.svg'], 'rect') if bar.get('width') == '28.0']
        self.assertEqual(len(bars), 2)
        lower, upper = bars
        self.assertAlmostEqual(float(upper.get('y')) + float(upper.get('height')), float(lower.get('y')), delta=0.2)
        self.assertAlmostEqual(float(upper.get('height')) / float(lower.get('height')), 1.5, delta=0.02)
        self.assertIn('10.0', texts(made['stages-pipeline.svg']))

    def test_rivals_are_shown_near_a_million_flows(self):
        rows = [row(flows=flows, rival_ticks_min=20.0 + flows / 1e6, rival_ticks_median=90.0) for flows in (1000, 1_000_000, 32_000_000)]
        svg = self.made(*rows)['rivals-flow-table.svg']
        self.assertIn('hit ipv4 1M flows', texts(svg))
        self.assertIn('21.0 (2.1×)', texts(svg))
        self.assertEqual(len(elements(svg, 'rect')), 3)

    def test_a_bar_too_long_is_cut_and_says_so(self):
        svg = self.made(row(rival_ticks_min=990.0, rival_ticks_median=990.0))['rivals-flow-table.svg']
        self.assertIn('990.0 » (99.0×)', texts(svg))

    def test_names_are_escaped(self):
        svg = self.made(row(rival='map<int> & co'))['rivals-flow-table.svg']
        self.assertIn('map<int> & co', texts(svg))


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def written(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as out:
            out.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as text:
            return text.read()

    def run_program(self, *arguments):
        printed, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
            status = bench_report.main(list(arguments))
        return status, printed.getvalue(), said.getvalue()

    def test_files_are_merged(self):
        one = self.written('one.json', json.dumps([row(), row(flows=64_000)]))
        two = self.written('two.json', json.dumps([alone(bench='maglev', flows=None, backends=10.0, tsc_ghz=2.1, pages='2M')]))
        status, printed, _ = self.run_program('--load', '0.1 0.2 0.3', '--json', self.path('all.json'), '--pictures',
                                              self.path('pictures'), '--markdown', self.path('RESULTS.md'), one, two)
        self.assertEqual(status, 0)
        self.assertEqual([made['bench'] for made in json.loads(self.read('all.json'))], ['flow_table', 'flow_table', 'maglev'])
        self.assertIn('load average before: 0.1 0.2 0.3', printed)
        self.assertIn('a tick: 0.476 ns (TSC at 2.100 GHz)', printed)
        self.assertEqual(sorted(os.listdir(self.path('pictures'))), ['flows-flow-table-hit.svg', 'rivals-flow-table.svg'])
        markdown = self.read('RESULTS.md')
        for words in ('## flow_table', '## maglev', '| maglev | hit |  | ipv4 10 backends |',
                      '(pictures/flows-flow-table-hit.svg)', '(pictures/rivals-flow-table.svg)', '- processor: ', '- kernel: Linux'):
            self.assertIn(words, markdown)

    def test_a_bad_file_is_named_and_the_rest_is_shown(self):
        good = self.written('good.json', json.dumps([row()]))
        bad = self.written('bad.json', '[')
        status, printed, said = self.run_program(good, bad)
        self.assertEqual(status, 1)
        self.assertIn('rte_hash', printed)
        self.assertIn('bad.json: no JSON', said)

    def test_nothing_to_show(self):
        self.assertEqual(self.run_program(self.path('absent.json'))[0], 1)


if __name__ == '__main__':
    unittest.main()
