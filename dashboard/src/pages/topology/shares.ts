// Makes what clients send and what services get agree. Pure.
//
// Countries are counted over a longer time than services (the last minute against the last second). What is shown of a country
// is therefore its share of a service's clients, as a part of what the service has now.
import type { Topology } from "../../api";

type Link = Topology["links"][number];

const isCountry = (id: string): boolean => id.startsWith("country:");

function sums(links: readonly Link[], end: "from" | "to"): Map<string, number> {
  const by = new Map<string, number>();
  for (const l of links) by.set(l[end], (by.get(l[end]) ?? 0) + l.flows);
  return by;
}

// Of a country's links together; null where none is known.
function failing(links: readonly Link[]): number | null {
  const known = links.filter((l) => l.failure_ratio !== null);
  const flows = known.reduce((sum, l) => sum + l.flows, 0);
  if (flows <= 0) return known.length > 0 ? Math.max(...known.map((l) => l.failure_ratio ?? 0)) : null;
  return known.reduce((sum, l) => sum + l.flows * (l.failure_ratio ?? 0), 0) / flows;
}

export function shared(t: Topology): Topology {
  const counted = sums(t.links.filter((l) => isCountry(l.from)), "to");
  const have = new Map(t.nodes.map((n) => [n.id, n.flows]));
  const links = t.links.map((l) => {
    const total = counted.get(l.to) ?? 0;
    return isCountry(l.from) && total > 0 ? { ...l, flows: (l.flows / total) * (have.get(l.to) ?? 0) } : l;
  });
  const sent = sums(links, "from");
  const nodes = t.nodes.map((n) => (n.kind === "country" ? { ...n, flows: sent.get(n.id) ?? 0, failure_ratio: failing(links.filter((l) => l.from === n.id)) } : n));
  return { ...t, nodes, links };
}
