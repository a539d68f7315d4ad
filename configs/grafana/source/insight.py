"""shunt-insight: what it finds unusual, its warehouse, and itself."""

from panels import dashboard, graph, row, stat, states, table

I = 'instance=~"$insight"'


def make():
    return dashboard("shunt-insight", "shunt / Insight", "What shunt-insight finds unusual, whether its warehouse keeps up, and what it costs. Its own page shows more.", ["insight"], [
        stat("Up for", "Since the youngest start.", "s", f"time() - max(shunt_insight_start_time_seconds{{{I}}})"),
        stat("Nodes that answer", "Share of the shuntds that it watches.", "percentunit", f"avg(shunt_insight_node_up{{{I}}})", good=1),
        stat("Open anomalies", "Series and KPIs that are unusual now.", "none", f"count(shunt_anomaly_score{{{I}}}) or vector(0)"),
        stat("Critical", "Open anomalies that are critical; any is an alert.", "none", f'count(shunt_anomaly_score{{{I}, severity="critical"}}) or vector(0)', bad=1),
        stat("Built-in alerts", "That fire, of critical severity.", "none", f'sum(shunt_insight_alerts_firing{{{I}, severity="critical"}})', bad=1),
        stat("Warehouse", "1: all of them take rows.", "none", f"min(shunt_insight_warehouse_up{{{I}}})", good=1),
        stat("Rows that wait", "20,000 are an alert; the queue has room for 200,000.", "short", f"max(shunt_insight_rows_queued{{{I}}})", bad=20000),
        stat("Warehouse takes", "On disk.", "bytes", f"sum(shunt_insight_warehouse_bytes{{{I}}})"),
        row("What is unusual"),
        graph("Open anomalies", "The worst score of each series and KPI, of the last 5 minutes; 0 to 1.", "none",
              (f"max by (vip, backend, kpi) (max_over_time(shunt_anomaly_score{{{I}}}[5m]))", "{{kpi}} {{vip}} {{backend}}"), width=12, maximum=1),
        graph("New anomalies", "In 5 minutes, by severity; one that gets worse counts again.", "none",
              (f"sum by (severity) (increase(shunt_anomalies_total{{{I}}}[5m]))", "{{severity}}"), width=6),
        graph("Built-in alerts", "That fire, by severity.", "none", (f"sum by (severity) (shunt_insight_alerts_firing{{{I}}})", "{{severity}}"), width=6),
        states("Nodes", "Whether their API answers shunt-insight.", (f"min by (instance, node) (shunt_insight_node_up{{{I}}})", "{{node}}, {{instance}}"), width=8),
        table("Versions", "Of shunt-insight.", "none", (f"sum by (instance, version) (shunt_insight_build_info{{{I}}})", ""), width=8),
        graph("Watched", "Series that are rolled up, and detectors that have something to watch.", "short",
              (f"shunt_insight_series{{{I}}}", "series, {{instance}}"), (f"shunt_insight_detectors{{{I}}}", "detectors, {{instance}}"), width=8),
        row("Records and rows"),
        graph("Flow records", "Read from shuntds of the same host, and lost because they weren't read in time.", "ops",
              (f"rate(shunt_insight_records_total{{{I}}}[$__rate_interval])", "read, {{instance}}"),
              (f"rate(shunt_insight_records_lost_total{{{I}}}[$__rate_interval])", "lost, {{instance}}")),
        graph("Rows", "Taken by the warehouse.", "ops", (f"rate(shunt_insight_rows_written_total{{{I}}}[$__rate_interval])", "{{instance}}")),
        graph("Lost rows", "Dropped, by why; any is an alert.", "ops",
              (f"sum by (instance, reason) (rate(shunt_insight_rows_dropped_total{{{I}}}[5m]))", "{{reason}}, {{instance}}")),
        graph("Questions to the warehouse", "Asked by pages; failed: no answer, or not in time.", "ops",
              (f"rate(shunt_insight_queries_total{{{I}}}[$__rate_interval])", "asked, {{instance}}"),
              (f"rate(shunt_insight_queries_failed_total{{{I}}}[$__rate_interval])", "failed, {{instance}}"), width=12),
        graph("Viewers", "Pages that are told each second.", "none", (f"shunt_insight_viewers{{{I}}}", "{{instance}}"), width=12),
        row("Itself"),
        graph("CPU", "Of one core.", "percentunit", (f"shunt_insight_cpu_ratio{{{I}}}", "{{instance}}")),
        graph("Memory", "Resident.", "bytes", (f"shunt_insight_resident_bytes{{{I}}}", "{{instance}}")),
        graph("Lag of its loop", "How late work came, at most, in the last 10 s. Near a second: figures of a second are late.", "s",
              (f"shunt_insight_loop_lag_seconds{{{I}}}", "{{instance}}")),
    ])
