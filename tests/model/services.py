"""The configuration as the model needs it, from the parsed TOML in the shape of the configuration reference.

It is taken as valid: what `check` refuses never gets here. Keys that don't touch packets are ignored.
"""

from dataclasses import dataclass
from typing import Optional

from . import addresses
from .addresses import Prefix
from .packet import TCP, UDP

UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
TUNNELS = {"ipip", "gre", "gue"}


@dataclass(frozen=True)
class Port:
    name: str
    mac: bytes
    mtu: int
    gateway_mac: Optional[bytes]
    has_host: bool                 # a host_interface, so that it can punt
    own: tuple                     # addresses of the node
    subnets: tuple                 # Prefixes that are on-link here
    encap: tuple                   # Prefixes of outer sources, at most one of each family
    strips: bool                   # takes the VLAN tags off what comes in here for a service


@dataclass(frozen=True)
class Backend:
    pool: str
    name: str
    address: bytes
    port: Optional[int]
    mac: Optional[bytes]
    weight: int

    @property
    def id(self):
        return self.pool, self.name, self.address, self.port


@dataclass(frozen=True)
class Pool:
    name: str
    backends: tuple
    panic: float
    drain: int
    checked: bool                  # it has `health`; without, its backends are up

    @property
    def members(self):
        return tuple(backend for backend in self.backends if backend.weight)

    @property
    def slots(self):
        """What the slot table is made of: pools that have the same here have the same owners."""
        return tuple(sorted((backend.address, backend.port or 0, max(backend.weight, 1)) for backend in self.backends))


@dataclass(frozen=True)
class Service:
    name: str
    prefix: Prefix
    port: Optional[int]
    protocol: int
    pool: str
    backup: Optional[str]
    forward: str
    timeouts: dict
    unserved: str
    announce: str
    no_backend: str
    too_big: str
    dscp: Optional[int]
    mss_clamp: object

    @property
    def id(self):
        return self.prefix, self.protocol, self.port

    @property
    def pools(self):
        return [self.pool] + ([self.backup] if self.backup else [])


@dataclass(frozen=True)
class Config:
    ports: dict
    pools: dict
    services: tuple
    vips: tuple                    # Prefixes
    answer_rate: int
    fragment_entries: int
    fragment_bytes: int
    fragment_time: int
    connections: int

    def vip(self, address):
        return addresses.longest(self.vips, address)

    def service(self, destination, protocol, port):
        """Of the services that match, the longest prefix, then an exact port."""
        fits = [one for one in self.services
                if one.protocol == protocol and one.prefix.contains(destination) and one.port in (None, port)]
        return max(fits, key=lambda one: (one.prefix.bits, one.port is not None), default=None)

    def serves(self, destination, protocol):
        return any(one.protocol == protocol and one.prefix.contains(destination) for one in self.services)

    def unserved(self, vip):
        return any(one.unserved == "punt" for one in self.services if one.prefix == vip)

    def announced(self, vip):
        return any(one.announce == "arp" for one in self.services if one.prefix == vip)

    def nat_backends(self, source, protocol):
        """[(service, backend)] of the nat services that have a backend with this address."""
        return [(service, backend) for service in self.services
                if service.forward == "nat" and service.protocol == protocol
                for name in service.pools for backend in self.pools[name].backends if backend.address == source]

    def is_node(self, address):
        return any(address in port.own for port in self.ports.values())

    def is_encap_source(self, address):
        return any(one.contains(address) for port in self.ports.values() for one in port.encap)

    def backend(self, identity):
        """None where the pool doesn't have it any more."""
        pool = self.pools.get(identity[0])
        return next((one for one in pool.backends if one.id == identity), None) if pool else None


def duration(value):
    number = value.rstrip("msh")
    return int(float(number) * UNITS[value[len(number):]])


def read_config(toml, macs):
    """`macs`: {port name: its MAC as text}, used where the file has none."""
    ports = {row["name"]: read_port(row, macs) for row in toml["port"]}
    pools = {row["name"]: read_pool(row) for row in toml.get("pool", [])}
    services = tuple(read_service(row, ports) for row in toml.get("service", []))
    limits = toml.get("fragments", {})
    return Config(ports, pools, services, tuple(dict.fromkeys(one.prefix for one in services)),
                  toml.get("icmp", {}).get("rate", 100), limits.get("entries", 4096), limits.get("bytes", 4 << 20),
                  duration(limits.get("time", "1s")), toml.get("dataplane", {}).get("connections", 1 << 20))


def read_port(row, macs):
    own = row.get("addresses", [])
    encap = [row[key] for key in ("encap_source", "encap_source6") if key in row]
    return Port(row["name"], addresses.mac(row.get("mac") or macs[row["name"]]), row.get("mtu", 1500),
                addresses.mac(row["gateway_mac"]) if "gateway_mac" in row else None, "host_interface" in row,
                tuple(addresses.address(one.split("/")[0]) for one in own), tuple(addresses.prefix(one) for one in own),
                tuple(addresses.prefix(one) for one in encap), row.get("vlan", "keep") == "strip")


def read_pool(row):
    backends = tuple(Backend(row["name"], one["name"], addresses.address(one["address"]), one.get("port"),
                             addresses.mac(one["mac"]) if "mac" in one else None, one.get("weight", 1))
                     for one in row.get("backend", []))
    return Pool(row["name"], backends, row.get("panic", 0.5), duration(row.get("drain", "10m")), "health" in row)


def read_service(row, ports):
    vip = addresses.prefix(row["address"])
    near = any(subnet.contains(vip.first) and subnet.bits <= vip.bits for port in ports.values() for subnet in port.subnets)
    timeouts = {"established": "15m", "syn": "10s", "fin": "30s", "udp": "60s"} | row.get("timeouts", {})
    unserved = row.get("unserved", "drop")
    announce = "none" if unserved == "punt" else row.get("announce", "arp" if near else "route")
    return Service(row["name"], vip, row.get("port"), TCP if row.get("protocol", "tcp") == "tcp" else UDP, row["pool"],
                   row.get("backup_pool"), row.get("forward", "l2"),
                   {key: duration(value) for key, value in timeouts.items()}, unserved, announce,
                   row.get("no_backend", "drop"), row.get("too_big", "fragment"), row.get("dscp"), row.get("mss_clamp"))
