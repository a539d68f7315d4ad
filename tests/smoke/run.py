#!/usr/bin/python3
"""Runs the smoke tests: all, or those whose name contains one of the patterns.

    sudo tests/smoke/run.py                          every test
    sudo tests/smoke/run.py http_shares _nat         tests whose file.Class.method contains one of them
    sudo tests/smoke/run.py --jobs 2                 two at a time; those that measure (`ALONE` in their class) afterwards, alone,
                                                     and once more those that failed beside others
    sudo tests/smoke/run.py --list
    sudo tests/smoke/test_stop.py                    one file

Prints `ok NAME seconds`, `not ok NAME seconds` with the details, or `skip NAME reason`. Status 0 only if nothing failed;
77 if all was skipped, as without root. Beside others a test may lack the CPU that its deadlines take for granted, so what
counts is how it does alone; `beside others: not ok NAME` shows how it failed before. Where more than FEW failed, none is tried again.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
EXIT_SKIPPED = 77
FEW = 12


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", help="parts of test names; none: every test")
    parser.add_argument("--build", help="build folder (default: $SHUNT_BUILD, else build/ of this checkout)")
    parser.add_argument("--junit", help="write the results to this file, as JUnit XML")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--fail-fast", action="store_true", help="begin no more after the first failure")
    parser.add_argument("--jobs", type=int, default=1, help="tests at a time (default: 1)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)  # what --jobs starts
    parser.add_argument("--file", action="append", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def collect(files, patterns):
    """The test cases in the files, flat, in the order of their names."""
    def flat(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from flat(item)
            else:
                yield item

    suites = [unittest.defaultTestLoader.loadTestsFromName(pathlib.Path(file).stem) for file in files]
    return sorted((case for case in flat(suites) if not patterns or any(part in case.id() for part in patterns)),
                  key=lambda case: case.id())


def show(name, seconds, verdict, text, where=""):
    extra = f" {text}" if verdict == "skip" else ""
    print(f"{where}{verdict} {name} {seconds:.1f}{extra}", flush=True)
    if verdict == "not ok":
        print("".join(f"  {line}\n" for line in text.splitlines()), flush=True)


class Result(unittest.TestResult):
    """Keeps a row of each test: (id, seconds, verdict, text)."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def startTest(self, test):
        super().startTest(test)
        self._start, self._verdict, self._text = time.monotonic(), "ok", ""

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self._start
        self.rows.append((test.id(), seconds, self._verdict, self._text))

    def _note(self, verdict, text):
        self._verdict = "not ok" if "not ok" in (verdict, self._verdict) else verdict
        self._text += text

    def addError(self, test, err):
        super().addError(test, err)
        self._note("not ok", self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note("not ok", self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note("not ok", f"{subtest}: {(self.failures + self.errors)[-1][1]}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note("skip", reason)


def run_here(case):
    result = Result()
    case.run(result)
    return result.rows[0]


def serve(cases):
    """Runs the cases that are named on standard input, a line each; answers with a row each, as JSON."""
    by_name = {case.id(): case for case in cases}
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what a test prints is no answer
        for line in sys.stdin:
            print(json.dumps(run_here(by_name[line.strip()])), file=answers, flush=True)
    return 0


class Job:
    """A process that runs one test after the other. `number`, from 0, decides which CPU its shuntd's worker gets."""

    def __init__(self, number):
        cpu = (os.cpu_count() - 1 - number) % os.cpu_count()
        self._argv = [sys.executable, str(HERE / "run.py"), "--serve"]
        self._environment = {**os.environ, "SHUNT_SMOKE_CPU": str(cpu)}
        self._process = None

    def run(self, case):
        began = time.monotonic()
        if self._process is None:
            # Its parent's end is its own, and then it removes what is up.
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self._argv], env=self._environment, text=True,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with contextlib.suppress(BrokenPipeError):
            print(case.id(), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if answer:
            return json.loads(answer)
        status, self._process = self._process.wait(), None
        return case.id(), time.monotonic() - began, "not ok", f"its process ended with status {status}\n"

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()


def run_at_once(cases, jobs, take):
    """`take(row)` gets each row as it comes, one at a time; False: begin no more."""
    waiting, turn, stopped = collections.deque(cases), threading.Lock(), threading.Event()

    def work(number):
        job = Job(number)
        with contextlib.closing(job):
            while not stopped.is_set():
                try:
                    case = waiting.popleft()
                except IndexError:
                    return
                row = job.run(case)
                with turn:
                    if not take(row):
                        stopped.set()

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not stopped.is_set()


def run_all(cases, options):
    """The rows of all cases; how those did that got a second try beside others isn't among them."""
    alone = [case for case in cases if options.jobs == 1 or getattr(case, "ALONE", False)]
    together = {case.id(): case for case in cases if case not in alone}
    rows, failed = [], []

    def take(row):
        name, _, verdict, _ = row
        bad = verdict == "not ok"
        (failed if bad and name in together else rows).append(tuple(row))
        show(*row, where="beside others: " if bad and name in together else "")
        return not bad or not options.fail_fast

    if not run_at_once(together.values(), options.jobs, take):
        return rows + failed
    again = [together[row[0]] for row in failed] if len(failed) <= FEW else []
    if not again:
        rows += failed
    together.clear()
    for case in again + alone:
        if not take(run_here(case)):
            break
    return rows


def first_words(text):
    """The line of a traceback that says what is wrong."""
    return next((line for line in text.splitlines() if line[:1].isalpha() and not line.startswith("Traceback")), "")


def write_junit(path, rows):
    bad = sum(verdict == "not ok" for _, _, verdict, _ in rows)
    skipped = sum(verdict == "skip" for _, _, verdict, _ in rows)
    suite = xml.Element("testsuite", name="smoke", tests=str(len(rows)), failures=str(bad), errors="0", skipped=str(skipped),
                        time=f"{sum(seconds for _, seconds, _, _ in rows):.3f}")
    for name, seconds, verdict, text in rows:
        case = xml.SubElement(suite, "testcase", classname=name.rpartition(".")[0], name=name.rpartition(".")[2],
                              time=f"{seconds:.3f}")
        if verdict != "ok":
            clean = "".join(letter for letter in text if letter >= " " or letter in "\n\t")
            kind = "failure" if verdict == "not ok" else "skipped"
            xml.SubElement(case, kind, message=clean.strip().split("\n")[0]).text = clean
    root = xml.Element("testsuites")
    root.append(suite)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def main(words):
    options = arguments(words)
    if options.build:
        os.environ["SHUNT_BUILD"] = str(pathlib.Path(options.build).resolve())
    sys.path.insert(0, str(HERE))
    files = options.file or sorted(HERE.glob("test_*.py"))
    cases = collect(files, options.patterns)
    if options.serve:
        return serve(cases)
    if options.list:
        print("\n".join(case.id() for case in cases))
        return 0
    if not cases:
        print(f"no test matches {' '.join(options.patterns)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("the smoke tests need root (they make network namespaces): sudo tests/smoke/run.py", file=sys.stderr)
    rows = run_all(cases, options)
    skipped = sum(verdict == "skip" for _, _, verdict, _ in rows)
    failed = sum(verdict == "not ok" for _, _, verdict, _ in rows)
    for name, _, verdict, text in rows:
        if verdict == "not ok":
            print(f"FAILED: {name}: {first_words(text)[:300]}")
    print(f"{len(rows) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    if options.junit:
        write_junit(options.junit, sorted(rows))
    return 1 if failed else EXIT_SKIPPED if skipped == len(rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
