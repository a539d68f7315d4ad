"""Configurations for the generator: all ways to forward, both families, prefixes, any-port services, two ports."""

from .services import TUNNELS

PORTS = {"net0": {"mac": "02:00:00:00:00:01", "host_mac": "02:00:00:00:01:01"},
         "net1": {"mac": "02:00:00:00:00:02", "host_mac": "02:00:00:00:01:02"}}
CLIENTS = {4: [f"192.0.2.{number}" for number in range(100, 116)], 6: [f"2001:db8::c:{number}" for number in range(1, 17)]}
FORWARDS = ("l2", "ipip", "gue", "nat", "gre")
KEYS = {"[icmp]": "[icmp]\nrate = 4", "[fragments]": "[fragments]\nentries = 16\nbytes = 65536\ntime = \"1s\""}

NODE = """
[[port]]
name = "net0"
device = "tap:lb0"
host_interface = "shunt0"
addresses = ["192.0.2.2/24", "2001:db8::2/64"]
encap_source = "192.0.2.240/28"
encap_source6 = "2001:db8::f0/124"
mtu = {mtus[0]}
{more[0]}
[[port]]
name = "net1"
device = "tap:lb1"
host_interface = "shunt1"
addresses = ["10.0.0.2/24", "2001:db8:1::2/64"]
encap_source = "10.0.0.240{wide[0]}"
encap_source6 = "2001:db8:1::f0{wide[1]}"
mtu = {mtus[1]}
{more[1]}
"""


def backend_address(forward, family, number):
    block = sorted(FORWARDS).index(forward) * 16 + 16 + number
    return f"10.0.0.{block}" if family == 4 else f"2001:db8:1::{block:x}"


def families(forward, family):
    """Families of the backends of a VIP's pool: tunnels mix them."""
    return (4, 6) if forward in TUNNELS else (family,)


def pool(forward, family, count, without=()):
    rows = [f'[[pool]]\nname = "{forward}{family}"\ndrain = "60s"\npanic = 0.5\nhealth = {{ type = "tcp", port = 80 }}']
    for number in range(count):
        if number in without:
            continue
        one = families(forward, family)[number % len(families(forward, family))]
        address = backend_address(forward, one, number + (8 if family == 6 else 0))
        rows.append(f'[[pool.backend]]\nname = "b{number}"\naddress = "{address}"')
        if forward == "nat":
            rows.append(f"port = {8080 + number}")
    return "\n".join(rows)


def vip(forward, family):
    number = sorted(FORWARDS).index(forward) + 10
    return f"198.51.100.{number}" if family == 4 else f"2001:db8:100::{number:x}"


def services(forward, family, extra=""):
    pool_name = f"{forward}{family}"
    rows = [("tcp", "tcp", 80, vip(forward, family))]
    if forward != "nat":
        rows.append(("udp", "udp", 53, vip(forward, family)))
        block = sorted(FORWARDS).index(forward) * 32
        rows.append(("all", "udp", None, f"203.0.113.{block}/27" if family == 4 else f"2001:db8:200:{block:x}::/64"))
    else:
        rows.append(("udp", "udp", 53, vip(forward, family)))
    return "\n".join(
        f'[[service]]\nname = "{pool_name}-{name}"\naddress = "{address}"\nprotocol = "{protocol}"\npool = "{pool_name}"\n'
        f'forward = "{forward}"\n' + (f"port = {port}\n" if port else "") + extra for name, protocol, port, address in rows)


def configuration(forwards=FORWARDS, count=3, without=(), mtus=(1500, 1500), keys=(), service_keys="", port_keys=("", ""),
                  wide=False):
    """TOML. `without`: numbers of backends left out; `keys`: of KEYS; `mtus`, `port_keys`: of net0 and net1; `wide`: outer
    sources of net1 are prefixes; `service_keys`: TOML put
    into every service, or {forward: TOML}, where {family} is the VIP's."""
    parts = [NODE.format(mtus=mtus, more=port_keys, wide=("/28", "/124") if wide else ("", ""))] + [KEYS[key] for key in keys]
    for forward in forwards:
        text = service_keys if isinstance(service_keys, str) else service_keys.get(forward, "")
        for family in (4, 6):
            parts.append(pool(forward, family, count, without))
            parts.append(services(forward, family, text.replace("{family}", str(family))))
    return "\n".join(parts)


def neighbours(forwards=FORWARDS, count=3):
    """Events that make every backend and client known."""
    events = []
    for forward in forwards:
        for family in (4, 6):
            kinds = families(forward, family)
            for number in range(count):
                address = backend_address(forward, kinds[number % len(kinds)], number + (8 if family == 6 else 0))
                events.append({"type": "neighbour", "address": address, "port": "net1", "mac": f"02:00:00:01:{len(events):02x}:01"})
    for family in (4, 6):
        for address in CLIENTS[family]:
            events.append({"type": "neighbour", "address": address, "port": "net0", "mac": f"02:00:00:02:{len(events):02x}:01"})
    return events
