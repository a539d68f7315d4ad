"""System: shuntd itself (workers, stages, tables, reloads) and what watches it."""

from panels import dashboard, graph, row, stat, states, table

I = 'instance=~"$instance"'


def make():
    return dashboard("shunt-system", "shunt / System", "shuntd itself: workers, stages, records; and Prometheus and Alertmanager.", ["instance"], [
        stat("Up for", "Since the youngest start.", "s", f"time() - max(shunt_start_time_seconds{{{I}}})"),
        stat("Ready", "All of them.", "percentunit", f"avg(shunt_ready{{{I}}})", good=1),
        stat("Last reload", "1: accepted, at all of them.", "none", f"min(shunt_config_last_reload_successful{{{I}}})", good=1),
        stat("Busiest worker", "Share of its time spent on packets; 90 % is an alert.", "percentunit", f"max(shunt_lcore_busy_ratio{{{I}}})", bad=0.9),
        stat("A packet costs", "Nanoseconds in all stages, of the bursts that were measured.", "ns", f"""
             sum(rate(shunt_worker_stage_ticks_total{{{I}}}[5m])) / sum(rate(shunt_worker_stage_packets_total{{{I}, stage="receive"}}[5m]))
               / scalar(avg(shunt_tsc_hz{{{I}}})) * 1e9""", width=4),
        stat("Unaccounted packets", "received + originated − sent − punted − in flight − dropped. Under traffic off by a burst.", "none", f"""
             max(abs(sum by (instance) (shunt_packets_received_total{{{I}}} + shunt_packets_originated_total{{{I}}} - shunt_packets_sent_total{{{I}}}
               - shunt_packets_punted_total{{{I}}} - shunt_packets_in_flight{{{I}}}) - sum by (instance) (shunt_drops_total{{{I}}})))""", width=4, bad=1000),
        stat("Series cut", "Left out of /metrics since the start.", "none", f"sum(shunt_series_dropped_total{{{I}}})", width=4, bad=1),
        table("Versions", "Of shuntd and DPDK.", "none", (f"sum by (instance, version, dpdk) (shunt_build_info{{{I}}})", ""), width=12, height=6),
        states("Answers Prometheus", "Whether /metrics was read.", ('up{job=~"shunt|insight|backend|prometheus|alertmanager"}', "{{job}} {{instance}}"), width=12),
        row("Workers"),
        graph("Busy", "Share of the last second spent on packets; polling without any isn't counted. Alert at 90 %.", "percentunit",
              (f"shunt_lcore_busy_ratio{{{I}}}", "CPU {{lcore}}, {{instance}}"), maximum=1, threshold=0.9),
        graph("Packets", "Received by each worker.", "pps", (f"rate(shunt_worker_packets_total{{{I}}}[$__rate_interval])", "worker {{worker}}, {{instance}}")),
        graph("Bits", "Received by each worker.", "bps", (f"rate(shunt_worker_bytes_total{{{I}}}[$__rate_interval]) * 8", "worker {{worker}}, {{instance}}")),
        graph("Time a packet", "By what the loop was busy, all packets.", "s",
              (f"rate(shunt_worker_busy_seconds_total{{{I}}}[$__rate_interval]) / rate(shunt_worker_packets_total{{{I}}}[$__rate_interval])", "worker {{worker}}, {{instance}}")),
        graph("Packets in a burst", "One receive call brings so many; 64 at the most. Near that: a backlog.", "none",
              (f"rate(shunt_worker_packets_total{{{I}}}[$__rate_interval]) / rate(shunt_worker_bursts_total{{{I}}}[$__rate_interval])", "worker {{worker}}, {{instance}}")),
        graph("Turns of the loop", "With `idle = \"sleep\"` few where there is nothing to do.", "ops", (f"rate(shunt_worker_loops_total{{{I}}}[$__rate_interval])", "worker {{worker}}, {{instance}}")),
        graph("Ticks a packet, by stage", "For each packet that the stage was given, of the bursts that were measured.", "none",
              (f"sum by (stage) (rate(shunt_worker_stage_ticks_total{{{I}}}[5m])) / sum by (stage) (rate(shunt_worker_stage_packets_total{{{I}}}[5m]))", "{{stage}}"), width=12),
        graph("Packets in flight", "In buffers and rings.", "none", (f"shunt_packets_in_flight{{{I}}}", "{{instance}}"), width=12),
        row("Tables"),
        graph("Connections", "Entries in each worker's table.", "short", (f"shunt_flow_table_entries{{{I}}}", "worker {{worker}}, {{instance}}")),
        graph("Probation", "Flows of one packet so far.", "short", (f"shunt_probation_entries{{{I}}}", "worker {{worker}}, {{instance}}")),
        graph("Flow records", "Put into the ring for a reader; lost because it was full.", "ops",
              (f"sum by (instance) (rate(shunt_flow_records_total{{{I}}}[$__rate_interval]))", "written, {{instance}}"),
              (f"sum by (instance) (rate(shunt_flow_events_dropped_total{{{I}}}[$__rate_interval]))", "lost, {{instance}}")),
        graph("Watched flows", "Flows that were looked at packet by packet, and those that found no place.", "ops",
              (f"sum by (instance) (rate(shunt_flows_watched_total{{{I}}}[$__rate_interval]))", "watched, {{instance}}"),
              (f"sum by (instance) (rate(shunt_flows_unwatched_total{{{I}}}[$__rate_interval]))", "no place, {{instance}}"), width=12),
        graph("Flows that went on after all", "After a RST or FIN that its sender didn't mean.", "ops",
              (f"sum by (instance) (rate(shunt_flows_revived_total{{{I}}}[$__rate_interval]))", "{{instance}}"), width=12),
        row("Watching"),
        graph("Reading /metrics takes", "Prometheus' scrapes.", "s", ('max by (job) (scrape_duration_seconds{job=~"shunt|insight|backend"})', "{{job}}")),
        graph("Evaluating rules takes", "Each group's last evaluation.", "s", ("max by (rule_group) (prometheus_rule_group_last_duration_seconds)", "{{rule_group}}")),
        graph("Notifications", "Sent and failed, a second.", "ops", ("sum by (integration) (rate(alertmanager_notifications_total[5m])) > 0", "{{integration}} sent"),
              ("sum by (integration) (rate(alertmanager_notifications_failed_total[5m]))", "{{integration}} failed")),
    ])
