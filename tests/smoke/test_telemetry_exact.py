#!/usr/bin/python3
"""What shunt tells of flows is what both kernels counted of them: nothing more, nothing less.

    client1 ── br0 ── backend1, backend2 (one of tcp_server.py's behaviours; VIP on lo and decap, or behind nat)
      │         │          └ nft: loss behind shunt
      │        lb0 ┄ shuntd, every flow watched; record_reader
      └ nft at its plug in the bridge: loss before shunt

Each flow has a source port of its own, so shunt's record of it is held against that flow's own end at the client (errno,
TCP_INFO), and the sums, of records and in /metrics, against the kernels' counters (Tcp and TcpExt) and nft's. Where both can't mean the same:

- A client's kernel calls an attempt failed (AttemptFails) whether nobody answered or a RST came. shunt: `syn_timeout` and
  `reset_by_server`. In DSR no RST passes shunt, so a refused attempt ends in `syn_timeout` there, and what was refused is
  the count of decap's `refused`.
- TCPAbortOnTimeout counts flows whose client gave up waiting, in the handshake or later: `syn_timeout` and `idle_timeout`.
- EstabResets counts a RST in ESTABLISHED or CLOSE_WAIT, and one that the host sends itself by closing with data unread.
  shunt: `reset_by_server` or `reset_by_client`, unless a FIN went before (CLOSE_WAIT: then the flow is closed already).
  In DSR a server's RST leaves the flow silent: `idle_timeout`, and decap's `resets`.
- shunt counts flows that were reset; OutRsts and decap count packets, of which a flow may see more than one: a server that is
  gone answers each segment that was under way. Where nothing was, they are the same.
"""

import collections
import contextlib
import errno
import json
import select
import signal
import socket
import struct
import threading
import time

import harness
from flow_records import FlowRecords
from kernel_counters import SYN, Loss, TcpCounters
from programs import program, wait_until
from test_metrics import samples, total

PORT = 7000
TIMEOUTS = {"syn": "6s", "established": "1m", "fin": "2s"}
SHORT = {**TIMEOUTS, "established": "5s"}  # where flows end by their silence
# The clients' SYNs: at 0, 1 and 2 s. They give up at 4 s, before shunt does.
SYSCTLS = {"net/ipv4/tcp_syn_retries": 1, "net/ipv4/tcp_syn_linear_timeouts": 1}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends a RST
TCP_INFO_TOTAL_RETRANS = 100     # offset in struct tcp_info


class Flow:
    """One connection of the client, from a port of its own."""

    def __init__(self, bed, port):
        self.port = port
        with bed.client.namespace.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((bed.client.address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)  # with an outer header it still fits
        self.socket.setblocking(False)
        self.error = self.socket.connect_ex((bed.vip, PORT))  # EINPROGRESS, until wait_connected
        self.syn_retransmits = None

    def settle(self):
        """The handshake is over, one way or the other."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        self.syn_retransmits = struct.unpack_from("I", info, TCP_INFO_TOTAL_RETRANS)[0]
        self.error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.socket.settimeout(5)

    @property
    def connected(self):
        return self.error == 0


def settle(flows, timeout=15):
    """Waits until each is connected or has failed; returns those that are connected."""
    poll = select.poll()
    waiting = {flow.socket.fileno(): flow for flow in flows}
    for descriptor in waiting:
        poll.register(descriptor, select.POLLOUT)
    deadline = time.monotonic() + timeout
    while waiting:
        assert time.monotonic() < deadline, f"{len(waiting)} of {len(flows)} neither connected nor failed"
        for descriptor, _ in poll.poll(100):
            poll.unregister(descriptor)
            waiting.pop(descriptor).settle()
    return [flow for flow in flows if flow.connected]


class ExactTest(harness.SmokeTest):
    def world(self, forward, timeouts=None):
        """A bed with shuntd and a reader of its records; no health checks, so that the clients' flows are all there is."""
        self.next_port = 20000
        bed = self.bed(forward, services={"exact": ("tcp", PORT)}, backends=2)
        bed.config["service"][0].update(timeouts=timeouts or TIMEOUTS, sample=1)
        bed.config["dataplane"]["connections"] = 4096  # swept once a second
        bed.client.namespace.sysctl(**SYSCTLS)
        bed.start()
        self.records = FlowRecords(bed)
        self.of_all = TcpCounters(bed.clients), TcpCounters(bed.backends)
        for _ in range(4):  # refused; then everybody's neighbours are known, and no first answer is late
            settle(self.open(bed, 1))
        if forward != "nat":
            for backend in bed.backends:
                backend.namespace.run(program("shunt-decap"), "attach", "eth0", "--count-only")
        return bed

    def resets_seen(self, bed):
        """(reset, refused), as shunt-decap counted them on all backends; all of them from the VIP and the service's port."""
        total = collections.Counter()
        for backend in bed.backends:
            counts = json.loads(backend.namespace.run(program("shunt-decap"), "status", "eth0", "--json"))
            self.assertEqual(counts["others"], {"reset": 0, "refused": 0})
            for row in counts["resets"]:
                self.assertEqual((row["address"], row["port"]), (bed.vip, PORT))
                total.update(reset=row["reset"], refused=row["refused"])
        return total["reset"], total["refused"]

    def serve(self, bed, behaviour, backlog=128):
        """tcp_server.py on each backend."""
        for backend in bed.backends:
            name = f"{bed.topology.folder}/{backend.name}-{behaviour}.log"
            with open(name, "wb") as log:
                bed.topology.start_on(backend, ["/usr/bin/python3", harness.ROOT / "tests/smoke/tcp_server.py",
                                                harness.backend_port(bed.forward, PORT), backlog, behaviour], log)
            wait_until(lambda path=name: b"ready" in open(path, "rb").read(), 10, f"{backend.name} listens")

    def stop_servers(self, bed):
        for backend in bed.backends:
            bed.topology.kill_host(backend)

    def open(self, bed, count):
        flows = [Flow(bed, self.next_port + number) for number in range(count)]
        self.next_port += count
        for flow in flows:
            self.addCleanup(flow.socket.close)
        return flows

    def same(self, **pairs):
        """what=(shunt, the kernels): all must be equal, and are shown together."""
        self.assertEqual({what: pair[0] for what, pair in pairs.items()}, {what: pair[1] for what, pair in pairs.items()})

    def told(self, flows, timeout=30):
        """(how often each outcome, {port: record})."""
        records = self.records.of_ports([flow.port for flow in flows], timeout)
        return collections.Counter(record["outcome"] for record in records.values()), records

    def assert_page(self, bed):
        """/metrics has the kernels' sums of all flows since shuntd began, refused ones too; none was reset in the middle."""
        client, servers = self.of_all
        flows = client.since("ActiveOpens")

        def ended():
            page = samples(bed.daemon.get("/metrics")[1])
            return page if total(page, "shunt_flows_closed_total") + total(page, "shunt_flow_failures_total") >= flows else None

        page = wait_until(ended, 15, f"/metrics tells the ends of {flows} flows")
        self.same(flows=(total(page, "shunt_flows_total"), flows),
                  closed=(total(page, "shunt_flows_closed_total"), servers.since("PassiveOpens")),
                  failures=(total(page, "shunt_flow_failures_total"), client.since("AttemptFails")),
                  silent=(total(page, "shunt_flow_failures_total", reason="syn_timeout"),
                          client.since("TCPAbortOnTimeout" if bed.forward == "nat" else "AttemptFails")),
                  refused=(total(page, "shunt_flow_failures_total", reason="reset_by_server"),
                           client.since("AttemptFails") - client.since("TCPAbortOnTimeout") if bed.forward == "nat" else 0),
                  syn_retransmits=(total(page, "shunt_syn_retransmits_total"), client.since("TCPSynRetrans")),
                  syn_gaps=(total(page, "shunt_retry_gap_seconds_count", kind="syn"), client.since("TCPSynRetrans")),
                  connects=(total(page, "shunt_connect_duration_seconds_count"), servers.since("PassiveOpens")),
                  dropped=(total(page, "shunt_flow_events_dropped_total"), 0))

    def assert_outcomes(self, records, flows, wanted):
        """Every single flow ended as `wanted(flow)` says, and had its own SYN retransmissions."""
        self.assertEqual({flow.port: (records[flow.port]["outcome"], records[flow.port]["syn_retransmits"]) for flow in flows},
                         {flow.port: (wanted(flow), flow.syn_retransmits) for flow in flows})


@harness.each_forward
class Loss30(ExactTest):
    FLOWS = 80

    def check_behind_shunt(self, forward):
        """Every SYN passes shunt: it counts the client's retransmissions."""
        bed = self.world(forward)
        self.serve(bed, "echo")
        losses = [Loss(backend.namespace, SYN, 30) for backend in bed.backends]
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        connected = settle(flows)
        failed = [flow for flow in flows if not flow.connected]
        self.assertEqual({flow.error for flow in failed} | {errno.ETIMEDOUT}, {errno.ETIMEDOUT})
        for flow in connected:
            flow.socket.close()
        outcomes, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda flow: "closed" if flow.connected else "syn_timeout")
        retransmits = sum(record["syn_retransmits"] for record in records.values())
        self.same(syn_retransmits=(retransmits, client.since("TCPSynRetrans")),
                  flows=(len(records), client.since("ActiveOpens")),
                  established=(outcomes["closed"], servers.since("PassiveOpens")),
                  syn_timeouts=(outcomes["syn_timeout"], client.since("TCPAbortOnTimeout")),
                  attempts_failed=(outcomes["syn_timeout"], client.since("AttemptFails")),
                  syns=(len(records) + retransmits, sum(loss.came() for loss in losses)),
                  lost=(retransmits + outcomes["syn_timeout"], sum(loss.dropped() for loss in losses)))
        self.assertGreater(retransmits, 0)
        self.assert_page(bed)

    def check_before_shunt(self, forward):
        """shunt counts what reaches it: the client's SYNs less those that were lost."""
        bed = self.world(forward)
        self.serve(bed, "echo")
        loss = Loss(bed.topology.lb, f"ip daddr {bed.vip} {SYN}", 30, device=bed.client.plug)
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        connected = settle(flows)
        for flow in connected:
            flow.socket.close()
        outcomes, records = self.told(connected)
        sent = client.since("ActiveOpens") + client.since("TCPSynRetrans")
        seen = sum(1 + record["syn_retransmits"] for record in records.values())
        self.same(sent=(loss.came(), sent), seen=(seen, sent - loss.dropped()),
                  established=(outcomes["closed"], servers.since("PassiveOpens")),
                  records=(len([record for record in self.records.all() if record["client_port"] >= flows[0].port]), len(connected)))
        self.assertGreater(loss.dropped(), 0)


@harness.each_forward
class Refused(ExactTest):
    FLOWS = 40

    def check_tiny_backlog(self, forward):
        """A full accept queue drops SYNs: every one is a retransmission or the last of a flow."""
        bed = self.world(forward)
        self.serve(bed, "idle", backlog=1)
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open_until_full(bed) + self.open(bed, self.FLOWS)
        connected = settle(flows)
        for flow in connected:
            flow.socket.close()
        outcomes, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda flow: "closed" if flow.connected else "syn_timeout")
        retransmits = sum(record["syn_retransmits"] for record in records.values())
        self.same(syn_retransmits=(retransmits, client.since("TCPSynRetrans")),
                  lost=(retransmits + outcomes["syn_timeout"], servers.since("ListenDrops")),
                  overflows=(retransmits + outcomes["syn_timeout"], servers.since("ListenOverflows")),
                  syn_timeouts=(outcomes["syn_timeout"], client.since("TCPAbortOnTimeout")),
                  established=(outcomes["closed"], servers.since("PassiveOpens")))
        self.assertGreater(outcomes["syn_timeout"], self.FLOWS // 2)

    def open_until_full(self, bed):
        """One after the other, so that no ACK meets a queue that filled since its SYN: a kernel drops it, and counts the drop as
        it counts a SYN's, and the client thinks that it is connected. At the end both servers' queues are full."""
        flows = []
        for _ in range(24):
            flows += self.open(bed, 1)
            select.select([], [flows[-1].socket], [], 0.1)
        return flows

    def check_stopped_server(self, forward):
        """SIGSTOP: its kernel goes on shaking hands until the accept queue is full; nobody answers requests."""
        bed = self.world(forward)
        self.serve(bed, "echo", backlog=4)
        for backend in bed.backends:
            backend.processes[0].send_signal(signal.SIGSTOP)
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open_until_full(bed) + self.open(bed, self.FLOWS)
        connected = settle(flows)
        for flow in connected:
            flow.socket.sendall(b"is anybody there?\n")
            flow.socket.settimeout(0.01)
            self.assertRaises(TimeoutError, flow.socket.recv, 100)
            flow.socket.close()
        outcomes, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda flow: "closed" if flow.connected else "syn_timeout")
        retransmits = sum(record["syn_retransmits"] for record in records.values())
        self.same(syn_retransmits=(retransmits, client.since("TCPSynRetrans")),
                  lost=(retransmits + outcomes["syn_timeout"], servers.since("ListenDrops")),
                  established=(outcomes["closed"], servers.since("PassiveOpens")))
        for backend in bed.backends:
            backend.processes[0].send_signal(signal.SIGCONT)

    def check_closed_port(self, forward):
        bed = self.world(forward)
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        settle(flows)
        self.assertEqual({flow.error for flow in flows}, {errno.ECONNREFUSED})
        outcomes, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda _: "reset_by_server" if forward == "nat" else "syn_timeout")
        self.same(refused=(len(records), servers.since("OutRsts")), failed=(len(records), client.since("AttemptFails")),
                  flows=(len(records), client.since("ActiveOpens")),
                  syn_retransmits=(sum(record["syn_retransmits"] for record in records.values()), client.since("TCPSynRetrans")))
        self.assertEqual(sum(outcomes.values()), self.FLOWS)
        if forward != "nat":
            self.assertEqual(self.resets_seen(bed), (0, self.FLOWS))


@harness.each_forward
class Crash(ExactTest):
    FLOWS = 30

    def check_with_unread_data(self, forward):
        """kill -9 while the client's data waits in the server's kernel: a RST for each."""
        bed = self.world(forward, SHORT)
        self.serve(bed, "deaf")
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)
        for flow in flows:
            flow.socket.sendall(bytes(1000))
        wait_until(lambda: self.unread(bed) == self.FLOWS * 1000, 5, "the servers' kernels have it all")
        self.stop_servers(bed)
        for flow in flows:
            self.assertRaises(ConnectionResetError, flow.socket.recv, 100)
            flow.socket.close()
        self.assert_reset_by_server(bed, flows, client, servers)
        self.assertEqual(servers.since("OutRsts"), self.FLOWS)  # nothing was under way

    def check_in_a_download(self, forward):
        """kill -9 of a server that sends and has a request unread: a RST in the middle."""
        bed = self.world(forward, SHORT)
        self.serve(bed, "stream")
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)
        for flow in flows:
            flow.socket.sendall(b"more, please")
            self.assertTrue(flow.socket.recv(10_000))
        wait_until(lambda: self.unread(bed) == self.FLOWS * 12, 5, "the servers' kernels have it all")
        self.stop_servers(bed)
        for flow in flows:
            with self.assertRaises(ConnectionResetError):
                while flow.socket.recv(1 << 20):
                    pass
            flow.socket.close()
        self.assert_reset_by_server(bed, flows, client, servers)

    def check_in_an_upload(self, forward):
        """kill -9 while clients send and nobody reads: each segment that was under way is answered by another RST."""
        bed = self.world(forward, SHORT)
        self.serve(bed, "deaf")
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)

        def upload(flow):
            with contextlib.suppress(OSError):
                while True:
                    flow.socket.sendall(bytes(4096))

        senders = [threading.Thread(target=upload, args=(flow,)) for flow in flows]
        for sender in senders:
            sender.start()
        wait_until(lambda: len(self.queues(bed)) == self.FLOWS, 10, "each connection has data unread")
        self.stop_servers(bed)
        for sender, flow in zip(senders, flows):
            sender.join()
            flow.socket.close()
        self.assert_reset_by_server(bed, flows, client, servers)

    def assert_reset_by_server(self, bed, flows, client, servers):
        outcome = "reset_by_server" if bed.forward == "nat" else "idle_timeout"
        _, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda _: outcome)
        self.same(resets_at_client=(len(records), client.since("EstabResets")),
                  resets_at_servers=(len(records), servers.since("EstabResets")),
                  aborted=(len(records), servers.since("TCPAbortOnClose")))
        if bed.forward != "nat":
            self.assertEqual(self.resets_seen(bed), (servers.since("OutRsts"), 0))

    def check_with_nothing_unread(self, forward):
        """kill -9 of a server that has read all and sends: what it had sent comes, then FIN."""
        bed = self.world(forward)
        self.serve(bed, "stream")
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)
        for flow in flows:
            self.assertTrue(flow.socket.recv(10_000))
        self.stop_servers(bed)
        for flow in flows:
            while flow.socket.recv(1 << 20):
                pass
            flow.socket.close()
        _, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda _: "closed")
        self.same(closed=(len(records), client.since("ActiveOpens")), resets=(0, servers.since("OutRsts")),
                  established=(len(records), servers.since("PassiveOpens")), resets_at_client=(0, client.since("EstabResets")))

    def check_by_the_client(self, forward):
        """Clients that reset, and clients that close: each as it is."""
        bed = self.world(forward)
        self.serve(bed, "echo")
        client, servers = TcpCounters(bed.clients), TcpCounters(bed.backends)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)
        reset = set()
        for number, flow in enumerate(flows):
            flow.socket.sendall(b"echo")
            self.assertEqual(flow.socket.recv(100), b"echo")
            if number % 3 == 0:
                flow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                reset.add(flow)
            flow.socket.close()
        outcomes, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda flow: "reset_by_client" if flow in reset else "closed")
        self.same(resets_sent=(outcomes["reset_by_client"], client.since("OutRsts")),
                  resets_at_client=(outcomes["reset_by_client"], client.since("EstabResets")),
                  resets_at_servers=(outcomes["reset_by_client"], servers.since("EstabResets")),
                  flows=(len(records), servers.since("PassiveOpens")))

    def check_silence(self, forward):
        """A wire that is cut: the client gives up, and shunt hears nothing of it."""
        flows, client, _ = self.give_up(forward, lambda bed: [Loss(bed.topology.lb, "tcp dport 7000", device=bed.client.plug)])
        _, records = self.told(flows)
        self.assert_outcomes(records, flows, lambda _: "idle_timeout")
        self.same(timeouts=(len(records), client.since("TCPAbortOnTimeout")))

    def check_silent_servers(self, forward):
        """Servers that nothing reaches any more. A kernel that gives up may say so with a RST, or with several, or not."""
        flows, client, losses = self.give_up(forward, lambda bed: [
            Loss(backend.namespace, f"tcp dport {harness.backend_port(forward, PORT)}") for backend in bed.backends])
        outcomes, records = self.told(flows)

        # What reached shunt is what was lost behind it: data, again and again, and the RSTs, of which more may be on their way.
        def lost():
            return (len(flows) + client.since("RetransSegs") + client.since("OutRsts"), sum(loss.dropped() for loss in losses))

        harness.wait_until(lambda: len(set(lost())) == 1, 5, f"as much was lost as sent; {lost()}")
        resets = client.since("OutRsts")
        self.assert_outcomes(records, flows, lambda flow: "reset_by_client" if records[flow.port]["outcome"] == "reset_by_client"
                             else "idle_timeout")
        self.assertLessEqual(outcomes["reset_by_client"], resets)
        self.same(timeouts=(len(records), client.since("TCPAbortOnTimeout")), any_reset=(outcomes["reset_by_client"] > 0, resets > 0),
                  lost=lost())

    def give_up(self, forward, cut):
        """Flows that are open when `cut` makes its losses, and that the client then gives up; its counters, and the losses."""
        bed = self.world(forward, SHORT)
        self.serve(bed, "echo")
        client = TcpCounters(bed.clients)
        flows = self.open(bed, self.FLOWS)
        self.assertEqual(settle(flows), flows)
        losses = cut(bed)
        for flow in flows:
            flow.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
            flow.socket.sendall(b"is anybody there?")
        for flow in flows:
            flow.socket.settimeout(None)
            with self.assertRaises(OSError) as end:
                flow.socket.recv(100)
            self.assertEqual(end.exception.errno, errno.ETIMEDOUT)
            flow.socket.close()
        return flows, client, losses

    def unread(self, bed):
        return sum(self.queues(bed))

    def queues(self, bed):
        """Bytes in the receive queues of the servers' connections, of each that has any."""
        found = []
        for backend in bed.backends:
            with backend.namespace.inside():
                with open("/proc/thread-self/net/tcp", encoding="ascii") as table:
                    rows = [line.split() for line in table][1:]
            found += [int(row[4].split(":")[1], 16) for row in rows if row[3] == "01"]
        return [waiting for waiting in found if waiting]


if __name__ == "__main__":
    harness.main()
