#!/usr/bin/python3
"""A reader of flow records that is slow, stopped or killed costs records, which are counted, and no packet.

    client1 ── counted UDP packets ── br0 ── backend1, backend2, backend3: counted one by one
       └── UDP to a service that nobody is behind: │  a record for each, to fill the ring of 65,536
                                                  lb0 ┄ shuntd ┄ run/records ┄ a reader
"""

import fcntl
import mmap
import os
import signal
import socket
import struct
import threading
import time

import harness
import traffic
from programs import program, wait_until

CAPACITY = 65_536
RATE = 2_000
PORT, NOBODY = 9000, 9001


class Ring:
    """What shuntd's only ring says, as docs/records.md has it; a look from outside that takes no reader's seat."""

    def __init__(self, daemon):
        for name in os.listdir(f"/proc/{daemon}/fd"):
            path = f"/proc/{daemon}/fd/{name}"
            try:
                with open(path, "rb") as file:
                    if file.seekable() and file.read(8) == b"shuntrec":
                        self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
                        break
            except OSError:
                continue
        else:
            raise AssertionError("shuntd holds no ring of flow records")
        self._start = struct.unpack_from("<I", self._map, 12)[0]

    def pushed(self):
        return struct.unpack_from("<Q", self._map, self._start)[0]

    def dropped(self):
        return struct.unpack_from("<Q", self._map, self._start + 8)[0]


class Flood:
    """Packets that nobody takes, at a steady pace, so that records are made. A thread; stop() ends it."""

    def __init__(self, client, vip):
        with client.namespace.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._target = (vip, NOBODY)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def stop(self):
        self._done.set()
        self._thread.join()
        self._socket.close()

    def _send(self):
        while not self._done.is_set():
            for _ in range(50):
                self._socket.sendto(b"nobody", self._target)
            time.sleep(0.002)


class Records(harness.SmokeTest):
    ALONE = True  # no packet may be lost for want of a CPU

    def setUp(self):
        super().setUp()
        self.bed_of_records = bed = self.bed("l2", services={"udp": ("udp", PORT), "nobody": ("udp", NOBODY)})
        for backend in bed.pool("nobody")["backend"]:
            backend["weight"] = 0
        for service in bed.config["service"]:
            service.update(sample=1, timeouts={"udp": "10m"})
        bed.expect_drops(no_backend=None)
        bed.daemon.start(bed.config)
        wait_until(lambda: sum(entry["mac_known"] for entry in bed.daemon.backends()) == 6, 10, "the backends' MACs known")
        self.ring = Ring(self.shuntd())

    def shuntd(self):
        """The pid of shuntd itself: Daemon's process is nsenter, which became it."""
        return self.bed_of_records.daemon.process.pid

    def reader(self, output):
        bed = self.bed_of_records
        return bed.topology.start(bed.topology.lb, [program("record_reader"), f"{bed.topology.folder}/run/records",
                                                    "--follow"], output)

    def through(self, what):
        """Runs `what` while packets go through shunt and others make records; none of the former may be lost."""
        bed = self.bed_of_records
        stream = traffic.UdpStream(bed.client, bed.backends, bed.vip, PORT, RATE)
        with stream:
            flood = Flood(bed.client, bed.vip)
            try:
                what()
            finally:
                flood.stop()
        self.assertEqual(stream.lost(), [], f"of {stream.sent}")
        self.assertEqual(stream.duplicates(), [])
        self.assertGreater(stream.sent, RATE)

    def until_drops(self, at_least=5_000):
        before = self.ring.dropped()
        wait_until(lambda: self.ring.dropped() >= before + at_least, 60, f"{at_least} records dropped")

    def until_more_than_fit(self):
        before = self.ring.pushed()
        wait_until(lambda: self.ring.pushed() > before + CAPACITY, 60, "more records than the ring holds")

    def test_nobody_reads(self):
        """shuntd makes room itself, so that who comes late finds the newest."""
        self.through(self.until_more_than_fit)
        self.assert_all_accounted()
        self.assertLessEqual(self.waiting(), CAPACITY)

    def test_stopped_then_goes_on(self):
        path = f"{self.bed_of_records.topology.folder}/lines"
        with open(path, "wb") as lines:
            reader = self.reader(lines)
        wait_until(lambda: os.path.getsize(path) or self.ring.pushed() == 0, 5, "the reader reads")

        def stop():
            time.sleep(0.3)
            reader.send_signal(signal.SIGSTOP)
            self.until_drops()
            reader.send_signal(signal.SIGCONT)
            at_cont = self.ring.pushed()
            wait_until(lambda: self.ring.pushed() > at_cont + 1000, 20, "there is room again")

        self.through(stop)
        self.assert_all_accounted()
        reader.send_signal(signal.SIGTERM)
        self.assertEqual(reader.wait(20), 0)
        self.assertEqual(self.lines(path), self.ring.pushed() - self.waiting())

    def test_killed_then_another(self):
        folder = self.bed_of_records.topology.folder
        paths = [f"{folder}/lines{number}" for number in (1, 2)]

        def kill():
            with open(paths[0], "wb") as lines:
                reader = self.reader(lines)
            wait_until(lambda: self.lines(paths[0]) > 1000, 20, "the first reader reads")
            reader.kill()
            reader.wait()
            self.until_more_than_fit()
            with open(paths[1], "wb") as lines:
                self.second = self.reader(lines)
            wait_until(lambda: self.lines(paths[1]) > CAPACITY, 40, "the second goes on")

        self.through(kill)
        self.assert_all_accounted()
        self.second.send_signal(signal.SIGTERM)
        self.assertEqual(self.second.wait(20), 0)
        # What came while nobody read made room for what was newer; the batch that the first was at may be there twice (docs/records.md).
        read = sum(self.lines(path) for path in paths)
        self.assertLessEqual(read, self.ring.pushed() - self.waiting() + 256)

    def test_slow(self):
        """Its output is a pipe that is read a little at a time, so it waits at every write."""
        output, end = os.pipe()
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, 4096)
        with open(output, "rb", buffering=0) as lines:
            with open(end, "wb") as pipe:
                reader = self.reader(pipe)
            done = threading.Event()

            def sip():
                while not done.is_set() and os.read(lines.fileno(), 2048):
                    time.sleep(0.005)

            sipping = threading.Thread(target=sip)
            sipping.start()
            self.through(self.until_drops)
            done.set()
            sipping.join()
            self.assert_all_accounted()
            reader.kill()
            reader.wait()

    @staticmethod
    def lines(path):
        with open(path, "rb") as file:
            return file.read().count(b'{"ring"')  # and not what it says at its end

    def waiting(self):
        """What the ring still holds: nothing when a reader ended in peace, or what came after it."""
        reader = self.bed_of_records.topology.lb.run(program("record_reader"),
                                                     f"{self.bed_of_records.topology.folder}/run/records")
        return reader.count("\n")

    def assert_all_accounted(self):
        """Each packet that nobody took has its record: pushed or counted as dropped. (Those of the others come when they end.)"""
        refused = self.bed_of_records.daemon.drops()["dropped"]["no_backend"]
        self.assertEqual(self.ring.pushed() + self.ring.dropped(), refused)


if __name__ == "__main__":
    harness.main()
