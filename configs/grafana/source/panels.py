"""What Grafana dashboards are made of: variables, panels, rows, and where they stand (24 columns).

A panel asks with `$instance` (a shuntd), `$insight` (a shunt-insight), `$service`, `$pool`, `$backend` as regular expressions, so that `All` is `.*`.
"""

WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def variable(name, metric, label=None, **selectors):
    inside = ", ".join(f'{key}=~"{value}"' for key, value in selectors.items())
    query = f"label_values({metric}{{{inside}}}, {label or name})" if inside else f"label_values({metric}, {label or name})"
    return {"name": name, "type": "query", "datasource": DATASOURCE, "query": {"query": query, "refId": name}, "definition": query, "refresh": 2,
            "sort": 1, "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}


VARIABLES = {
    "datasource": {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus", "current": {}},
    "instance": variable("instance", "shunt_build_info"),
    "insight": variable("insight", "shunt_insight_build_info", "instance"),
    "service": variable("service", "shunt_flows_total", instance="$instance"),
    "pool": variable("pool", "shunt_backend_up", instance="$instance"),
    "backend": variable("backend", "shunt_backend_up", instance="$instance", pool="$pool"),
}


def targets(queries, form):
    """queries: (expression, legend) pairs."""
    made = []
    for number, (expression, legend) in enumerate(queries):
        target = {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": " ".join(expression.split()), "legendFormat": legend}
        made.append(target | ({"format": "table", "instant": True} if form == "table" else {"instant": True} if form == "instant" else {}))
    return made


def panel(kind, title, description, unit, queries, width=8, height=7, form="series", options=None, defaults=None, **more):
    field = {"defaults": {"unit": unit, "custom": {}, **(defaults or {})}, "overrides": []}
    return {"type": kind, "title": title, "description": description, "datasource": DATASOURCE, "targets": targets(queries, form),
            "fieldConfig": field, "options": options or {}, "gridPos": {"w": width, "h": height}, **more}


def graph(title, description, unit, *queries, width=8, stack=False, maximum=None, threshold=None):
    """Lines over time; `threshold` is where an alert begins."""
    custom = {"lineWidth": 1, "fillOpacity": 20 if stack else 5, "showPoints": "never", "stacking": {"mode": "normal" if stack else "none"}}
    defaults = {"custom": custom, "min": 0, **({"max": maximum} if maximum is not None else {})}
    if threshold is not None:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": "transparent", "value": None}, {"color": "red", "value": threshold}]}
    options = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, unit, queries, width=width, defaults=defaults, options=options)


def stat(title, description, unit, expression, width=3, good=None, bad=None):
    """One figure. `good` colours from there on green (red below), `bad` red (green below)."""
    steps = [{"color": "text", "value": None}]
    if good is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": good}]
    if bad is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": bad}]
    return panel("stat", title, description, unit, [(expression, "")], width=width, height=4, form="instant",
                 defaults={"thresholds": {"mode": "absolute", "steps": steps}},
                 options={"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"})


def states(title, description, *queries, width=24, texts=None):
    """Bars of states over time: 0 and 1 by name and colour."""
    down, up = texts or ("down", "up")
    mapping = {"type": "value", "options": {"0": {"text": down, "color": "red"}, "1": {"text": up, "color": "green"}}}
    return panel("state-timeline", title, description, "none", queries, width=width, height=8, defaults={"mappings": [mapping]},
                 options={"mergeValues": True, "showValue": "never", "legend": {"displayMode": "hidden", "showLegend": False}})


def table(title, description, unit, *queries, width=12, height=8):
    hidden = {"Time": True, "__name__": True, "job": True}
    return panel("table", title, description, unit, queries, width=width, height=height, form="table",
                 transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": {"excludeByName": hidden}}])


def heatmap(title, description, unit, expression, width=12):
    made = panel("heatmap", title, description, unit, [(expression, "{{le}}")], width=width,
                 options={"calculate": False, "yAxis": {"unit": unit}, "color": {"mode": "scheme", "scheme": "Spectral"}})
    made["targets"][0]["format"] = "heatmap"
    return made


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def placed(panels):
    """Left to right, a new line where one is full; ids from 1."""
    x = y = line = 0
    for number, made in enumerate(panels, 1):
        spot = made["gridPos"]
        if x + spot["w"] > WIDTH:
            x, y, line = 0, y + line, 0
        made["id"] = number
        made["gridPos"] = {"x": x, "y": y, "w": spot["w"], "h": spot["h"]}
        x, line = x + spot["w"], max(line, spot["h"])
    return panels


def dashboard(uid, title, description, variables, panels):
    links = [{"type": "dashboards", "title": "shunt", "tags": ["shunt"], "asDropdown": True, "includeVars": True, "keepTime": True}]
    return {"uid": uid, "title": title, "description": description, "tags": ["shunt"], "schemaVersion": 37, "version": 1, "editable": True,
            "timezone": "browser", "refresh": "15s", "time": {"from": "now-1h", "to": "now"}, "links": links, "annotations": {"list": []},
            "templating": {"list": [VARIABLES[name] for name in ("datasource", *variables)]}, "panels": placed(panels)}
