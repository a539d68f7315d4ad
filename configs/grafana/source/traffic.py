"""Traffic analysis: amount, ends of flows, error budget, retries, durations."""

from panels import dashboard, graph, heatmap, row, stat

S = 'instance=~"$instance", service=~"$service"'
ERRORS = 'reason=~"reset_by_server|syn_timeout|icmp_unreachable|no_backend|shed"'


def make():
    return dashboard("shunt-traffic", "shunt / Traffic analysis", "What clients do and meet: flows, bytes, errors, the error budget, retries, durations.", ["instance", "service"], [
        stat("New flows", "A second.", "ops", f"sum(service:shunt_flows:rate5m{{{S}}})"),
        stat("Bits", "A second, whole frames.", "bps", f"sum(service:shunt_bytes:rate5m{{{S}}}) * 8"),
        stat("Bytes a packet", "Average frame.", "bytes", f"sum(rate(shunt_bytes_total{{{S}}}[5m])) / sum(rate(shunt_packets_total{{{S}}}[5m]))"),
        stat("Errors", "Largest share of errors among ended flows of a service, 5 min; 5 % is an alert.", "percentunit", f"max(service:shunt_flow_errors:ratio_rate5m{{{S}}} >= 0)", bad=0.05),
        stat("Budget left, 30 d", "Of 0.1 % that may fail: the service with the least left over the last 30 days (or since there is data).", "percentunit", f"""
             min(1 - (sum by (service) (increase(shunt_flow_failures_total{{{S}, {ERRORS}}}[30d]))
               / (sum by (service) (increase(shunt_flows_closed_total{{{S}}}[30d])) + sum by (service) (increase(shunt_flow_failures_total{{{S}}}[30d])))) / 0.001)""", width=4, good=0),
        stat("Attempts for each connection", "1 is good; 1.5 is an alert.", "none", f"max(service:shunt_retry_amplification:ratio_rate5m{{{S}}})", width=4, bad=1.5),
        stat("Handshake, p99", "The slowest service and method.", "s", f"max(service_method:shunt_connect_duration_seconds:p99_5m{{{S}}} >= 0)", width=4),
        row("Amount"),
        graph("New flows", "A second.", "ops", (f"sum by (service) (service:shunt_flows:rate5m{{{S}}})", "{{service}}"), stack=True),
        graph("Bits", "Towards backends, and back where replies pass shunt.", "bps", (f"sum by (service, direction) (service:shunt_bytes:rate5m{{{S}}}) * 8", "{{service}} {{direction}}")),
        graph("Beside yesterday", "New flows now and a day ago.", "ops", (f"sum(service:shunt_flows:rate5m{{{S}}})", "now"),
              (f"sum(service:shunt_flows:rate5m{{{S}}} offset 1d) or vector(0)", "a day ago")),
        row("How flows end"),
        graph("Ended well", "By FIN; UDP: fell silent.", "ops", (f"sum by (service) (rate(shunt_flows_closed_total{{{S}}}[$__rate_interval]))", "{{service}}"), stack=True),
        graph("Failed, by reason", "`reset_by_client` is often just how a client closes; `idle_timeout`: silent for the service's `established` time.", "ops",
              (f"sum by (reason) (rate(shunt_flow_failures_total{{{S}}}[$__rate_interval]))", "{{reason}}"), stack=True),
        graph("Share of errors", "Of ended flows, by window. The objective is 0.1 %.", "percentunit",
              (f"service:shunt_flow_errors:ratio_rate5m{{{S}}}", "{{service}} 5 min"), (f"service:shunt_flow_errors:ratio_rate1h{{{S}}}", "{{service}} 1 h"), threshold=0.001),
        row("Error budget"),
        graph("Burn rate", "How many times faster than allowed the budget goes; 14.4 in an hour and now is an alert.", "none",
              (f"service:shunt_flow_errors:ratio_rate1h{{{S}}} / 0.001", "{{service}} 1 h"), (f"service:shunt_flow_errors:ratio_rate5m{{{S}}} / 0.001", "{{service}} 5 min"),
              threshold=14.4, width=12),
        graph("Refused", "Flows that got no backend, a second.", "ops",
              (f'sum by (service, reason) (rate(shunt_flow_failures_total{{{S}, reason=~"no_backend|shed"}}[$__rate_interval]))', "{{service}} {{reason}}"), width=12),
        row("Retries"),
        graph("Attempts for each connection", "SYNs that came again and connections tried anew within 10 s of a failure. Alert at 1.5.", "none",
              (f"service:shunt_retry_amplification:ratio_rate5m{{{S}}}", "{{service}}, {{instance}}"), threshold=1.5),
        graph("Repeated", "SYNs of the same attempt, new attempts after a failure, data sent again (of watched flows), a second.", "ops",
              (f"sum(rate(shunt_syn_retransmits_total{{{S}}}[$__rate_interval]))", "SYNs"), (f"sum(rate(shunt_reconnects_total{{{S}}}[$__rate_interval]))", "connections"),
              (f"sum(rate(shunt_data_retransmits_total{{{S}}}[$__rate_interval]))", "data")),
        graph("Length of chains, p95", "Attempts of a client in a row.", "none",
              (f"histogram_quantile(0.95, sum by (service, le) (rate(shunt_retry_chain_length_bucket{{{S}}}[5m])))", "{{service}}")),
        heatmap("Pauses before a SYN came again", "Kernels wait 1, 2, 4 … seconds.", "s",
                f'sum by (le) (rate(shunt_retry_gap_seconds_bucket{{{S}, kind="syn"}}[$__rate_interval]))'),
        heatmap("Pauses before a new attempt", "Programs wait as they please: what stands out here is theirs.", "s",
                f'sum by (le) (rate(shunt_retry_gap_seconds_bucket{{{S}, kind="reconnect"}}[$__rate_interval]))'),
        row("Durations"),
        graph("Handshake", "p95 and p99 by method; never compare two methods.", "s",
              (f"service_method:shunt_connect_duration_seconds:p95_5m{{{S}}}", "{{service}} p95 ({{method}})"),
              (f"service_method:shunt_connect_duration_seconds:p99_5m{{{S}}}", "{{service}} p99 ({{method}})"), threshold=0.2),
        graph("First byte", "p95 and p99 by method, of watched flows.", "s",
              (f"service_method:shunt_first_byte_duration_seconds:p95_5m{{{S}}}", "{{service}} p95 ({{method}})"),
              (f"service_method:shunt_first_byte_duration_seconds:p99_5m{{{S}}}", "{{service}} p99 ({{method}})"), threshold=0.2),
        graph("Flows, whole", "Median and p95 of watched flows.", "s",
              (f"histogram_quantile(0.5, sum by (service, le) (rate(shunt_flow_duration_seconds_bucket{{{S}}}[5m])))", "{{service}} median"),
              (f"histogram_quantile(0.95, sum by (service, le) (rate(shunt_flow_duration_seconds_bucket{{{S}}}[5m])))", "{{service}} p95")),
        heatmap("Handshakes", "How long they took, all services chosen above.", "s", f"sum by (le) (rate(shunt_connect_duration_seconds_bucket{{{S}}}[$__rate_interval]))"),
        heatmap("First bytes", "How long answers took, of watched flows.", "s", f"sum by (le) (rate(shunt_first_byte_duration_seconds_bucket{{{S}}}[$__rate_interval]))"),
    ])
