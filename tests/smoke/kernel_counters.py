"""What the kernels of hosts counted of TCP, and what nftables dropped: the truth that telemetry is held against."""

import json
import random


class TcpCounters:
    """The Tcp and TcpExt counters of several hosts, summed, since this was made."""

    def __init__(self, hosts):
        self._hosts = hosts
        self._start = self._read()

    def since(self, name):
        """Such as since("TCPSynRetrans")."""
        return self._read()[name] - self._start[name]

    def _read(self):
        total = {}
        for host in self._hosts:
            for name, value in tcp_counters(host.namespace).items():
                total[name] = total.get(name, 0) + value
        return total


def tcp_counters(namespace):
    counters = {}
    with namespace.inside():
        for file in ("snmp", "netstat"):
            with open(f"/proc/thread-self/net/{file}", encoding="ascii") as lines:
                rows = [line.split() for line in lines if line.startswith(("Tcp:", "TcpExt:"))]
            for names, values in zip(rows[::2], rows[1::2]):
                counters.update(zip(names[1:], map(int, values[1:])))
    return counters


class Loss:
    """Drops what comes into a namespace and matches, a share of it at random, and counts. Removed by remove().

    Behind tc's ingress, so that it sees what decap.bpf.o took out of its outer header. `device`: at that interface,
    instead of at all of them; then bridged frames meet it too.
    """

    def __init__(self, namespace, match, percent=100, device=None):
        self._namespace = namespace
        self._table = f"{'netdev' if device else 'inet'} loss{random.randrange(1 << 32)}"
        hook = f"hook ingress device {device}" if device else "hook prerouting"
        share = "" if percent == 100 else f"numgen random mod 100 < {percent} "
        namespace.run("nft", "-f", "-", text_input=f"""
            table {self._table} {{
              counter came {{ }}
              counter dropped {{ }}
              chain in {{ type filter {hook} priority -400; policy accept; {match} counter name came {share}counter name dropped drop; }}
            }}""")

    def _packets(self, name):
        listed = json.loads(self._namespace.run("nft", "-j", "list", "table", *self._table.split()))
        return next(entry["counter"]["packets"] for entry in listed["nftables"]
                    if entry.get("counter", {}).get("name") == name)

    def came(self):
        return self._packets("came")

    def dropped(self):
        return self._packets("dropped")

    def remove(self):
        self._namespace.run("nft", "delete", "table", *self._table.split())


SYN = "tcp flags & (syn | ack) == syn"
