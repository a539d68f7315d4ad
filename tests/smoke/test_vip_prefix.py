#!/usr/bin/python3
"""A whole prefix as one service, and services of single addresses inside it: the longest match, with an exact port before all ports.

    client1 ── br0 ── backend1 … backend4: nginx; 198.51.100.0/24 and 2001:db8:e::/64 are theirs
                │
               lb0 ┄ shuntd
"""

import harness
import topology as net
import traffic

PREFIX, PREFIX6 = "198.51.100.0/24", "2001:db8:e::/64"
PORTS = [80, 81]
# name: (address, port or None for all, the backend that serves it)
SERVICES = {
    "prefix": (PREFIX, 80, "backend1"),
    "one": ("198.51.100.7", 80, "backend2"),
    "part": ("198.51.100.128/25", None, "backend3"),
    "part-web": ("198.51.100.128/25", 80, "backend4"),
    "one-of-part": ("198.51.100.200", 80, "backend2"),
    "prefix6": (PREFIX6, 80, "backend1"),
    "one6": ("2001:db8:e::7", 80, "backend2"),
    "part6": ("2001:db8:e:0:8000::/65", None, "backend3"),
    "part6-web": ("2001:db8:e:0:8000::/65", 80, "backend4"),
    "one-of-part6": ("2001:db8:e:0:8000::7", 80, "backend2"),
}
# (address, port): the backend that answers
ROWS = {
    ("198.51.100.0", 80): "backend1",
    ("198.51.100.6", 80): "backend1",
    ("198.51.100.7", 80): "backend2",
    ("198.51.100.8", 80): "backend1",
    ("198.51.100.127", 80): "backend1",
    ("198.51.100.128", 80): "backend4",
    ("198.51.100.255", 80): "backend4",
    ("198.51.100.255", 81): "backend3",
    ("198.51.100.200", 80): "backend2",
    ("198.51.100.200", 81): "backend3",
    ("2001:db8:e::", 80): "backend1",
    ("2001:db8:e::6", 80): "backend1",
    ("2001:db8:e::7", 80): "backend2",
    ("2001:db8:e:0:7fff:ffff:ffff:ffff", 80): "backend1",
    ("2001:db8:e:0:8000::", 80): "backend4",
    ("2001:db8:e:0:ffff:ffff:ffff:ffff", 80): "backend4",
    ("2001:db8:e:0:ffff:ffff:ffff:ffff", 81): "backend3",
    ("2001:db8:e:0:8000::7", 80): "backend2",
    ("2001:db8:e:0:8000::7", 81): "backend3",
}
UNSERVED = [("198.51.100.6", 81), ("198.51.100.7", 81), ("2001:db8:e::7", 81)]


class VipPrefix(harness.SmokeTest):
    def start_bed(self):
        bed = self.bed("l2", backends=4, ipv6=True)
        for backend in bed.backends:
            harness.start_nginx(bed.topology, backend, *PORTS)
            backend.namespace.ip(f"route add local {PREFIX} dev lo", f"route add local {PREFIX6} dev lo")
        bed.client.namespace.ip(f"route add {PREFIX} via {net.NODE}", f"route add {PREFIX6} via {net.NODE6}")
        bed.config["pool"] = [{"name": f"{backend.name}-{family}", "backend": [{"name": backend.name, "address": address}]}
                              for backend in bed.backends for family, address in ((4, backend.address), (6, backend.address6))]
        bed.config["service"] = [{"name": name, "address": address, "port": port, "pool": f"{backend}-{6 if ':' in address else 4}"}
                                 for name, (address, port, backend) in SERVICES.items()]
        bed.start()
        return bed

    def test_the_longest_match_serves(self):
        bed = self.start_bed()
        for (address, port), backend in ROWS.items():
            with self.subTest(address=address, port=port):
                answer = traffic.http_get(bed.client.namespace, address, port=port)
                self.assertEqual((answer.status, answer.body), (200, backend))
        for address, port in UNSERVED:
            with self.subTest(address=address, port=port):
                self.assertEqual(traffic.http_get(bed.client.namespace, address, port=port, timeout=0.2).status, 0)
        dropped = bed.daemon.drops()["dropped"]["no_service"]
        self.assertGreaterEqual(dropped, len(UNSERVED))
        bed.expect_drops(no_service=None)


if __name__ == "__main__":
    harness.main()
