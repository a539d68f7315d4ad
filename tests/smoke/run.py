#!/usr/bin/python3
"""Runs the smoke tests: all, or those whose name contains one of the patterns.

    sudo tests/smoke/run.py                          every test
    sudo tests/smoke/run.py http_shares _nat         tests whose file.Class.method contains one of them
    sudo tests/smoke/run.py --list
    sudo tests/smoke/test_stop.py                    one file

Prints `ok NAME seconds`, `not ok NAME seconds` with the details, or `skip NAME reason`. Status 0 only if nothing failed;
77 if all was skipped, as without root.
"""

import argparse
import os
import pathlib
import sys
import time
import unittest
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
EXIT_SKIPPED = 77


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", help="parts of test names; none: every test")
    parser.add_argument("--build", help="build folder (default: $SHUNT_BUILD, else build/ of this checkout)")
    parser.add_argument("--junit", help="write the results to this file, as JUnit XML")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
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


class Result(unittest.TestResult):
    """Prints a line for each test as it ends, and keeps what the JUnit file needs."""

    def __init__(self):
        super().__init__()
        self.rows = []  # (id, seconds, verdict, text)

    def startTest(self, test):
        super().startTest(test)
        self._start, self._verdict, self._text = time.monotonic(), "ok", ""

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self._start
        self.rows.append((test.id(), seconds, self._verdict, self._text))
        extra = f" {self._text}" if self._verdict == "skip" else ""
        print(f"{self._verdict} {test.id()} {seconds:.1f}{extra}", flush=True)
        if self._verdict == "not ok":
            print("".join(f"  {line}\n" for line in self._text.splitlines()), flush=True)

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
    if options.list:
        print("\n".join(case.id() for case in cases))
        return 0
    if not cases:
        print(f"no test matches {' '.join(options.patterns)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("the smoke tests need root (they make network namespaces): sudo tests/smoke/run.py", file=sys.stderr)
    result = Result()
    for case in cases:
        case.run(result)
        if options.fail_fast and not result.wasSuccessful():
            break
    skipped = len(result.skipped)
    failed = sum(verdict == "not ok" for _, _, verdict, _ in result.rows)
    print(f"{len(result.rows) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    if options.junit:
        write_junit(options.junit, result.rows)
    return 1 if failed else EXIT_SKIPPED if skipped == len(result.rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
