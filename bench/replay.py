"""What daemon_bench.py plays: a pcap file of 64-byte TCP packets of so many flows, and the configuration that takes them."""

import json
import struct

SERVICES, BACKENDS_PER_SERVICE = 100, 10
PORT_MAC, GATEWAY_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
BLOCK = 2048   # packets


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return bytes(int(part) for part in text.split("."))


def vip(service):
    return f"198.51.100.{service + 1}"


def frame(flow):
    """The ACK of one flow: 60 bytes, its pad included."""
    source = bytes([198, 18, flow >> 8 & 255, flow & 255])
    destination = address(vip(flow * 2654435761 % 2**32 * SERVICES >> 32))
    segment = struct.pack("!HHIIBBHHH", 1024 + (flow >> 16) + flow % 50000, 80, 1001, 1, 0x50, 0x10, 64240, 0, 0)
    covered = source + destination + struct.pack("!HH", 6, len(segment)) + segment
    segment = segment[:16] + struct.pack("!H", 0xFFFF ^ ones_sum(covered)) + segment[18:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, source, destination)
    header = header[:10] + struct.pack("!H", 0xFFFF ^ ones_sum(header)) + header[12:]
    return mac(PORT_MAC) + mac("02:00:00:00:0c:01") + b"\x08\0" + header + segment + bytes(6)


def write_pcap(path, flows):
    """Blocks of flows, each twice: a flow comes again before shuntd forgets that it saw it once. The number of packets."""
    order = [flow % flows for first in range(0, flows, BLOCK) for flow in 2 * list(range(first, first + BLOCK))]
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        frames = [frame(flow) for flow in range(flows)]
        for number, flow in enumerate(order):
            data = frames[flow]
            file.write(struct.pack("<IIII", number // 1000000, number % 1000000, len(data), len(data)) + data)
    return len(order)


def config(device, folder, cpu, connections):
    """TOML: the services of pipeline_bench, on one port that needs no kernel."""
    def text(value):
        return json.dumps(value)

    lines = ["[node]", 'name = "bench"', f"state_dir = {text(f'{folder}/state')}", f"runtime_dir = {text(f'{folder}/run')}",
             "[dataplane]", f"workers = [{cpu}]", 'idle = "spin"', f"connections = {connections}",
             "[api]", f"listen = [{text(f'unix:{folder}/run/api.sock')}]",
             "[[port]]", 'name = "net0"', f"device = {text(device)}", f"mac = {text(PORT_MAC)}",
             f"gateway_mac = {text(GATEWAY_MAC)}", 'encap_source = "192.0.2.10"']
    for service in range(SERVICES):
        lines += ["[[pool]]", f'name = "pool-{service}"']
        for backend in range(service * BACKENDS_PER_SERVICE, (service + 1) * BACKENDS_PER_SERVICE):
            lines += ["[[pool.backend]]", f'name = "backend-{backend}"',
                      f'address = "10.1.{backend // 250}.{backend % 250 + 1}"']
        lines += ["[[service]]", f'name = "service-{service}"', f'address = "{vip(service)}"', "port = 80", 'protocol = "tcp"',
                  f'pool = "pool-{service}"', 'forward = "ipip"', 'announce = "none"']
    return "\n".join(lines) + "\n"
