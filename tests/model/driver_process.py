"""The driver (driver/README.md) as a child process: events in, answers out."""

import json
import subprocess

BATCH_BYTES = 16 * 1024  # of questions that wait for their answers: less than a pipe holds, so neither side can block the other


class DriverDied(Exception):
    """It ended in the middle: a crash, a sanitizer's report, or an event that is none. Says what it wrote on stderr."""


class Driver:
    """One shunt. After DriverDied the next event starts a new one."""

    def __init__(self, program):
        self.program = str(program)
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def send(self, event):
        """The answer to one event."""
        return self.send_lines([line_of(event)])[0]

    def send_all(self, events):
        """The answers to many, without waiting for each."""
        answers, lines, size = [], [], 0
        for event in events:
            line = line_of(event)
            if lines and size + len(line) > BATCH_BYTES:
                answers += self.send_lines(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        return answers + (self.send_lines(lines) if lines else [])

    def send_lines(self, lines):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(b"".join(lines))
            self.process.stdin.flush()
        except BrokenPipeError:
            self.died()
        return [self.read_answer() for _ in lines]

    def read_answer(self):
        answer = self.process.stdout.readline()
        if not answer.endswith(b"\n"):
            self.died()
        return json.loads(answer)

    def reset(self):
        """A shunt that nothing has happened to yet; what the last one still held back shows here."""
        return self.send({"type": "reset"})

    def died(self):
        status, said = self.end()
        raise DriverDied(f"the driver ended with status {status}\n{said}".strip())

    def end(self):
        """(status, what it said on stderr); closes its stdin first, so a driver that is well ends by itself."""
        process, self.process = self.process, None
        _, said = process.communicate(timeout=60)
        return process.returncode, said.decode(errors="replace")

    def end_quietly(self):
        """Ends it, however it was."""
        if self.process is not None:
            self.end()

    def close(self):
        """Ends it. Raises DriverDied if it wasn't well."""
        if self.process is None:
            return
        status, said = self.end()
        if status != 0:
            raise DriverDied(f"the driver ended with status {status}\n{said}".strip())


def line_of(event):
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
