#!/usr/bin/python3
"""The differential test: seeded sequences of events go to the model and to the real pipeline (the driver), and every
disposition is compared. A sequence on which they differ is made short and printed as JSON lines, which replay it:

    differential.py --driver build-tests/tests/model/driver/model_driver --seed 7 --events 2000 --sequences 5
    differential.py --driver … --replay FILE     and with --model none what the driver answers, without a model
    model_driver < FILE

What a model is: Model(), expect(event) → an expectation, whose check(observed) lists the differences; observe(event, observed),
so that a choice which policy leaves open (a backend, say) is known afterwards. Neither sees the other's mind: the model is
written from the specification. Where there is none, shunt's own account is all that is checked, and the closing line says so.
Status 1: they differ, or shunt contradicts itself, or it crashed.
"""

import argparse
import importlib
import json
import pathlib
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field

import sequences
from driver_process import Driver, DriverDied
from shrink import shrink


TESTS = pathlib.Path(__file__).resolve().parents[1]  # where the package `model` is


@dataclass
class Failure:
    """What went wrong first, at which event."""
    kind: str  # difference, fault (shunt's own account), crash, refused (an event that shunt doesn't take), model (it failed)
    index: int
    text: list = field(default_factory=list)

    def __str__(self):
        return f"event {self.index}: {self.kind}\n" + "\n".join(f"  {line}" for line in self.text)


def run(events, driver, make_model, doubts=None, reached=None):
    """The first failure of a sequence, or None. The driver starts anew. `doubts` counts open questions that an agreement rests on;
    `reached` notes what became of frames."""
    index = -1
    try:
        driver.reset()
        model = make_model()
        for index, event in enumerate(events):
            observed = driver.send(event)
            if "faults" in observed:
                return Failure("fault", index, observed["faults"])
            if "error" in observed:  # before the model is asked: it needn't know what makes no sense
                return Failure("refused", index, [observed["error"]])
            differences = ask(model, event, observed, doubts)
            if differences:
                return Failure("difference", index, [str(line) for line in differences])
            if reached is not None:
                reached.note(event, observed)
        left = driver.reset().get("faults")
        return Failure("fault", index, left) if left else None
    except DriverDied as died:
        return Failure("crash", index, str(died).splitlines())
    except ModelFailed as failed:
        return Failure("model", index, str(failed).splitlines())


class ModelFailed(Exception):
    """The model raised something. Says where."""


def ask(model, event, observed, doubts=None):
    """What the model says against what was observed; it follows what was."""
    try:
        expectation = model.expect(event)
        differences = expectation.check(observed)
        if doubts is not None and not differences and hasattr(expectation, "doubts"):
            doubts.update(expectation.doubts(observed))
        model.observe(event, observed)
        return differences
    except Exception as failure:  # whatever it is, the sequence that leads there is what is wanted
        raise ModelFailed(traceback.format_exc()) from failure


def shrink_failure(events, failure, driver, make_model, runs=4000):
    """(a short sequence that fails in the same way, its failure)."""

    def fails(candidate):
        again = run(candidate, driver, make_model)
        return again is not None and again.kind == failure.kind

    short = shrink(events[:failure.index + 1], fails, runs)
    return short, run(short, driver, make_model)


class NoExpectation:
    @staticmethod
    def check(_observed):
        return []


class NoModel:
    """In place of one: shunt alone, against its own account."""

    @staticmethod
    def expect(_event):
        return NoExpectation

    @staticmethod
    def observe(_event, _observed):
        pass


def load_model(name):
    """Model of a module; NoModel where there is no such module, or its name is "none"."""
    if name == "none":
        return NoModel
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        return NoModel
    # A folder without __init__.py, as this one without its model, can be imported too.
    return NoModel if module.__file__ is None else module.Model


def model_words(model_type):
    return "no model was asked" if model_type is NoModel else "the model agrees where nothing is said"


def generators(model_name):
    """{name: generate(seed, count)}: this folder's, and the model's own where it has one."""
    own = {"sequences": sequences.generate}
    try:
        return own | {f"{model_name}.generate": importlib.import_module(f"{model_name}.generate").events}
    except (ImportError, AttributeError):
        return own


def replay(path, driver, make_model):
    with open(path, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines if line.strip()]
    if make_model is NoModel:
        for event in events:
            print(json.dumps(driver.send(event)))
        return 0
    failure = run(events, driver, make_model)
    print(failure if failure else f"{len(events)} events: no difference")
    return 1 if failure else 0


def report(name, events, failure, driver, options):
    """Prints the failure and what is left of its sequence."""
    print(f"{name}: {failure}")
    if options.no_shrink:
        return
    short, again = shrink_failure(events, failure, driver, options.make_model)
    text = "".join(json.dumps(event) + "\n" for event in short)
    print(f"shrunk from {failure.index + 1} events to {len(short)}; {again}\n--- replay these lines")
    print(text, end="")
    if options.save:
        with open(options.save, "w", encoding="utf-8") as file:
            file.write(text)
        print(f"--- also in {options.save}")


def report_reached(reached):
    """Prints what became of the frames; what never did."""
    print(f"fates: {reached}")
    lost = reached.missing()
    if lost:
        print("never met: " + "; ".join(lost))
    return lost


def parse_options(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", required=True, help="the program model_driver")
    parser.add_argument("--model", default="model", help="the module that has Model; none: without (default: model)")
    parser.add_argument("--seed", type=int, default=1, help="of the first sequence")
    parser.add_argument("--sequences", type=int, default=1, help="how many, each with the next seed")
    parser.add_argument("--events", type=int, default=1000, help="in a sequence")
    parser.add_argument("--replay", metavar="FILE", help="this sequence instead")
    parser.add_argument("--save", metavar="FILE", help="where the short sequence goes")
    parser.add_argument("--reach", action="store_true", help="fail unless every reason and kind of packet was met (model/reach.py)")
    parser.add_argument("--first", action="store_true", help="end with the first sequence that fails")
    parser.add_argument("--no-shrink", action="store_true", help="only say what differs")
    return parser.parse_args(words)


def main(words):
    options = parse_options(words)
    options.make_model = load_model(options.model)
    with Driver(options.driver) as driver:
        if options.replay:
            return replay(options.replay, driver, options.make_model)
        failed = frames = 0
        doubts = Counter()
        reached = importlib.import_module(f"{options.model}.reach").Reached() if options.reach else None
        sources = generators(options.model)
        for name, generate in sources.items():
            for seed in range(options.seed, options.seed + options.sequences):
                events = generate(seed, options.events)
                frames += sequences.count_frames(events)
                failure = run(events, driver, options.make_model, doubts, reached)
                if failure:
                    failed += 1
                    report(f"{name}, seed {seed}", events, failure, driver, options)
                    if options.first:
                        return 1
        print(f"{options.sequences} seeds of {options.events} events by {' and '.join(sources)}, {frames} frames: {failed} failed; "
              f"{model_words(options.make_model)}")
        if doubts:
            print("agreements that rest on a doubt: " + ", ".join(f"{name} {count}" for name, count in doubts.most_common()))
        lost = report_reached(reached) if reached else []
        return 1 if failed or lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
