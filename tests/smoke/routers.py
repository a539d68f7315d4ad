"""BGP daemons and keepalived in the namespaces of a test: their configurations, and what their kernels were told."""

import json
import pathlib

import topology as net
from programs import ROOT, program

ROUTED_VIP = "198.51.100.10"
LB_AS, ROUTER_AS = 65001, 65000
MANAGEMENT = ("10.5.0.2", "10.5.0.1")  # shunt's, the router's


def start(bed, namespace, name, *argv):
    """Its output is evidence: folder/NAME.log."""
    with open(f"{bed.topology.folder}/{name}.log", "ab") as log:
        return bed.topology.start(namespace, argv, log)


def write(bed, name, text):
    path = pathlib.Path(bed.topology.folder, name)
    path.write_text(text, encoding="utf-8")
    return path


def start_bird(bed, namespace, name, text):
    """bird with this configuration; what stands in docs/routes.md is written so that it works here."""
    path = write(bed, f"{name}.conf", text)
    return start(bed, namespace, name, "bird", "-f", "-c", path, "-s", f"{bed.topology.folder}/{name}.ctl")


def add_management(bed):
    """A wire between the two that isn't shuntd's: a session over shunt0 ends with shuntd, and nothing can be withdrawn by it."""
    lb, router = bed.topology.lb, bed.topology.router.namespace
    lb.ip(f"link add dev mgmt type veth peer name mgmt netns {router.name}", f"address add {MANAGEMENT[0]}/30 dev mgmt",
          "link set dev mgmt up")
    router.ip(f"address add {MANAGEMENT[1]}/30 dev mgmt", "link set dev mgmt up")


def start_upstream(bed, ends=(net.NODE, net.ROUTER)):
    """The second router: it has what it hears by BGP in its kernel's table. `ends` of the session: shunt's, the router's."""
    return start_bird(bed, bed.topology.router.namespace, "router", f"""
        router id {net.ROUTER};
        protocol device {{ }}
        protocol direct {{ ipv4; interface "eth0"; }}
        protocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; }}
        protocol bgp shunt {{
          local {ends[1]} as {ROUTER_AS};
          neighbor {ends[0]} as {LB_AS};
          connect delay time 1; connect retry time 1; error wait time 1, 1;
          ipv4 {{ import all; export none; gateway recursive; }};
        }}
        """)


def start_announcing_bird(bed, ends=(net.NODE, net.ROUTER)):
    """docs/routes.md's."""
    return start_bird(bed, bed.topology.lb, "bird", f"""
        router id {net.NODE};
        protocol device {{ }}
        protocol kernel {{
          learn;
          ipv4 {{ import where krt_source = 90; export none; }};
        }}
        protocol bgp upstream {{
          local {ends[0]} as {LB_AS};
          neighbor {ends[1]} as {ROUTER_AS};
          connect delay time 1; connect retry time 1; error wait time 1, 1;
          ipv4 {{
            import none;
            export filter {{ if source != RTS_INHERIT then reject; bgp_med = krt_metric; accept; }};
            next hop self; next hop address {net.NODE};
          }};
        }}
        """)


def start_exabgp(bed, ends):
    path = write(bed, "exabgp.conf", f"""
        process shunt {{
          run {program("shuntctl")} --api unix:{bed.daemon.socket} exabgp;
          encoder text;
        }}
        neighbor {ends[1]} {{
          router-id {net.NODE};
          local-address {ends[0]};
          local-as {LB_AS};
          peer-as {ROUTER_AS};
          family {{ ipv4 unicast; }}
          api {{ processes [ shunt ]; }}
        }}
        """)
    return start(bed, bed.topology.lb, "exabgp", "env", "exabgp.daemon.user=root", "exabgp.daemon.drop=false",
                 "exabgp.cli.pipe=", "exabgp.api.respawn=false", "exabgp", path)


def heard(bed, vip=ROUTED_VIP):
    """The router's route to a VIP, by BGP: {"gateway": …, "metric": …}; None where it has none."""
    rows = json.loads(bed.topology.router.namespace.run("ip", "-j", "route", "show", vip, "proto", "bird") or "[]")
    return rows[0] if rows else None


def med(bed, vip=ROUTED_VIP):
    """What MED the router heard; None: no route."""
    text = bed.topology.router.namespace.run("birdc", "-s", f"{bed.topology.folder}/router.ctl", "show", "route", "all", "for", vip)
    found = [line.split()[-1] for line in text.splitlines() if "BGP.med:" in line]
    return int(found[0]) if found else None


def start_keepalived(bed, shunt, priority):
    """The example of configs/ with this shunt's paths. `shunt`: a Daemon."""
    folder = shunt.folder
    script = write_hook(shunt)
    text = (ROOT / "configs/keepalived/keepalived.conf").read_text(encoding="utf-8")
    text = text.replace("/usr/local/lib/shunt/shunt-vrrp", script).replace("priority 100", f"priority {priority}")
    path = pathlib.Path(folder, "keepalived.conf")
    path.write_text(text, encoding="utf-8")
    with open(f"{folder}/keepalived.log", "ab") as log:
        return bed.topology.start(shunt.topology.lb, [
            "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file", path,
            "--pid", f"{folder}/keepalived.pid", "--vrrp_pid", f"{folder}/vrrp.pid"], log)


def write_hook(shunt):
    """configs/keepalived/shunt-vrrp in an environment of its own: keepalived gives its scripts none."""
    hook = pathlib.Path(shunt.folder, "shunt-vrrp")
    hook.write_text(f"""#!/bin/sh
export PATH="{pathlib.Path(program("shuntctl")).parent}:$PATH" SHUNT_API="unix:{shunt.socket}"
export SHUNT_VRRP_STATE="{shunt.folder}/vrrp.state"
exec {ROOT}/configs/keepalived/shunt-vrrp "$@"
""", encoding="utf-8")
    hook.chmod(0o755)
    return str(hook)
