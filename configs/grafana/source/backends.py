"""Backend performance: each backend beside its siblings, and its host."""

from panels import dashboard, graph, row, stat, states

P = 'instance=~"$instance", pool=~"$pool", backend=~"$backend"'
H = 'pool=~"$pool", backend=~"$backend"'
FAILED = "reset_by_server|syn_timeout|icmp_unreachable"


def make():
    return dashboard("shunt-backends", "shunt / Backend performance", "Backends beside their siblings: health, flows, latency, failures, and their hosts.",
                     ["instance", "pool", "backend"], [
        stat("Backends", "Backends in these pools.", "none", f"count(shunt_backend_up{{{P}}})"),
        stat("Down", "Backends that checks found down.", "none", f'sum(shunt_backend_state{{{P}, state="down"}})', bad=1),
        stat("Open flows", "Flows that are open now.", "short", f"sum(shunt_active_flows{{{P}}})"),
        stat("New flows", "Flows given to them, a second.", "ops", f"sum(service_backend:shunt_flows:rate5m{{{P}}})"),
        stat("Slowest handshake, p95", "The backend whose p95 is worst; 0.2 s is an alert.", "s",
             f"max(service_backend_method:shunt_connect_duration_seconds:p95_5m{{{P}}} > 0) or vector(0)", width=4, bad=0.2),
        stat("Worst error share", "The backend with the largest share of errors among its ended flows; 10 % is an alert.", "percentunit",
             f"max(service_backend:shunt_flow_errors:ratio_rate5m{{{P}}} >= 0)", width=4, bad=0.1),
        stat("Busiest CPU", "Of hosts with node_exporter; 80 % is an alert.", "percentunit", f"max(backend:node_cpu:ratio_rate5m{{{H}}})", width=4, bad=0.8),
        row("Health"),
        states("Up and down", "What health checks say. Open flows stay with a backend that is down.",
               (f"shunt_backend_up{{{P}}}", "{{pool}}/{{backend}} at {{instance}}"), width=12),
        graph("Checks that fail", "Failed health checks a second.", "ops",
              (f'sum by (instance, pool, backend) (rate(shunt_health_checks_total{{{P}, result="failed"}}[$__rate_interval]))', "{{pool}}/{{backend}}, {{instance}}"), width=6),
        graph("Time of a check", "Average of health checks; 0.5 s over a pool is an alert.", "s",
              (f"""sum by (instance, pool, backend) (rate(shunt_health_check_duration_seconds_sum{{{P}}}[$__rate_interval]))
                   / sum by (instance, pool, backend) (rate(shunt_health_check_duration_seconds_count{{{P}}}[$__rate_interval]))""",
               "{{pool}}/{{backend}}, {{instance}}"), width=6),
        row("Flows"),
        graph("New flows", "Given to each backend, a second.", "ops",
              (f"sum by (service, pool, backend) (service_backend:shunt_flows:rate5m{{{P}}})", "{{service}} → {{backend}}"), stack=True),
        graph("Open flows", "Open now.", "short", (f"sum by (pool, backend) (shunt_active_flows{{{P}}})", "{{pool}}/{{backend}}"), stack=True),
        graph("Bits", "Whole frames, both directions where replies pass shunt (nat).", "bps",
              (f"sum by (pool, backend, direction) (rate(shunt_bytes_total{{{P}}}[$__rate_interval])) * 8", "{{pool}}/{{backend}} {{direction}}")),
        row("Latency"),
        graph("Handshake, p95", "By method: `synack` is the backend's own, `ack` has the client's way in it. Alert at 0.2 s.", "s",
              (f"service_backend_method:shunt_connect_duration_seconds:p95_5m{{{P}}}", "{{service}} → {{backend}} ({{method}})"), threshold=0.2),
        graph("Handshake, median", "One that is three times its siblings' is an alert.", "s",
              (f"service_backend_method:shunt_connect_duration_seconds:p50_5m{{{P}}}", "{{service}} → {{backend}} ({{method}})")),
        graph("First byte, p95", "From a question to its answer (`ttfb`: nat), or estimated (`inband`); of watched flows.", "s",
              (f"""histogram_quantile(0.95, sum by (service, pool, backend, method, le) (rate(shunt_first_byte_duration_seconds_bucket{{{P}}}[5m])))""",
               "{{service}} → {{backend}} ({{method}})"), threshold=0.2),
        row("Failures"),
        graph("Errors", "Share of ended flows that were reset by the server, got no handshake, or were unreachable. Alert at 10 %.", "percentunit",
              (f"service_backend:shunt_flow_errors:ratio_rate5m{{{P}}}", "{{service}} → {{backend}}"), threshold=0.1),
        graph("Failures by reason", "A second.", "ops",
              (f'sum by (pool, backend, reason) (rate(shunt_flow_failures_total{{{P}, reason=~"{FAILED}"}}[$__rate_interval]))', "{{pool}}/{{backend}} {{reason}}")),
        graph("SYNs repeated", "For each flow; a good network has far less than 1 %. Alert at 5 %.", "percentunit",
              (f"service_backend:shunt_syn_retransmits:ratio_rate5m{{{P}}}", "{{service}} → {{backend}}"), threshold=0.05),
        row("Hosts (node_exporter)"),
        graph("CPU", "Busy, waiting for disks not counted. Alert at 80 %.", "percentunit",
              (f"backend:node_cpu:ratio_rate5m{{{H}}}", "{{pool}}/{{backend}}"), maximum=1, threshold=0.8, width=6),
        graph("Memory", "Used, by what the kernel could still give. Alert at 90 %.", "percentunit",
              (f"backend:node_memory:ratio{{{H}}}", "{{pool}}/{{backend}}"), maximum=1, threshold=0.9, width=6),
        graph("Disks", "Used, by mountpoint. Alert at 85 %.", "percentunit",
              (f"backend_mountpoint:node_filesystem:ratio{{{H}}}", "{{pool}}/{{backend}} {{mountpoint}}"), maximum=1, threshold=0.85, width=6),
        graph("Connections not accepted", "The program's accept queue was full: ListenOverflows a second.", "ops",
              (f"rate(node_netstat_TcpExt_ListenOverflows{{{H}}}[$__rate_interval])", "{{pool}}/{{backend}}"), width=6),
        graph("Network of the hosts", "Bits received and sent, all devices but lo.", "bps",
              (f'sum by (pool, backend) (rate(node_network_receive_bytes_total{{{H}, device!="lo"}}[$__rate_interval])) * 8', "{{pool}}/{{backend}} received"),
              (f'sum by (pool, backend) (rate(node_network_transmit_bytes_total{{{H}, device!="lo"}}[$__rate_interval])) * 8', "{{pool}}/{{backend}} sent"), width=24),
    ])
