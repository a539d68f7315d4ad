"""Seeded sequences of events for the differential test: a configuration, its network, and then packets of all kinds, right and
wrong, singly and in bursts, between which time, health, neighbours and the configuration change. The same seed gives the same.

    clients 203.0.113.0/24, 2001:db8:c::/64 ── router ── net0 [shunt] net1 ── 10.0.0.0/24, 2001:db8:b::/64 backends
       on-link 192.0.2.0/24, 2001:db8:a::/64 ──────────────┘               └── 10.0.0.254 ── 10.9.0.0/16 backends

Everything stands in the events, so that a sequence can be shortened by leaving events out.
"""

import random

import frames as build

PORT_MAC = {"net0": "02:00:00:00:00:01", "net1": "02:00:00:00:00:02"}
HOST_MAC = {"net0": "02:00:00:00:01:01", "net1": "02:00:00:00:01:02"}
PORTS = {name: {"mac": PORT_MAC[name], "host_mac": HOST_MAC[name]} for name in PORT_MAC}
ROUTER_MAC = "02:00:00:00:99:01"
FAR_ROUTER_MAC = "02:00:00:00:99:02"
START_NS = 1_000_000_000_000

# Name, VIP, protocol, port (0: all), pool, forward.
SERVICES = [
    ("l2-tcp", "198.51.100.1", "tcp", 80, "l2", "l2"),
    ("l2-udp", "198.51.100.1", "udp", 53, "l2", "l2"),
    ("l2-tcp6", "2001:db8:f::1", "tcp", 80, "l2v6", "l2"),
    ("ipip-tcp", "198.51.100.2", "tcp", 80, "mixed", "ipip"),
    ("ipip-udp", "198.51.100.2", "udp", 53, "mixed", "ipip"),
    ("ipip-tcp6", "2001:db8:f::2", "tcp", 80, "mixed", "ipip"),
    ("gue-tcp", "198.51.100.3", "tcp", 80, "mixed", "gue"),
    ("gue-udp6", "2001:db8:f::3", "udp", 53, "mixed", "gue"),
    ("nat-tcp", "198.51.100.4", "tcp", 80, "nat", "nat"),
    ("nat-udp", "198.51.100.4", "udp", 53, "nat", "nat"),
    ("nat-tcp6", "2001:db8:f::4", "tcp", 80, "natv6", "nat"),
    ("far", "198.51.100.5", "tcp", 80, "far", "ipip"),
    ("far-l2", "198.51.100.6", "tcp", 80, "far", "l2"),
    ("any-port", "198.51.100.7", "tcp", 0, "l2", "l2"),
    ("prefix", "198.51.100.16/28", "tcp", 80, "mixed", "ipip"),
    ("prefix-any", "198.51.100.32/28", "udp", 0, "mixed", "gue"),
    ("prefix6", "2001:db8:f:1::/64", "tcp", 80, "mixed", "gue"),
    ("onlink", "192.0.2.100", "tcp", 80, "l2", "l2"),
    ("onlink6", "2001:db8:a::100", "tcp", 80, "l2v6", "l2"),
]
POOLS = {"l2": ["10.0.0.{}", 11, 4], "l2v6": ["2001:db8:b::{:x}", 11, 3], "mixed": ["10.0.0.{}", 21, 5],
         "nat": ["10.0.0.{}", 31, 2], "natv6": ["2001:db8:b::{:x}", 31, 2], "far": ["10.9.0.{}", 5, 2]}


def backends_of(pool):
    pattern, first, count = POOLS[pool]
    addresses = [pattern.format(number) for number in range(first, first + count)]
    return addresses + ["2001:db8:b::21", "2001:db8:b::22"] if pool == "mixed" else addresses


def backend_mac(address):
    """A made-up one, different for each."""
    last = build.packed(address)[-2:]
    return f"02:00:00:{'06' if ':' in address else '04'}:{last[0]:02x}:{last[1]:02x}"


class World:
    """What the next configuration will say. Changed by chance; toml() is its text."""

    def __init__(self, chance):
        self.chance = chance
        self.mtu = {"net0": chance.choice([1500, 1500, 9000]), "net1": chance.choice([1500, 1500, 1500, 1600, 9000])}
        self.spread = chance.random() < 0.3
        self.services = [row for row in SERVICES if chance.random() < 0.9]
        self.weights = {}
        self.absent = set()  # (pool, address)
        self.timeouts = chance.choice(["", 'timeouts = { established = "30s", syn = "3s", fin = "4s", udp = "6s" }'])
        self.drain = chance.choice(["0s", "5s", "10m"])
        self.health = {pool for pool in POOLS if chance.random() < 0.7}

    def members(self, pool):
        return [address for address in backends_of(pool) if (pool, address) not in self.absent]

    def change(self):
        """Something that a running shunt can take up."""
        chance = self.chance
        pool = chance.choice(list(POOLS))
        address = chance.choice(backends_of(pool))
        what = chance.randrange(5)
        if what == 0 and len(self.members(pool)) > 1:
            self.absent.add((pool, address))
        elif what == 1:
            self.absent.discard((pool, address))
        elif what == 2:
            self.weights[pool, address] = chance.choice([0, 1, 2, 7])
        elif what == 3:
            row = chance.choice(SERVICES)
            if row in self.services:
                self.services.remove(row)
            else:
                self.services.append(row)
        else:
            self.drain = chance.choice(["0s", "5s", "10m"])

    def toml(self):
        blocks = ['[node]\nname = "lb1"\n', "[dataplane]\nconnections = 4096\n"]
        blocks.append(port_block("net0", self.mtu["net0"], ["192.0.2.2/24", "2001:db8:a::2/64"], "192.0.2.10", "2001:db8:a::10"))
        sources = ("10.64.0.0/20", "2001:db8:e::/64") if self.spread else ("10.0.0.10", "2001:db8:b::10")
        blocks.append(port_block("net1", self.mtu["net1"], ["10.0.0.1/24", "2001:db8:b::1/64"], *sources))
        for pool in POOLS:
            health = "health = { port = 80 }\n" if pool in self.health else ""
            blocks.append(f'[[pool]]\nname = "{pool}"\nslots = 251\ndrain = "{self.drain}"\n{health}')
            for address in self.members(pool):
                port = "port = 8080\n" if pool.startswith("nat") else ""
                weight = self.weights.get((pool, address), 1)
                blocks.append(f'[[pool.backend]]\nname = "{address}"\naddress = "{address}"\nweight = {weight}\n{port}')
        for name, vip, protocol, port, pool, forward in self.services:
            port_line = f"port = {port}\n" if port else ""
            blocks.append(f'[[service]]\nname = "{name}"\naddress = "{vip}"\nprotocol = "{protocol}"\n{port_line}'
                          f'pool = "{pool}"\nforward = "{forward}"\n{self.timeouts}\n')
        return "\n".join(blocks)


def port_block(name, mtu, addresses, source4, source6):
    number = name[-1]
    return (f'[[port]]\nname = "{name}"\ndevice = "vdev:net_null{number}"\nhost_interface = "shunt{number}"\nmtu = {mtu}\n'
            f'addresses = [{", ".join(chr(34) + each + chr(34) for each in addresses)}]\n'
            f'encap_source = "{source4}"\nencap_source6 = "{source6}"\n')


class Packets:
    """A stream of frames as a network may bring them."""

    def __init__(self, chance):
        self.chance = chance

    def one_in(self, number):
        return self.chance.randrange(number) == 0

    def next(self):
        """(port, frame)."""
        port = self.chance.choice(["net0", "net0", "net0", "net1"])
        kind = self.chance.randrange(20)
        if kind < 12:
            frame = self.to_vip(port)
        elif kind < 15:
            port = "net1"
            frame = self.reply()
        elif kind < 17:
            frame = self.icmp(port)
        else:
            frame = self.other(port)
        if self.one_in(15):
            frame = self.damaged(frame)
        return port, frame

    def client(self, family):
        near = self.one_in(3)
        last = 20 + self.chance.randrange(8)
        if family == 4:
            return f"{'192.0.2' if near else '203.0.113'}.{last}"
        return f"2001:db8:{'a' if near else 'c'}::{last:x}"

    def tuple(self):
        """(source, destination, protocol, sport, dport) of a packet to a service, or nearly."""
        chance = self.chance
        _, vip, protocol, port, _, _ = chance.choice(SERVICES)
        address = vip.split("/")[0]
        if "/" in vip:
            base = int.from_bytes(build.packed(address), "big") + chance.randrange(20)
            address = str(build.ipaddress.ip_address(base))
        number = build.TCP if protocol == "tcp" else build.UDP
        if self.one_in(12):
            number = chance.choice([build.TCP, build.UDP, 132, 47])
        dport = chance.randrange(65536) if port == 0 or self.one_in(12) else port
        return self.client(6 if ":" in address else 4), address, number, 1024 + chance.randrange(40), dport

    def payload(self):
        size = self.chance.choice([0, 0, 1, 6, 100, 500])
        if self.one_in(12):
            size = self.chance.choice([1380, 1424, 1432, 1440, 1441, 1459, 1460, 1461, 1480, 3000, 8900])
        return bytes(self.chance.randrange(256) for _ in range(4)) * (size // 4) + b"x" * (size % 4)

    def segment(self, source, destination, number, sport, dport):
        chance = self.chance
        sum16 = chance.choice([0, 0xFFFF, chance.randrange(65536)]) if self.one_in(12) else None
        if number == build.TCP:
            flags = chance.choice([build.SYN, build.SYN, build.ACK, build.ACK, build.ACK | build.PSH, build.FIN | build.ACK, build.RST,
                                   build.SYN | build.ACK, 0, 0xFF])
            options = b"\x02\x04\x05\xb4" if self.one_in(3) else b"\xfd\x04ab" if self.one_in(8) else b""
            words = chance.randrange(16) if self.one_in(40) else None
            return build.tcp(source, destination, sport, dport, flags=flags, sequence=1000 + chance.randrange(4), options=options,
                             payload=self.payload(), sum16=sum16, words=words)
        if number == build.UDP:
            size = chance.randrange(100) if self.one_in(40) else None
            return build.udp(source, destination, sport, dport, payload=self.payload(), sum16=sum16, size=size)
        return self.payload()

    def packet(self, source, destination, number, body):
        chance = self.chance
        ttl = chance.randrange(3) if self.one_in(12) else 64
        tos = chance.randrange(256)
        if ":" in destination:
            extensions = []
            if self.one_in(10):
                extensions = [self.extension() for _ in range(chance.choice([1, 1, 2, 8, 9]))]
            length = chance.randrange(200) if self.one_in(40) else None
            return build.ipv6(source, destination, number, body, tos=tos, hops=ttl, label=chance.randrange(1 << 20),
                              extensions=extensions, length=length)
        flags = chance.choice([0x4000, 0x4000, 0])
        if self.one_in(15):
            flags = chance.choice([0x2000, 0x2001, 0x0001, 0x0040, 0x2040, 0x8000, 0x6000, chance.randrange(65536)])
        options = b""
        if self.one_in(15):
            options = chance.choice([b"\x01\x01\x01\x00", b"\x83\x03\x04\x00", b"\x89\x03\x04\x00", b"\x94\x04\x00\x00", b"\x07\x02\x01\x01",
                                     b"\x07\x00\x01\x01", b"\x07\x09\x01\x01", b"\x44\x0c\x05\x00" + bytes(8)])
        total = chance.randrange(200) if self.one_in(40) else None
        sum16 = chance.randrange(65536) if self.one_in(40) else None
        return build.ipv4(source, destination, number, body, tos=tos, ttl=ttl, flags=flags, options=options, total=total, sum16=sum16,
                          ident=chance.randrange(65536))

    def extension(self):
        """Hop-by-hop, routing (0, 2), destination options, fragment, AH: (number, what stands behind the next header)."""
        chance = self.chance
        return chance.choice([
            (0, b"\x00\x01\x04" + bytes(4)), (60, b"\x00\x01\x04" + bytes(4)), (60, b"\x01\x01\x0c" + bytes(12)),
            (43, b"\x00\x00\x00" + bytes(4)), (43, b"\x02\x02\x01" + bytes(20)),
            (44, b"\x00\x00\x00" + bytes(4)), (44, b"\x00\x00\x01" + bytes(4)), (44, b"\x00\x00\x09" + bytes(4)),
            (51, b"\x04\x00\x00" + bytes(20)), (135, b"\x01" + bytes(14)),
        ])

    def frame(self, port, packet):
        chance = self.chance
        to = PORT_MAC[port]
        if self.one_in(25):
            to = chance.choice(["ff:ff:ff:ff:ff:ff", "02:00:00:00:00:55", "01:00:5e:00:00:01", HOST_MAC[port]])
        tags = [(chance.choice([build.VLAN, build.QINQ]), chance.randrange(4096)) for _ in range(chance.choice([1, 1, 2, 3]))
                ] if self.one_in(5) else ()
        trailer = bytes(chance.randrange(20)) if self.one_in(6) else b""
        return build.ethernet(to, ROUTER_MAC, packet, tags=tags, trailer=trailer)

    def to_vip(self, port):
        source, destination, number, sport, dport = self.tuple()
        if self.one_in(25):
            bad = ["0.1.2.3", "127.0.0.1", "224.0.0.9", "255.255.255.255", "198.51.100.3", "192.0.2.10"]
            bad6 = ["::", "::1", "ff02::1", "::ffff:10.0.0.9", "2001:db8:f::2", "2001:db8:a::10"]
            source = self.chance.choice(bad6 if ":" in destination else bad)
        return self.frame(port, self.packet(source, destination, number, self.segment(source, destination, number, sport, dport)))

    def reply(self):
        """As from a nat backend, mostly."""
        chance = self.chance
        client, _, number, sport, _ = self.tuple()
        pool = chance.choice(["nat", "nat", "l2"]) if ":" not in client else "natv6"
        backend = chance.choice(backends_of(pool))
        node = "2001:db8:b::1" if ":" in client else "10.0.0.1"
        target = node if self.one_in(8) else client
        body = self.segment(backend, target, number, 8080 if not self.one_in(8) else 80, sport)
        return self.frame("net1", self.packet(backend, target, number, body))

    def icmp(self, port):
        """Echo requests and errors to VIPs, with quotes that are right, wrong, short."""
        chance = self.chance
        source, vip, number, sport, dport = self.tuple()
        if self.one_in(3):
            body = self.payload()[:200]
            if ":" in vip:
                return self.frame(port, self.packet(source, vip, build.ICMP6, build.icmp6(source, vip, 128, 0, b"\x00\x07\x00\x01", body)))
            sum16 = chance.randrange(65536) if self.one_in(8) else None
            return self.frame(port, self.packet(source, vip, build.ICMP, build.icmp(8, 0, b"\x00\x07\x00\x01", body, sum16=sum16)))
        quoted_source = vip if not self.one_in(8) else "192.0.2.77" if ":" not in vip else "2001:db8:a::77"
        quote = self.segment(quoted_source, source, number, dport, sport)[:chance.choice([8, 8, 20, 28, 4])]
        router = "203.0.113.1" if ":" not in vip else "2001:db8:c::1"
        mtu = chance.choice([0, 552, 551, 1280, 1279, 1400])
        if ":" in vip:
            kind, code = chance.choice([(1, 0), (1, 4), (2, 0), (3, 0), (4, 1), (5, 0)])
            inner = build.ipv6(quoted_source, source, number, quote, hops=40)
            message = build.icmp6(router, vip, kind, code, mtu.to_bytes(4, "big"), inner)
            return self.frame(port, self.packet(router, vip, build.ICMP6, message))
        kind, code = chance.choice([(3, 4), (3, 1), (3, 3), (11, 0), (12, 0), (4, 0), (5, 1)])
        inner = build.ipv4(quoted_source, source, number, quote, ttl=40, total=60 if self.one_in(2) else None)
        return self.frame(port, self.packet(router, vip, build.ICMP, build.icmp(kind, code, mtu.to_bytes(4, "big"), inner)))

    def other(self, port):
        """What isn't for a service."""
        chance = self.chance
        ours, kind = PORT_MAC[port], chance.randrange(9)
        if kind == 0:
            target = chance.choice(["192.0.2.100", "198.51.100.1", "192.0.2.2", "10.0.0.1", "192.0.2.55"])
            request = build.arp(chance.choice([1, 1, 1, 2]), ROUTER_MAC, chance.choice(["192.0.2.1", "0.0.0.0", target]), "00:00:00:00:00:00", target)
            return build.ethernet(chance.choice(["ff:ff:ff:ff:ff:ff", ours]), ROUTER_MAC, request, ether_type=0x0806)
        if kind == 1:
            return self.solicitation()
        if kind == 2:
            node = chance.choice(["192.0.2.2", "10.0.0.1"])
            return self.frame(port, self.packet("203.0.113.9", node, build.TCP, build.tcp("203.0.113.9", node, 4000, chance.choice([22, 179]))))
        if kind == 3:
            body = build.udp("192.0.2.20", "192.0.2.255", 137, 137, payload=b"hello")
            return build.ethernet("ff:ff:ff:ff:ff:ff", ROUTER_MAC, build.ipv4("192.0.2.20", "192.0.2.255", build.UDP, body))
        if kind == 4:
            return build.ethernet("02:00:00:00:00:55", ROUTER_MAC, build.ipv4("203.0.113.9", "198.51.100.1", 6, bytes(20)))
        if kind == 5:
            return build.ethernet(ours, ROUTER_MAC, bytes(46), ether_type=chance.choice([0x88CC, 0x8847, 0x0026, 0x86DD, 0x0800]))
        if kind == 6:  # one of shunt's own outer headers, back again
            inner = self.packet("203.0.113.9", "198.51.100.2", build.TCP, build.tcp("203.0.113.9", "198.51.100.2", 4000, 80))
            return build.ethernet(ours, ROUTER_MAC, build.ipv4(chance.choice(["10.0.0.10", "192.0.2.10"]), "198.51.100.2", 4, inner))
        if kind == 7:
            return self.frame(port, self.packet("2001:db8:c::9", "2001:db8:a::2", build.ICMP6,
                                                build.icmp6("2001:db8:c::9", "2001:db8:a::2", 128, 0, bytes(4), b"ping")))
        return bytes(chance.randrange(256) for _ in range(1 + chance.randrange(100)))

    def solicitation(self):
        """RFC 4861 4.3."""
        chance = self.chance
        target = chance.choice(["2001:db8:a::100", "2001:db8:f::1", "2001:db8:a::2", "2001:db8:a::55"])
        source = chance.choice(["2001:db8:a::1", "2001:db8:a::1", "::", target])
        group = "ff02::1:ff" + target.split("::")[1].rjust(2, "0").zfill(6)[:2] + ":" + target.split("::")[1].zfill(4)
        to = target if self.one_in(3) else group
        option = b"\x01\x01" + build.mac_bytes(ROUTER_MAC) if source != "::" else b""
        body = build.icmp6(source, to, 135, 0, bytes(4), build.packed(target) + option)
        mac = PORT_MAC["net0"] if to == target else "33:33:" + ":".join(f"{byte:02x}" for byte in build.packed(group)[-4:])
        return build.ethernet(mac, ROUTER_MAC, build.ipv6(source, to, build.ICMP6, body, hops=chance.choice([255, 255, 255, 64])))

    def damaged(self, frame):
        chance = self.chance
        frame = bytearray(frame)
        for _ in range(chance.randrange(4)):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        if self.one_in(3):
            del frame[1 + chance.randrange(len(frame)):]
        return bytes(frame)


def network_events(chance):
    """Routes and neighbours; now and then one that is missing."""
    events = [
        {"type": "route", "prefix": "0.0.0.0/0", "port": "net0", "via": "192.0.2.1"},
        {"type": "route", "prefix": "::/0", "port": "net0", "via": "2001:db8:a::1"},
        {"type": "route", "prefix": "10.9.0.0/16", "port": "net1", "via": "10.0.0.254"},
        {"type": "neighbour", "address": "192.0.2.1", "port": "net0", "mac": ROUTER_MAC},
        {"type": "neighbour", "address": "2001:db8:a::1", "port": "net0", "mac": ROUTER_MAC},
        {"type": "neighbour", "address": "10.0.0.254", "port": "net1", "mac": FAR_ROUTER_MAC},
    ]
    for pool in POOLS:
        if pool != "far":
            events += [{"type": "neighbour", "address": address, "port": "net1", "mac": backend_mac(address)}
                       for address in backends_of(pool) if chance.random() < 0.95]
    return events


def generate(seed, count):
    """About `count` events. (Those that make the network come first and are counted.)"""
    chance = random.Random(seed)
    world, packets = World(chance), Packets(chance)
    now_ns = START_NS
    events = [{"type": "time", "ns": now_ns}, {"type": "config", "toml": world.toml(), "ports": PORTS}]
    events += network_events(chance)
    while len(events) < count:
        what = chance.randrange(100)
        if what < 70:
            port, frame = packets.next()
            events.append({"type": "frame", "port": port, "hex": frame.hex()})
        elif what < 80:
            burst = [packets.next() for _ in range(1 + chance.randrange(20))]
            events.append({"type": "frames", "frames": [{"port": port, "hex": frame.hex()} for port, frame in burst]})
        elif what < 90:
            now_ns += chance.choice([1, 1000, 10_000_000, 100_000_000, 1_000_000_000, 5_000_000_000, 31_000_000_000])
            events.append({"type": "time", "ns": now_ns})
        elif what < 95:
            pools = [pool for pool in POOLS if pool in world.health]
            if pools:
                pool = chance.choice(pools)
                events.append({"type": "accept", "pool": pool, "backend": chance.choice(world.members(pool)),
                               "up": chance.random() < 0.6})
        elif what < 98:
            address = chance.choice(backends_of(chance.choice(["l2", "mixed", "nat", "l2v6"])))
            events.append({"type": "neighbour", "address": address, "port": "net1",
                           "mac": backend_mac(address)[:-2] + f"{chance.randrange(256):02x}"})
        else:
            world.change()
            events.append({"type": "config", "toml": world.toml(), "ports": PORTS})
    return events


def frames_in(event):
    """The frames of an event: [(port, bytes)]."""
    if event["type"] in ("frame", "host_frame"):
        return [(event["port"], bytes.fromhex(event["hex"]))]
    return [(each["port"], bytes.fromhex(each["hex"])) for each in event.get("frames", [])]


def count_frames(events):
    return sum(len(frames_in(event)) for event in events)
