"""scripts/lib/count_cases.py: what is counted as passed, failed and skipped, and when its status is 1."""
import contextlib
import importlib.util
import io
import json
import os
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location(
    'count_cases', os.path.join(HERE, '..', '..', 'scripts', 'lib', 'count_cases.py'))
count_cases = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(count_cases)

PASS = '<testcase name="{}"/>'
FAIL = '<testcase name="{}"><failure message="no">expected 1, was 2</failure></testcase>'
ERROR = '<testcase name="{}"><error/></testcase>'
SKIP = '<testcase name="{}"><skipped message="no hugepages"/></testcase>'
DISABLED = '<testcase name="{}" status="notrun"/>'


def suite(name, *cases):
    text = ''.join(case.format(f'case{number}') for number, case in enumerate(cases))
    return f'<testsuite name="{name}">{text}</testsuite>'


class CountCases(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def junit(self, *suites, name='testlog.junit.xml'):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as out:
            out.write(f'<testsuites>{"".join(suites)}</testsuites>')
        return path

    def programs(self, **results):
        with open(os.path.join(self.folder, 'testlog.json'), 'w', encoding='utf-8') as out:
            for name, result in results.items():
                out.write(json.dumps({'name': f'shunt:unit / {name}', 'result': result, 'stdout': 'its output'}) + '\n')

    def count(self, *runs, steps=()):
        """(status, all lines printed) of a call."""
        arguments = []
        for name, status, path in runs:
            arguments += ['--run', name, str(status), path]
        for step in steps:
            arguments += ['--failed-step', step]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = count_cases.main(arguments)
        return status, printed.getvalue().splitlines()

    def check(self, wanted_status, wanted_line, *runs, steps=()):
        status, lines = self.count(*runs, steps=steps)
        self.assertEqual((status, lines[-1]), (wanted_status, wanted_line), '\n'.join(lines))
        return lines

    def test_all_passed(self):
        path = self.junit(suite('shunt.a_test.A', PASS, PASS), suite('shunt', PASS))
        self.assertEqual(self.check(0, '3 passed, 0 failed, 0 skipped', ('unit', 0, path)),
                         ['3 passed, 0 failed, 0 skipped'])

    def test_each_outcome(self):
        path = self.junit(suite('shunt.a_test.A', PASS, FAIL, ERROR, SKIP, DISABLED))
        lines = self.check(1, '1 passed, 2 failed, 2 skipped', ('unit', 1, path))
        self.assertIn('skipped  unit: a_test: A.case3 (no hugepages)', lines)
        self.assertIn('FAILED   unit: a_test: A.case1', lines)
        self.assertIn('         expected 1, was 2', lines)

    def test_runs_are_added(self):
        unit = self.junit(suite('shunt.a_test.A', PASS))
        smoke = self.junit(suite('test_nat', PASS, PASS, SKIP), name='smoke.junit.xml')
        self.check(0, '3 passed, 0 failed, 1 skipped', ('unit', 0, unit), ('smoke', 0, smoke))

    def test_all_skipped_is_no_success(self):
        path = self.junit(suite('shunt.a_test.A', SKIP, SKIP))
        self.check(1, '0 passed, 0 failed, 2 skipped', ('unit', 0, path))

    def test_nothing_ran(self):
        self.check(1, '0 passed, 0 failed, 0 skipped')
        self.check(1, '0 passed, 0 failed, 0 skipped', ('unit', 0, self.junit()))

    def test_a_failed_step_is_a_failed_case(self):
        path = self.junit(suite('shunt.a_test.A', PASS))
        self.check(1, '1 passed, 2 failed, 0 skipped', ('unit', 0, path), steps=['formatting', 'build'])

    def test_a_program_that_timed_out(self):
        # meson 1.0 writes it as one case without a failure.
        path = self.junit('<testsuite name="shunt"><testcase name="slow_test"/></testsuite>')
        self.programs(slow_test='TIMEOUT')
        lines = self.check(1, '0 passed, 1 failed, 0 skipped', ('unit', 1, path))
        self.assertIn('         the program as a whole: TIMEOUT', lines)
        self.assertIn('         its output', lines)

    def test_a_program_that_failed_after_its_last_case(self):
        path = self.junit(suite('shunt.a_test.A', PASS, PASS), suite('shunt.b_test.B', PASS))
        self.programs(a_test='FAIL', b_test='OK')
        self.check(1, '3 passed, 1 failed, 0 skipped', ('unit', 1, path))

    def test_a_program_that_crashed_shows_what_it_printed(self):
        path = self.junit('<testsuite name="shunt"><testcase name="a_test"><failure/></testcase></testsuite>')
        self.programs(a_test='FAIL')
        lines = self.check(1, '0 passed, 1 failed, 0 skipped', ('unit', 1, path))
        self.assertIn('         its output', lines)

    def test_the_file_of_a_smoke_test_is_named(self):
        path = self.junit('<testsuite name="smoke"><testcase classname="test_nat.Nat" name="test_one"><failure/></testcase>'
                          '</testsuite>', name='smoke.junit.xml')
        lines = self.check(1, '0 passed, 1 failed, 0 skipped', ('smoke tests', 1, path))
        self.assertIn('FAILED   smoke tests: test_nat.Nat: test_one', lines)

    def test_a_failed_case_is_not_counted_twice(self):
        path = self.junit(suite('shunt.a_test.A', PASS, FAIL))
        self.programs(a_test='FAIL')
        self.check(1, '1 passed, 1 failed, 0 skipped', ('unit', 1, path))

    def test_expected_failures_and_skipped_programs_are_fine(self):
        path = self.junit(suite('shunt.a_test.A', PASS))
        self.programs(a_test='EXPECTEDFAIL', b_test='SKIP')
        self.check(0, '1 passed, 0 failed, 0 skipped', ('unit', 0, path))

    def test_another_run_does_not_read_mesons_log(self):
        self.programs(a_test='FAIL')
        smoke = self.junit(suite('test_nat', PASS), name='smoke.junit.xml')
        self.check(0, '1 passed, 0 failed, 0 skipped', ('smoke', 0, smoke))

    def test_a_run_that_failed_without_a_failed_case(self):
        path = self.junit(suite('test_nat', PASS), name='smoke.junit.xml')
        lines = self.check(1, '1 passed, 1 failed, 0 skipped', ('smoke', 124, path))
        self.assertIn('         ended with status 124, and no case failed', lines)

    def test_results_that_cannot_be_read(self):
        broken = os.path.join(self.folder, 'broken.xml')
        with open(broken, 'w', encoding='utf-8') as out:
            out.write('<testsuites><testsuite')
        for path in (broken, os.path.join(self.folder, 'absent.xml')):
            self.check(1, '0 passed, 1 failed, 0 skipped', ('smoke', 0, path))


if __name__ == '__main__':
    unittest.main()
