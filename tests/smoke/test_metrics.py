#!/usr/bin/python3
"""/metrics, /healthz and /readyz over TCP and the unix socket; what they count is what was sent.

    client1 ── 300 UDP packets, 40 requests ── br0 ── backend1, backend2, backend3
                                                │
                                               lb0 ┄ shuntd ┄ 127.0.0.1:8080, run/api.sock
"""

import re
import socket

import harness
import traffic

PACKETS = 300
REQUESTS = 40
PAYLOAD = 100
FRAME = 14 + 20 + 8 + PAYLOAD


def samples(text):
    """{(name, frozenset of label pairs): value} of a page in the Prometheus text format."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line)
        if match and not line.startswith("#"):
            labels = frozenset(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            found[(match[1], labels)] = float(match[3])
    return found


def total(page, name, **labels):
    return sum(value for (found, pairs), value in page.items() if found == name and set(labels.items()) <= pairs)


@harness.each_forward
class Metrics(harness.SmokeTest):
    def tcp(self, bed, path):
        with bed.topology.lb.inside():
            connection = socket.create_connection(("127.0.0.1", 8080), timeout=2)
        with connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def check_counts(self, forward):
        bed = self.bed(forward, services={**harness.WEB, "udp": ("udp", 9000)}, health=harness.HTTP_HEALTH)
        bed.serve_http()
        for sink in traffic.udp_sinks(bed.backends, harness.backend_port(forward, 9000)):
            self.addCleanup(sink.close)
        bed.start()
        for ask in (bed.daemon.get, lambda path: self.tcp(bed, path)):
            self.assertEqual([ask(path)[0] for path in ("/healthz", "/readyz", "/metrics", "/nothing")], [200, 200, 200, 404])

        with bed.client.namespace.inside():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            for _ in range(PACKETS):
                sender.sendto(bytes(PAYLOAD), (bed.vip, 9000))
        with bed.client.namespace.inside():
            refused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with refused:
            for _ in range(7):
                refused.sendto(b"x", (bed.vip, 9999))
        bed.expect_drops(no_service=7)
        answers = traffic.http_many([bed.client], bed.vip, REQUESTS)
        self.assertEqual({answer.status for answer in answers}, {200})

        harness.wait_until(lambda: bed.daemon.drops()["dropped"].get("no_service") == 7, 3, "7 drops")
        pages = [samples(bed.daemon.get("/metrics")[1]), samples(self.tcp(bed, "/metrics")[1])]
        for page in pages:
            self.assert_page(bed, page)

    def assert_page(self, bed, page):
        udp, web = {"service": "udp", "direction": "to_backend"}, {"service": "web"}
        self.assertEqual(total(page, "shunt_packets_total", **udp), PACKETS)
        self.assertEqual(total(page, "shunt_bytes_total", **udp), PACKETS * FRAME)
        self.assertEqual(total(page, "shunt_flows_total", service="udp"), 1)
        self.assertEqual(total(page, "shunt_flows_total", **web), REQUESTS)
        self.assertEqual(total(page, "shunt_drops_total", reason="no_service"), 7)
        self.assertEqual(total(page, "shunt_backend_up", pool="web"), 3)
        replies = total(page, "shunt_packets_total", direction="to_client", **web)
        if bed.forward == "nat":
            self.assertGreaterEqual(replies, 3 * REQUESTS)
        else:
            self.assertEqual(replies, 0)
        self.assertEqual(total(page, "shunt_ready"), 1)


if __name__ == "__main__":
    harness.main()
