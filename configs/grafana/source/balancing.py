"""Load-balancer analytics: who is chosen, how evenly, and how flows are remembered."""

from panels import dashboard, graph, row, stat, states, table

I = 'instance=~"$instance"'
S = 'instance=~"$instance", service=~"$service"'


def make():
    return dashboard("shunt-balancing", "shunt / Load-balancer analytics", "Choice of backends: evenness, weights, panic, the tables, discovery.", ["instance", "service"], [
        stat("Services", "Services of these shunts.", "none", f"count(shunt_service_fit{{{S}}})"),
        stat("Announced", "Services with enough backends up to be announced.", "percentunit", f"avg(shunt_service_fit{{{S}}})", good=1),
        stat("In panic", "Services whose new flows go to all of a pool because too many are down.", "none", f"sum(shunt_pool_panic{{{S}}})", bad=1),
        stat("Imbalance", "The busiest backend's share by weight beside the mean; 1.5 is an alert.", "none", f"""
             max(max by (instance, service, pool) (service_backend:shunt_flows_by_weight:rate5m{{{S}}})
               / avg by (instance, service, pool) (service_backend:shunt_flows_by_weight:rate5m{{{S}}} >= 0) >= 0)""", bad=1.5),
        stat("Known flows", "Share of packets whose flow the connection table knew.", "percentunit",
             f'sum(rate(shunt_flow_lookup_total{{{I}, result="hit"}}[$__rate_interval])) / sum(rate(shunt_flow_lookup_total{{{I}}}[$__rate_interval]))'),
        stat("Table in use", "The fullest connection table; 90 % is an alert.", "percentunit", f"max(shunt_flow_table_entries{{{I}}} / shunt_flow_table_capacity{{{I}}})", bad=0.9),
        stat("Generation", "Of the published configuration; it grows with each change, health included.", "none", f"max(shunt_table_generation{{{I}}})"),
        stat("Turned away", "Flows a second that got no backend.", "ops",
             f'sum(rate(shunt_flow_failures_total{{{S}, reason=~"no_backend|shed"}}[$__rate_interval]))', bad=0.1),
        row("Evenness"),
        graph("New flows by weight", "A second, for each unit of weight: lines that lie together are an even spread. Only backends that take all they are given.", "ops",
              (f"service_backend:shunt_flows_by_weight:rate5m{{{S}}}", "{{service}} → {{backend}}"), width=12),
        graph("Busiest beside the mean", "1 is even. Alert at 1.5, where there are flows enough that chance doesn't do it.", "none",
              (f"""max by (instance, service, pool) (service_backend:shunt_flows_by_weight:rate5m{{{S}}})
                   / avg by (instance, service, pool) (service_backend:shunt_flows_by_weight:rate5m{{{S}}})""", "{{service}} → {{pool}}, {{instance}}"), width=12, threshold=1.5),
        table("Backends: weight, slots, what they take", "Configured weight; share of the pool's slots; share of these slots' new flows that is taken (drain and slow start lower it).", "none",
              (f"max by (pool, backend) (shunt_backend_weight{{{I}}})", ""), (f"max by (pool, backend) (shunt_backend_slots_ratio{{{I}}})", ""),
              (f"max by (pool, backend) (shunt_backend_accept_ratio{{{I}}})", ""), width=12),
        graph("Share of new flows taken", "1 for a backend in full service.", "percentunit",
              (f"min by (pool, backend) (shunt_backend_accept_ratio{{{I}}})", "{{pool}}/{{backend}}"), maximum=1, width=12),
        row("Availability"),
        states("Panic", "Too many down: new flows go to all of the pool.", (f"1 - shunt_pool_panic{{{S}}}", "{{service}} → {{pool}}, {{instance}}"), width=12, texts=("panic", "calm")),
        graph("Backends up", "Of each service.", "none", (f"shunt_service_backends_up{{{S}}}", "{{service}}, {{instance}}"), width=12),
        row("Remembering flows"),
        graph("Packets by where their flow was found", "`hit`: connection table; `probation`: a flow's second packet; `miss`: a new flow, or one that nobody knows.", "pps",
              (f"sum by (result) (rate(shunt_flow_lookup_total{{{I}}}[$__rate_interval]))", "{{result}}"), stack=True),
        graph("Flows in the tables", "`opened` in probation, `tracked` from the second packet on; `untracked`: the table was full; `forgotten` by probation while alive; opened in `panic`.", "ops",
              (f"sum by (event) (rate(shunt_flow_events_total{{{S}}}[$__rate_interval]))", "{{event}}")),
        graph("Tables in use", "Alert at 90 %.", "percentunit",
              (f"max by (instance) (shunt_flow_table_entries{{{I}}} / shunt_flow_table_capacity{{{I}}})", "connections, {{instance}}"),
              (f"max by (instance) (shunt_probation_entries{{{I}}} / shunt_probation_capacity{{{I}}})", "probation, {{instance}}"), maximum=1, threshold=0.9),
        row("Where backends come from"),
        graph("Discovered backends", "That the pool may use.", "none", (f"shunt_discovery_backends{{{I}}}", "{{pool}}, {{instance}}")),
        graph("State of discovery", "1 for the state that it is in: `fresh` is good; `stale` and `held` are alerts.", "none",
              (f"max by (pool, state) (shunt_discovery_state{{{I}}})", "{{pool}} {{state}}"), maximum=1),
        graph("Answer's age", "Since the source answered last.", "s", (f"time() - shunt_discovery_last_answer_timestamp_seconds{{{I}}}", "{{pool}}, {{instance}}")),
        graph("What sources say", "Tries to ask them, by result; `held` answers take away too much and aren't followed.", "ops",
              (f"sum by (pool, result) (rate(shunt_discovery_answers_total{{{I}}}[$__rate_interval]))", "{{pool}} {{result}}"), width=12),
        graph("Changes and unusable entries", "How often a pool's backends changed; entries of the last answer that are left out.", "none",
              (f"sum by (pool) (increase(shunt_discovery_changes_total{{{I}}}[$__rate_interval]))", "{{pool}} changes"),
              (f"sum by (pool, why) (shunt_discovery_unusable_entries{{{I}}})", "{{pool}} {{why}}"), width=12),
        row("Changes"),
        graph("Changes of configuration", "Generations published: reloads, edits, health, discovery.", "none",
              (f"increase(shunt_table_generation{{{I}}}[$__rate_interval])", "{{instance}}"), width=12),
        graph("Health checks", "Finished a second, by result.", "ops",
              (f"sum by (result) (rate(shunt_health_checks_total{{{I}}}[$__rate_interval]))", "{{result}}"), width=12),
    ])
