"""Configuration as values: a dict that tests edit, and the TOML that shuntd reads."""

import json
import os

import topology as net

def toml(table, path=""):
    """A TOML document: scalars first, then tables. A list of dicts is an array of tables, a dict in one an inline table."""
    lines, later = [], []
    for key, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            later += [(f"[[{path}{key}]]", item, f"{path}{key}.") for item in value]
        elif isinstance(value, dict) and not path:
            later.append((f"[{key}]", value, f"{key}."))
        elif value is not None:
            lines.append(f"{key} = {_toml_value(value)}")
    for header, item, below in later:
        lines += ["", header, toml(item, below)]
    return "\n".join(lines)


def _toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)  # strings, numbers, booleans and lists of them look the same in both


def backend_port(forward, port):
    """The port that a service's backends listen on; in nat another one, so that ports have to be translated."""
    return port + 8000 if forward == "nat" else port


def default_config(topology, services, weights, health):
    """One pool for each service, with every backend in it: nat services can't share a backend's address and port."""
    folder, forward = topology.folder, topology.forward
    port = {"name": "net0", "device": "tap:lb0", "host_interface": "shunt0", "encap_source": net.NODE_INSIDE,
            "addresses": [f"{net.NODE}/24", f"{net.NODE_INSIDE}/24"]}
    ports = [port]
    if topology.ipv6:
        port["addresses"] += [f"{net.NODE6}/64", f"{net.NODE_INSIDE6}/64"]
        port["encap_source6"] = net.NODE_INSIDE6
    if topology.split:
        outside, inside = port["addresses"][::2], port["addresses"][1::2]
        port["addresses"] = outside
        ports.append({**port, "name": "net1", "device": "tap:lb1", "host_interface": "shunt1", "addresses": inside})
    pools, entries = [], []
    for name, (protocol, number) in services.items():
        checks = health and {**health, "port": backend_port(forward, health["port"])}
        pools.append({"name": name, "slots": 65537, "health": checks,
                      "backend": [backend_entry(topology, backend, number, weight)
                                  for backend, weight in zip(topology.backends, weights)]})
        entries.append({"name": name, "address": topology.vip, "port": number, "protocol": protocol, "pool": name,
                        "forward": forward})
    return {"node": {"name": "lb1", "state_dir": f"{folder}/state", "runtime_dir": f"{folder}/run"},
            "dataplane": {"workers": [int(os.environ.get("SHUNT_SMOKE_CPU", os.cpu_count() - 1))], "memory": "ordinary", "idle": "sleep", "connections": 65536},
            "port": ports, "pool": pools, "service": entries,
            "api": {"listen": [f"unix:{folder}/run/api.sock", "127.0.0.1:8080"]}, "log": {"level": "debug"}}


def backend_entry(topology, backend, service_port, weight=1):
    entry = {"name": backend.name, "address": backend.address, "weight": weight}
    if topology.forward == "nat":
        entry["port"] = backend_port("nat", service_port)
    return entry
