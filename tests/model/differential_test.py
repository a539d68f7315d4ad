#!/usr/bin/python3
"""The runner's own tests. With a model of two sentences and a driver that is made wrong on purpose: it finds the fault, makes the
sequence short, and what it prints replays it. And shunt itself agrees with the two sentences."""

import contextlib
import io
import json
import os
import pathlib
import random
import stat
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import differential
import frames as build
import sequences
from driver_process import Driver, DriverDied
from shrink import Budget, minimize, shrink, shrink_bytes

PROGRAM = os.environ["MODEL_DRIVER"]


def inner_ttl(frame):
    at, kind = build.l3_offset(frame)
    return frame[at + (8 if kind == 0x0800 else 7)]


class TwoSentences:
    """Every frame has one fate. What is sent has its port's MAC as source and, if it isn't encapsulated, a TTL less by one."""

    def __init__(self):
        self.held = 0

    def expect(self, event):
        return TwoSentences.Expectation(sequences.frames_in(event), self.held)

    def observe(self, _event, observed):
        self.held = observed.get("in_flight", 0)

    class Expectation:
        def __init__(self, frames, held):
            self.frames, self.held = frames, held

        def check(self, observed):
            if not self.frames:
                return []
            out = observed["out"]
            fates = len(out) - observed.get("originated", 0) + sum(observed["dropped"].values()) + observed.get("in_flight", 0)
            differences = [f"{fates} fates of {len(self.frames)}"] if fates != len(self.frames) + self.held else []
            ttls = {inner_ttl(frame) - 1 for _, frame in self.frames if len(frame) > 30} | {64}
            for each in out:
                frame = bytes.fromhex(each["hex"])
                if each["kind"] == "sent" and frame[6:12] != build.mac_bytes(sequences.PORT_MAC[each["port"]]):
                    differences.append(f"source MAC {frame[6:12].hex()}")
                if each["kind"] == "sent" and inner_ttl(frame) not in ttls:
                    differences.append(f"TTL {inner_ttl(frame)}")
            return differences


class WrongTtl(Driver):
    """After a TCP SYN to a service was sent, UDP to port 53 from the same client leaves with a TTL that is wrong: a fault that needs
    a configuration, a neighbour for each of the two and both frames."""

    def __init__(self, program):
        super().__init__(program)
        self.seen = set()

    def reset(self):
        self.seen = set()
        return super().reset()

    def send(self, event):
        answer = super().send(event)
        if event["type"] != "frame" or [each["kind"] for each in answer.get("out", [])] != ["sent"]:
            return answer
        frame = bytearray.fromhex(answer["out"][0]["hex"])
        if frame[12:15] != b"\x08\x00\x45":
            return answer
        protocol, client, dport = frame[23], bytes(frame[26:30]), frame[36:38]
        if protocol == build.TCP and frame[47] == build.SYN:
            self.seen.add(client)
        elif protocol == build.UDP and dport == b"\0\x35" and client in self.seen:
            frame[22] ^= 0x08
            answer["out"][0]["hex"] = frame.hex()
        return answer


class FullBursts(Driver):
    """Contradicts itself when a burst has two frames that are dropped for their MAC."""

    def send(self, event):
        answer = super().send(event)
        if event["type"] == "frames" and answer.get("dropped", {}).get("not_our_mac", 0) >= 2:
            answer["faults"] = ["made up"]
        return answer


# Passes events on to the real driver, and dies of a frame with this EtherType.
CRASHING_PROXY = """#!/usr/bin/python3
import json, os, subprocess, sys
driver = subprocess.Popen([{program!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for line in sys.stdin.buffer:
    event = json.loads(line)
    if event["type"] == "frame" and event["hex"][24:28] == "88cc":
        driver.kill()
        sys.exit("AddressSanitizer: made up")
    driver.stdin.write(line)
    driver.stdin.flush()
    sys.stdout.buffer.write(driver.stdout.readline())
    sys.stdout.buffer.flush()
driver.stdin.close()
sys.exit(driver.wait())
"""


def find(driver_type, events_of, first_seed=1):
    """(seed, events, failure) of the first sequence in which this driver's fault shows."""
    for seed in range(first_seed, first_seed + 50):
        events = events_of(seed)
        with driver_type(PROGRAM) as driver:
            failure = differential.run(events, driver, TwoSentences)
        if failure:
            return seed, events, failure
    raise AssertionError("no seed shows the fault")


class Shunt(unittest.TestCase):
    def test_agrees_with_two_sentences(self):
        with Driver(PROGRAM) as driver:
            for seed in range(1, 9):
                self.assertIsNone(differential.run(sequences.generate(seed, 1000), driver, TwoSentences), f"seed {seed}")


class Shrinking(unittest.TestCase):
    def test_a_thousand_events_become_a_few(self):
        seed, events, failure = find(WrongTtl, lambda seed: sequences.generate(seed, 1000))
        self.assertEqual(failure.kind, "difference", failure)
        # Beside it stands noise: nothing is left of it.
        with WrongTtl(PROGRAM) as driver:
            short, again = differential.shrink_failure(events, failure, driver, TwoSentences)
            self.assertEqual((again.kind, again.index), ("difference", len(short) - 1), f"seed {seed}")
            self.assertLessEqual(len(short), 6, f"seed {seed}: {short}")
            self.assertEqual([event["type"] for event in short if sequences.frames_in(event)], ["frame", "frame"])
            for index in range(len(short)):
                rest = short[:index] + short[index + 1:]
                less = differential.run(rest, driver, TwoSentences)
                self.assertTrue(less is None or less.kind != "difference", f"event {index} isn't needed")
        config = next(event for event in short if event["type"] == "config")["toml"]
        self.assertLessEqual(config.count("[[service]]"), 2)
        self.assertLessEqual(len(config.splitlines()), 40, config)
        before = [data for event in events for _, data in sequences.frames_in(event)]
        for event in short:
            for _, data in sequences.frames_in(event):
                self.assertNotIn(data, before, "no byte of the frame was made simpler")
                self.assertLessEqual(len(data), 100)

    def test_a_burst_becomes_its_guilty_frames(self):
        _, events, failure = find(FullBursts, lambda seed: sequences.generate(seed, 300))
        self.assertEqual(failure.kind, "fault")
        with FullBursts(PROGRAM) as driver:
            short, again = differential.shrink_failure(events, failure, driver, TwoSentences)
        self.assertEqual(again.text, ["made up"])
        self.assertEqual([event["type"] for event in short], ["config", "frames"])
        self.assertEqual(len(short[1]["frames"]), 2)

    def test_a_crash_is_found_and_shrunk(self):
        with tempfile.TemporaryDirectory() as folder:
            proxy = pathlib.Path(folder, "proxy")
            proxy.write_text(CRASHING_PROXY.format(program=PROGRAM), encoding="utf-8")
            proxy.chmod(proxy.stat().st_mode | stat.S_IXUSR)
            events = sequences.generate(5, 60)
            poison = build.ethernet(sequences.PORT_MAC["net0"], sequences.ROUTER_MAC, bytes(46), ether_type=0x88CC)
            events.insert(55, {"type": "frame", "port": "net0", "hex": poison.hex()})
            with Driver(proxy) as driver:
                failure = differential.run(events, driver, TwoSentences)
                self.assertEqual((failure.kind, failure.index), ("crash", 55))
                self.assertIn("AddressSanitizer: made up", failure.text)
                short, again = differential.shrink_failure(events, failure, driver, TwoSentences, runs=120)
        self.assertEqual(again.kind, "crash")
        self.assertEqual([event["type"] for event in short], ["frame"])
        self.assertLess(len(short[0]["hex"]), len(poison.hex()))

    def test_a_model_that_fails_is_shrunk_too(self):
        class Stumbles(TwoSentences):
            def expect(self, event):
                if event["type"] == "accept" and not event["up"]:
                    raise KeyError("made up")
                return super().expect(event)

        events = sequences.generate(2, 100)
        with Driver(PROGRAM) as driver:
            failure = differential.run(events, driver, Stumbles)
            self.assertEqual((failure.kind, failure.text[-1]), ("model", "KeyError: 'made up'"))
            short, _ = differential.shrink_failure(events, failure, driver, Stumbles)
        self.assertEqual([event["type"] for event in short], ["config", "accept"])

    def test_what_shunt_refuses_is_no_difference(self):
        events = [{"type": "frame", "port": "net0", "hex": "00" * 60}]
        with Driver(PROGRAM) as driver:
            failure = differential.run(events, driver, TwoSentences)
        self.assertEqual((failure.kind, failure.index, failure.text), ("refused", 0, ["no configuration yet"]))


class Minimize(unittest.TestCase):
    def test_what_is_needed_is_left_in_order(self):
        chance = random.Random(1)
        for count in (1, 2, 3, 10, 100, 1000):
            for _ in range(20):
                needed = sorted(chance.sample(range(count), min(count, 1 + chance.randrange(4))))
                budget = Budget(5000)
                few = minimize(list(range(count)), lambda items, needed=needed: set(needed) <= set(items), budget)
                self.assertEqual(few, needed)
                self.assertGreater(budget.left, 4000 - 5 * count // 2)

    def test_nothing_is_needed(self):
        self.assertEqual(minimize([1, 2, 3], lambda items: True, Budget(100)), [])

    def test_a_budget_ends_it_with_what_fails(self):
        runs = []

        def fails(items):
            runs.append(items)
            return {3, 700} <= set(items)

        few = minimize(list(range(1000)), fails, Budget(10))
        self.assertEqual(len(runs), 10)
        self.assertTrue({3, 700} <= set(few) and len(few) < 1000)

    def test_bytes_become_few_and_zero(self):
        data = bytes(range(1, 101))
        self.assertEqual(shrink_bytes(data, lambda some: b"\x07" in some and some.count(b"\x63") == 1, Budget(2000)), b"\x07\x63")
        self.assertEqual(shrink_bytes(data, lambda some: len(some) >= 60 and some[9] == 10, Budget(2000)), bytes(9) + b"\x0a" + bytes(50))

    def test_the_whole_keeps_to_its_budget(self):
        runs = []
        events = [{"type": "frame", "port": "net0", "hex": "ab" * 1000}] * 50

        def fails(candidate):
            runs.append(1)
            return len(candidate) > 3

        self.assertEqual(len(shrink(events, fails, 200)), 4)
        self.assertLessEqual(len(runs), 200)


class Sequences(unittest.TestCase):
    def test_a_seed_is_a_sequence(self):
        self.assertEqual(sequences.generate(7, 500), sequences.generate(7, 500))
        self.assertNotEqual(sequences.generate(7, 500), sequences.generate(8, 500))

    def test_all_that_can_happen_happens(self):
        seen, kinds, reasons = set(), set(), set()
        with Driver(PROGRAM) as driver:
            for seed in range(1, 6):
                events = sequences.generate(seed, 1500)
                driver.reset()
                for event, answer in zip(events, driver.send_all(events)):
                    seen.add(event["type"])
                    kinds.update(each["kind"] for each in answer.get("out", []))
                    reasons.update(answer.get("dropped", {}))
        self.assertEqual(seen, {"config", "route", "neighbour", "accept", "time", "frame", "frames"})
        self.assertEqual(kinds, {"sent", "punted", "originated"})
        self.assertGreaterEqual(reasons, {"not_our_mac", "truncated", "bad_header", "bad_checksum", "bad_source", "options", "ttl",
                                          "too_big", "no_service", "no_backend", "no_neighbour", "not_on_link", "arp", "nd"})


class CommandLine(unittest.TestCase):
    def main(self, *words):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = differential.main(["--driver", PROGRAM, *map(str, words)])
        return status, said.getvalue()

    def test_shunt_alone(self):
        for name in ("none", "there_is_no_such_module"):
            status, said = self.main("--model", name, "--seed", 3, "--sequences", 2, "--events", 200)
            self.assertEqual(status, 0)
            self.assertRegex(said, r"^2 seeds of 200 events by sequences, \d+ frames: 0 failed; no model was asked\n$")

    def test_a_model_that_lacks_a_module_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(sys, "path", [folder, *sys.path]):
            pathlib.Path(folder, "broken_model.py").write_text("import there_is_no_such_module\n", encoding="utf-8")
            with self.assertRaises(ModuleNotFoundError):
                differential.load_model("broken_model")

    def test_what_it_prints_replays_the_fault(self):
        module = sys.modules[__name__]
        seed, _, _ = find(WrongTtl, lambda seed: sequences.generate(seed, 400))
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(differential, "Driver", WrongTtl), \
                unittest.mock.patch.object(module, "Model", TwoSentences, create=True):
            file = pathlib.Path(folder, "failing.jsonl")
            status, said = self.main("--model", __name__, "--seed", seed, "--events", 400, "--save", file)
            self.assertEqual(status, 1, said)
            lines = file.read_text(encoding="utf-8")
            self.assertIn(lines, said)
            status, again = self.main("--model", __name__, "--replay", file)
            self.assertEqual(status, 1)
            self.assertIn("TTL", again)
            # The program alone takes the file as it is.
            done = subprocess.run([PROGRAM], input=lines, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(len(answers), len(lines.splitlines()))
            self.assertEqual([each["kind"] for each in answers[-1]["out"]], ["sent"])

    def test_a_replay_without_a_model_prints_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "some.jsonl")
            file.write_text('{"type":"time","ns":5}\n\n{"type":"reset"}\n', encoding="utf-8")
            self.assertEqual(self.main("--model", "none", "--replay", file), (0, '{"ok": true}\n{"ok": true}\n'))


class Died(unittest.TestCase):
    def test_a_driver_that_died_is_started_again(self):
        driver = Driver(PROGRAM)
        with self.assertRaises(DriverDied):
            driver.send({"type": "nonsense"})
        self.assertEqual(driver.send({"type": "reset"}), {"ok": True})
        driver.close()


if __name__ == "__main__":
    unittest.main()
