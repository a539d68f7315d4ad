"""Holding what was seen against what is allowed."""


def agreeing(outcomes, seen, slack):
    """([(outcome, values of each output)], drops of held fragments used up). Without `seen`: the first; where nothing agrees:
    all, as then nothing is known."""
    if seen is not None:
        found = []
        used = 0
        for outcome in outcomes:
            values, problem, late = compare(outcome, seen, slack)
            if not problem:
                found.append((outcome, values))
                used = late
        return found or [unseen(outcome) for outcome in outcomes], used
    return [unseen(outcomes[0])], 0


def unseen(outcome):
    return outcome, [{} for _ in outcome.outputs]


def compare(outcome, seen, slack):
    """(values of each output, what is wrong or "", late drops): one outcome against what was seen."""
    frames = [(one["kind"], one["port"], bytes.fromhex(one["hex"])) for one in seen.get("out", [])]
    dropped = {reason: count for reason, count in seen.get("dropped", {}).items() if count}
    if outcome.anything:
        count = len(frames) + sum(dropped.values())
        return [], "" if count >= 1 else "neither sent, punted nor dropped", 0
    late, problem = compare_drops(outcome.counters["dropped"], dropped, slack)
    if problem:
        return None, problem, 0
    values = []
    for output in outcome.outputs:
        found, problem = take(output, frames)
        if problem:
            return None, problem, 0
        values.append(found)
    if frames:
        kind, port, data = frames[0]
        return None, f"{len(frames)} more frames, first {kind} from {port}: {data.hex()}", 0
    return values, "", late


def compare_drops(wanted, seen, slack):
    for reason in sorted(wanted.keys() | seen.keys()):
        extra = seen.get(reason, 0) - wanted.get(reason, 0)
        if extra < 0:
            return 0, f"not dropped {reason}"
        if extra and (reason != "fragment_limit" or extra > slack):
            return 0, f"dropped {reason} ({seen[reason]})"
    return max(0, seen.get("fragment_limit", 0) - wanted.get("fragment_limit", 0)), ""


def take(output, frames):
    """Takes the frame that this output means out of `frames`: (values, "") or (None, what is wrong)."""
    problems = []
    for number, (kind, port, data) in enumerate(frames):
        if kind not in output.kinds:
            problems.append(f"{kind} instead of {output.kinds[0]}")
            continue
        if port != output.port:
            problems.append(f"{kind} from {port} instead of {output.port}")
            continue
        for template in output.templates:
            values, problem = template.compare(data)
            if not problem:
                del frames[number]
                return values, ""
            problems.append(problem)
    return None, "; or ".join(dict.fromkeys(problems)) or f"nothing {output.kinds[0]} from {output.port}"


class Expectation:
    """What the specification allows to happen to one event."""

    def __init__(self, outcomes, slack):
        self.outcomes = tuple(outcomes)
        self.slack = slack

    def check(self, seen):
        """Differences in words; none: it agrees."""
        problems = []
        for outcome in self.outcomes:
            values, problem, _ = compare(outcome, seen, self.slack)
            if not problem:
                return []
            problems.append(f"wanted {outcome}: {problem}")
        return list(dict.fromkeys(problems))

    def doubts(self, seen):
        """Names of the open questions that decided: every outcome that agrees is an answer to one."""
        agreed = [outcome for outcome, *rest in ((one, *compare(one, seen, self.slack)) for one in self.outcomes) if not rest[1]]
        return {one.doubt for one in agreed} if agreed and all(one.doubt for one in agreed) else set()

    def __str__(self):
        return " | ".join(dict.fromkeys(str(one) for one in self.outcomes))
