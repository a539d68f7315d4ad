#!/usr/bin/python3
"""Counts test cases from the junit files of several runs, lists what failed, and ends with one line:

    N passed, N failed, N skipped

Called by scripts/test. Each run is its name, the exit status of its program and its junit file. Beside meson's
testlog.junit.xml lies testlog.json, which knows what the junit file doesn't: meson 1.0 writes a program that timed out, or
that passed though it should fail, as if it had passed; and a GoogleTest program that failed after its last case (a leak,
a crash at exit) has no failed case at all. Such a program counts as one failed case, and so does a run whose status
isn't 0 without any case to show for it. Status 1 if anything failed or if no case ran (skipped isn't run).
"""
import argparse
import json
import os
import sys
import xml.etree.ElementTree
from dataclasses import dataclass

PROGRAM_WAS_FINE = {'OK', 'EXPECTEDFAIL', 'SKIP'}
TEXT_LINES = 20


@dataclass
class Case:
    program: str
    name: str
    outcome: str  # passed, failed, skipped
    text: str = ''


def outcome_of(element):
    """(outcome, text) of a <testcase>."""
    for tag in ('failure', 'error'):
        found = element.find(tag)
        if found is not None:
            return 'failed', (found.text or found.get('message') or '').strip()
    found = element.find('skipped')
    # GoogleTest writes a DISABLED_ case as "notrun", without a child.
    if found is not None or element.get('status') == 'notrun':
        text = '' if found is None else found.get('message') or found.text or ''
        return 'skipped', ' '.join(text.split())
    return 'passed', ''


def read_junit(path):
    """The cases of a junit file. Raises OSError or ParseError."""
    cases = []
    for suite in xml.etree.ElementTree.parse(path).iter('testsuite'):
        # meson names a suite PROJECT.PROGRAM[.SUITE], or PROJECT alone for programs that are one case each.
        parts = suite.get('name', '').split('.')
        for element in suite.findall('testcase'):
            name = element.get('name', '')
            if len(parts) > 1:
                program, label = parts[1], '.'.join(parts[2:] + [name])
            elif element.get('classname', parts[0]) == parts[0]:
                program, label = name, name
            else:  # the smoke tests: one suite, FILE.CLASS as class name
                program, label = element.get('classname'), name
            cases.append(Case(program, label, *outcome_of(element)))
    return cases


def read_programs(path):
    """{program: (result, text)} of meson's testlog.json; one JSON object a line."""
    programs = {}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            entry = json.loads(line)
            name = entry['name'].rsplit(' / ', 1)[-1]
            text = (entry.get('stdout') or '') + (entry.get('stderr') or '')
            programs[name] = (entry['result'], text)
    return programs


def blame_programs(cases, programs):
    """Adds a failed case for each program that failed without one, and what it printed where a case has no text."""
    for program, (result, text) in programs.items():
        if result in PROGRAM_WAS_FINE:
            continue
        tail = '\n'.join(text.strip().splitlines()[-TEXT_LINES + 1:])
        told = f'the program as a whole: {result}\n{tail}'.strip()
        own = [case for case in cases if case.program == program]
        failed = [case for case in own if case.outcome == 'failed']
        for case in failed:
            case.text = case.text or told
        if failed:
            continue
        if len(own) == 1 and own[0].name == program:
            cases.remove(own[0])
        cases.append(Case(program, program, 'failed', told))


def read_run(name, status, path):
    """The cases of one run; a run that failed has at least one failed case."""
    cases = []
    complaint = f'ended with status {status}, and no case failed'
    try:
        cases = read_junit(path)
        programs = os.path.join(os.path.dirname(path), 'testlog.json')
        if os.path.basename(path) == 'testlog.junit.xml' and os.path.exists(programs):
            blame_programs(cases, read_programs(programs))
    except (OSError, ValueError, KeyError, xml.etree.ElementTree.ParseError) as error:
        complaint = f'ended with status {status}, and its results cannot be read: {error}'
        status = status or 1
    if status and not any(case.outcome == 'failed' for case in cases):
        cases.append(Case(name, name, 'failed', complaint))
    for case in cases:
        case.program = name if case.program == case.name else f'{name}: {case.program}'
    return cases


def report(cases):
    """All but the passed cases, failed ones last, then the closing line."""
    lines = []
    for case in cases:
        if case.outcome == 'skipped':
            lines.append(f'skipped  {case.program}: {case.name}' + (f' ({case.text})' if case.text else ''))
    for case in cases:
        if case.outcome == 'failed':
            lines.append(f'FAILED   {case.program}: {case.name}')
            lines += ['         ' + line for line in case.text.splitlines()[:TEXT_LINES]]
    count = {outcome: sum(case.outcome == outcome for case in cases) for outcome in ('passed', 'failed', 'skipped')}
    lines.append(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    failed = count['failed'] > 0 or count['passed'] == 0
    return '\n'.join(lines), failed


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--run', nargs=3, action='append', default=[], metavar=('NAME', 'STATUS', 'JUNIT'))
    parser.add_argument('--failed-step', action='append', default=[], metavar='NAME')
    options = parser.parse_args(arguments)
    cases = []
    for name, status, path in options.run:
        cases += read_run(name, int(status), path)
    cases += [Case('step', name, 'failed', 'see its log above') for name in options.failed_step]
    text, failed = report(cases)
    print(text)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
