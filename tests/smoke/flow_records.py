"""The flow records of a bed's shuntd, read by record_reader of tests/tools, as values."""

import json
import pathlib
import signal

from programs import program, wait_until

OUTCOMES = ("closed", "reset_by_server", "reset_by_client", "syn_timeout", "idle_timeout", "icmp_unreachable", "no_backend", "shed")


class FlowRecords:
    """A record_reader that follows, until close()."""

    def __init__(self, bed, number=1):
        self._file = pathlib.Path(bed.topology.folder, f"records{number}.json")
        self._errors = pathlib.Path(bed.topology.folder, f"records{number}.counts")
        with open(self._file, "wb") as out:
            self.process = bed.topology.start(bed.topology.lb, ["sh", "-c", 'exec "$@" 2>"$0"', self._errors,
                                                                program("record_reader"), f"{bed.topology.folder}/run/records",
                                                                "--follow"], out)

    def all(self):
        """What has been read; a line that is still being written doesn't count."""
        text = self._file.read_text(encoding="ascii")
        records = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        for record in records:
            record["outcome"] = OUTCOMES[record["outcome"]]
        return records

    def of_ports(self, ports, timeout=30):
        """{client's port: record} as soon as there is one for each of these; AssertionError if one has two."""
        wanted = set(ports)

        def found():
            records = [record for record in self.all() if record["client_port"] in wanted]
            return records if len(records) >= len(wanted) else None

        try:
            records = wait_until(found, timeout, f"records of {len(wanted)} flows")
        except AssertionError:
            missing = wanted - {record["client_port"] for record in self.all()}
            raise AssertionError(f"no records after {timeout} s of the flows from ports {sorted(missing)}") from None
        assert len(records) == len({record["client_port"] for record in records}), f"a flow has two records: {records}"
        return {record["client_port"]: record for record in records}

    def close(self):
        """Ends it, and returns what it counted."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)
        return json.loads(self._errors.read_text(encoding="ascii"))
