"""The demo proper: scripts/demo has installed and built before it runs this.

Topology, shuntd and requests are those of the smoke tests (tests/smoke/); what is said and what is expected is here. Every
expectation goes through Demo.expect(), so that --once can tell whether all of it came true.
"""

import argparse
import collections
import contextlib
import fcntl
import math
import os
import pathlib
import signal
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/smoke"))

import harness                                    # noqa: E402
import topology as net                            # noqa: E402
import traffic                                    # noqa: E402
from demo_connections import HeldConnections      # noqa: E402
from demo_insight import Insight                  # noqa: E402

FOLDER = "/run/shunt-demo"                         # as in configs/demo.toml, and so are the following
WEIGHTS = {"backend1": 1, "backend2": 1, "backend3": 2}
INTERVAL, TIMEOUT, FALL = 0.3, 0.3, 2
FAILOVER = FALL * INTERVAL * 1.1 + TIMEOUT         # with the interval's jitter
SLACK = 1.0                                        # for a busy machine
REQUESTS = 1000
CONNECTIONS = 120
BAR = 36


class Demo:
    def __init__(self, forward):
        self.forward = forward
        self.failures = []
        self.held = None
        self.insight = None
        self.ports = iter(range(10000, 60000))     # source ports, each used once

    # ---- what the screen shows

    @staticmethod
    def title(text):
        print(f"\n== {text}", flush=True)

    def expect(self, true, text):
        """A line with its verdict."""
        print(f"   {'ok ' if true else 'NOT'} {text}", flush=True)
        if not true:
            self.failures.append(text)

    @staticmethod
    def bars(counts):
        total, most = sum(counts.values()) or 1, max(counts.values(), default=0) or 1
        for name, weight in WEIGHTS.items():
            count = counts.get(name, 0)
            bar = "█" * round(BAR * count / most)
            print(f"   {name}  weight {weight}  {bar:<{BAR}} {count:>5}  {100 * count / total:4.1f} %", flush=True)

    # ---- up

    def start(self):
        self.title("Clients, backends and shuntd, each in a network namespace of its own")
        self.topology = net.Topology(self.forward, clients=2, backends=3, decap=harness.decap_object(), label="demo",
                                     folder=FOLDER)
        self.clients, self.backends = self.topology.clients, self.topology.backends
        (client1, client2), (backend1, backend2, backend3) = [[host.address for host in hosts]
                                                              for hosts in (self.clients, self.backends)]
        print(f"""
   client1 {client1} ─┐               ┌─ backend1 {backend1}  nginx, weight 1
   client2 {client2} ─┼── L2 fabric ──┼─ backend2 {backend2}  nginx, weight 1
                       │               └─ backend3 {backend3}  nginx, weight 2
                    tap lb0
                       ┆
                     shuntd   VIP {net.VIP}:80, forward = "{self.forward}"
""", flush=True)
        for backend in self.backends:
            self.serve(backend)
        self.daemon = harness.Daemon(self.topology)
        text = (ROOT / "configs/demo.toml").read_text(encoding="utf-8")
        self.daemon.start(text.replace('forward = "l2"', f'forward = "{self.forward}"'))
        harness.wait_until(lambda: len(self.daemon.backends("up")) == 6, 10, "all backends pass their health checks")
        for client in self.clients:  # nat's first answer to a client waits until shuntd knows the client's MAC
            traffic.http_get(client.namespace, net.VIP, source=("", next(self.ports)))
        memory = self.daemon.ctl("status")["node"]["memory"]
        self.expect(True, f"shuntd is ready ({memory} memory), three backends are up")
        # Outside of the namespaces, where a browser is; it knows shuntd by two unix sockets.
        self.insight = Insight(FOLDER, (ROOT / "configs/insight.toml").read_text(encoding="utf-8"))
        self.insight.start(ports=range(8080, 8100))
        self.expect(True, f"shunt-insight watches it: {self.insight.url}")

    def serve(self, backend):
        harness.start_nginx(self.topology, backend, 80)
        with open(f"{FOLDER}/{backend.name}-chat.log", "ab") as log:
            self.topology.start_on(backend, ["/usr/bin/python3", ROOT / "scripts/lib/demo_connections.py", backend.name, 7000], log)
        harness.wait_for_listener(backend, 7000)

    def get(self, client):
        return traffic.http_get(client.namespace, net.VIP, timeout=0.5, source=("", next(self.ports)))

    def many(self, requests):
        """Requests by both clients at a time."""
        answers = []

        def run(client):
            answers.extend(self.get(client) for _ in range(requests // 2))

        threads = [threading.Thread(target=run, args=(client,)) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    # ---- the acts

    def shares(self):
        self.title(f"{REQUESTS:,} requests to http://{net.VIP}/ from two clients: who answered?")
        answers = self.many(REQUESTS)
        good = [answer for answer in answers if answer.status == 200]
        counts = collections.Counter(answer.body for answer in good)
        self.bars(counts)
        self.expect(len(good) == REQUESTS, f"{len(good):,} of {REQUESTS:,} were answered with 200")
        for name, weight in WEIGHTS.items():
            probability = weight / sum(WEIGHTS.values())
            deviation = math.sqrt(REQUESTS * probability * (1 - probability))
            if abs(counts[name] - REQUESTS * probability) > 4 * deviation:
                self.expect(False, f"{name}'s share fits its weight")
        entries = [entry for entry in self.daemon.backends() if entry["service"] == "web"]
        replies = sum(entry["reply_packets"] for entry in entries)
        if self.forward == "nat":
            self.expect(replies > 0, f"the answers came back through shuntd ({replies:,} packets)")
        else:
            self.expect(replies == 0, "the answers went straight to the clients: none passed shuntd")

    def hold(self):
        self.title(f"{CONNECTIONS} TCP connections to {net.VIP}:7000, held open from here on")
        self.held = HeldConnections(self.clients[0].namespace, net.VIP, 7000, CONNECTIONS)
        counts = collections.Counter(self.held.owners)
        self.bars(counts)
        self.expect(set(counts) == set(WEIGHTS), "each backend has some, and answers on every one")

    def kill(self):
        victim = self.backends[1]
        self.title(f"{victim.name} is killed while requests go on")
        answers, done = [], threading.Event()

        def ask():
            while not done.is_set():
                answers.append(self.get(self.clients[1]))
                time.sleep(0.002)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            time.sleep(0.5)
            killed = time.monotonic()
            self.topology.kill_host(victim)
            time.sleep(FAILOVER + SLACK + 1)
        finally:
            done.set()
            asking.join()
        self.tell_failover(answers, killed)
        self.noticed(victim)

    def noticed(self, victim):
        """What the page says of it."""
        def backend():
            return next((entry for entry in self.insight.get("/api/v1/backends")["backends"]
                         if entry["service"] == "web" and entry["name"] == victim.name), None)
        harness.wait_until(lambda: (backend() or {}).get("state") == "down", 5, "shunt-insight sees the backend down")
        harness.wait_until(lambda: self.insight.get("/api/v1/incidents?open=1")["incidents"], 15, "shunt-insight opens an incident")
        incident = self.insight.get("/api/v1/incidents?open=1")["incidents"][0]
        self.expect(victim.name in incident["headline"], f"shunt-insight: \"{incident['headline']}\"")

    def tell_failover(self, answers, killed):
        failed = [answer for answer in answers if answer.status != 200]
        last = max((answer.start + answer.seconds for answer in failed), default=killed) - killed
        during = len([answer for answer in answers if killed <= answer.start <= killed + last])
        print(f"   {len(failed)} of {during} requests failed until shuntd noticed; the last one {last:.2f} s after the kill",
              flush=True)
        self.expect(bool(failed), "it was a real death: its share of the requests did fail")
        self.expect(last <= FAILOVER + SLACK, f"allowed by its health check: {FAILOVER:.2f} s (fall × interval + timeout)")
        self.bars(collections.Counter(answer.body for answer in answers if answer.start > killed + last and answer.status == 200))

    def survivors(self):
        self.title("Which of the held connections survived?")
        checked = self.held.check()
        for backend in self.backends:
            mine = [now for owner, now in checked if owner == backend.name]
            alive = mine.count(backend.name)
            if backend is self.backends[1]:
                print(f"   {backend.name}: {alive} of {len(mine)} (its server is dead)", flush=True)
            else:
                self.expect(alive == len(mine), f"{backend.name}: {alive} of {len(mine)}")

    def revive(self):
        victim = self.backends[1]
        self.title(f"{victim.name} is started again")
        start = time.monotonic()
        self.serve(victim)
        harness.wait_until(lambda: len(self.daemon.backends("up")) == 6, 10, f"{victim.name} is up again")
        print(f"   up after {time.monotonic() - start:.1f} s", flush=True)
        answers = self.many(400)
        self.bars(collections.Counter(answer.body for answer in answers if answer.status == 200))
        self.expect({answer.status for answer in answers} == {200}, f"{len(answers)} requests, all answered")
        moved = [pair for pair in self.held.check() if pair[0] != victim.name and pair[0] != pair[1]]
        self.expect(not moved, "no held connection of the others noticed")

    def account(self):
        self.title("Is every packet accounted for?")
        drops = self.daemon.settled_account()  # raises where the kernel's counters differ
        words = ("received", "originated", "sent", "punted")
        print("   " + ", ".join(f"{word} {drops[word]:,}" for word in words) + f", in flight {drops['in_flight']}", flush=True)
        dropped = {reason: count for reason, count in drops["dropped"].items() if count}
        print("   dropped: " + (", ".join(f"{reason} {count:,}" for reason, count in dropped.items()) or "none"), flush=True)
        self.expect(True, "received + originated = sent + punted + in flight + dropped")
        self.expect(True, "the kernel's own counters of the taps say the same")

    # ---- the end

    def stay(self):
        client, lb = self.clients[0].namespace.name, self.topology.lb.name
        ctl = os.path.relpath(harness.program("shuntctl"))
        print(f"""
== It stays up until Ctrl-C. In another terminal:

   sudo ip netns exec {client} curl {net.VIP}
   sudo ip netns exec {lb} curl 127.0.0.1:8080/metrics

   {self.insight.url}     what shunt-insight makes of it; a little traffic goes on, so that there is
                              something to see (the clients' countries are made up)

   export SHUNT_API=unix:{self.daemon.socket}
   sudo -E {ctl} status           also: services, backends, drops; --json
   sudoedit {self.daemon.config_file}     a weight, for example
   sudo -E {ctl} reload

   sudo kill {self.backends[0].processes[0].pid}                      backend1's nginx
   sudo tail -f {self.daemon.log_file}
""", flush=True)
        while self.daemon.running:
            for client in self.clients:
                self.get(client)
            time.sleep(0.05)
        self.expect(False, f"shuntd still runs; it ended with status {self.daemon.process.returncode}")

    def run(self, once):
        self.start()
        self.shares()
        self.hold()
        self.kill()
        self.survivors()
        self.revive()
        self.account()
        if not once:
            if self.failures:
                print("\n   Not all was as expected; it stays up so that you can look.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                self.stay()
        self.title("The end")
        self.held.close()
        self.expect(self.insight.stop() == 0, "shunt-insight ended")
        if self.daemon.running:
            self.daemon.stop()
            self.expect(True, "shuntd ended in time and left nothing behind")


def lock():
    """One demo at a time: they share a folder. The lock lasts as long as this process."""
    file = open("/run/shunt-demo.lock", "w", encoding="ascii")  # closed, and thereby given back, at exit
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("demo: another demo is running\n  next: end it with Ctrl-C in its terminal")
    net.remove_folder(FOLDER)  # of one that was killed
    os.makedirs(FOLDER)
    return file


def interrupt_on_signal(number, _frame):
    """Ends the acts by an exception; the clean-up is in main()."""
    if number != signal.SIGINT:
        for ignored in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        raise SystemExit(128 + number)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--forward", choices=harness.FORWARDS, default="l2")
    options = parser.parse_args()
    held_lock = lock()
    demo = Demo(options.forward)
    net.on_signals(interrupt_on_signal)
    try:
        demo.run(options.once)
    except KeyboardInterrupt:
        print("\ninterrupted; everything is removed", flush=True)
        return 130
    except (AssertionError, OSError, net.TopologyError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        demo.failures.append(str(error))
    finally:
        if demo.insight:
            demo.insight.stop()
        net.close_all()
        held_lock.close()
    print(f"\n{'All of it was as expected.' if not demo.failures else 'NOT as expected: ' + '; '.join(demo.failures)}", flush=True)
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
