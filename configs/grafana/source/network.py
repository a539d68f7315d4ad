"""Network overview: is everything up, what comes and goes, what is lost."""

from panels import dashboard, graph, row, stat, states, table

I = 'instance=~"$instance"'


def make():
    return dashboard("shunt-network", "shunt / Network overview", "All shunts at a glance: who is up, packets in and out, drops.", ["instance"], [
        stat("Shunts", "Shunts that answer Prometheus.", "none", f'sum(up{{job="shunt", {I}}})', good=1),
        stat("Services down", "Services without any backend that is up.", "none", f"count(shunt_service_backends_up{{{I}}} == 0) or vector(0)", bad=1),
        stat("Backends up", "Backends whose checks say up (or that have none), seen by each shunt.", "percentunit",
             f"sum(shunt_backend_up{{{I}}}) / count(shunt_backend_up{{{I}}})", good=0.99),
        stat("Open flows", "Flows that are open, all services.", "short", f"sum(shunt_active_flows{{{I}}})"),
        stat("New flows", "Flows given to backends, a second.", "ops", f"sum(service:shunt_flows:rate5m{{{I}}})"),
        stat("Packets", "Packets received, a second.", "pps", f"sum(rate(shunt_packets_received_total{{{I}}}[$__rate_interval]))"),
        stat("Unwanted drops", "Share of received packets that was dropped and shouldn't have been; not what is answered, a scan or somebody else's.",
             "percentunit", f"max(instance:shunt_drops_unwanted:ratio_rate5m{{{I}}})", bad=0.01),
        stat("Alerts", "Alerts that fire now, the dead man's switch apart.", "none",
             'count(ALERTS{alertstate="firing", alertname!="ShuntWatchdog"}) or vector(0)', bad=1),
        row("Services"),
        states("Services announced", "A service is fit while enough of its backends are up for its address to be announced.",
               (f"shunt_service_fit{{{I}}}", "{{service}} at {{instance}}"), width=12, texts=("withdrawn", "fit")),
        table("Alerts that fire", "As Prometheus sees them; Alertmanager hides consequences behind their cause.", "none",
              ('sum by (severity, alertname, service, pool, backend) (ALERTS{alertstate="firing"})', ""), width=12),
        row("Packets"),
        graph("Packets in and out", "received + originated = sent + punted + dropped + in flight.", "pps",
              (f"sum(rate(shunt_packets_received_total{{{I}}}[$__rate_interval]))", "received"),
              (f"sum(rate(shunt_packets_sent_total{{{I}}}[$__rate_interval]))", "sent"),
              (f"sum(rate(shunt_packets_punted_total{{{I}}}[$__rate_interval]))", "to the kernel"),
              (f"sum(rate(shunt_packets_originated_total{{{I}}}[$__rate_interval]))", "made by shunt")),
        graph("Bits by port", "Whole frames, as workers counted them.", "bps",
              (f"sum by (instance, port, direction) (rate(shunt_port_bytes_total{{{I}}}[$__rate_interval])) * 8", "{{port}} {{direction}}, {{instance}}")),
        graph("Packets by port", "As the devices' drivers counted them.", "pps",
              (f"sum by (instance, port, direction) (rate(shunt_nic_packets_total{{{I}}}[$__rate_interval]))", "{{port}} {{direction}}, {{instance}}")),
        row("Lost"),
        graph("Drops by reason", "`arp`, `nd`, `echo` and `ttl` were answered. docs/packet_walk.md says what each means.", "pps",
              (f"sum by (reason) (reason:shunt_drops:rate5m{{{I}}}) > 0", "{{reason}}"), stack=True),
        graph("Unwanted drops", "Share of what is received; the alert is at 1 %.", "percentunit",
              (f"instance:shunt_drops_unwanted:ratio_rate5m{{{I}}}", "{{instance}}"), threshold=0.01),
        graph("Missed by the device", "Packets that came, and that no worker fetched in time.", "pps",
              (f"sum by (instance, port) (rate(shunt_nic_rx_missed_total{{{I}}}[$__rate_interval]))", "{{port}}, {{instance}}")),
        states("Links", "Whether the port's device has link.", (f"shunt_port_link_up{{{I}}}", "{{port}} at {{instance}}"), width=12),
        graph("Drivers beside workers", "What devices' drivers counted more than workers did, a second: 0 but for a burst.", "pps",
              (f"abs(rate(shunt_nic_packets_total{{{I}}}[$__rate_interval]) - rate(shunt_port_packets_total{{{I}}}[$__rate_interval]))", "packets, {{port}} {{direction}}, {{instance}}"),
              (f"abs(rate(shunt_nic_bytes_total{{{I}}}[$__rate_interval]) - rate(shunt_port_bytes_total{{{I}}}[$__rate_interval]))", "bytes, {{port}} {{direction}}, {{instance}}"), width=12),
    ])
