// How many flows are open, as far as there is such a thing. UDP has no connections: shunt remembers a conversation once it has had more
// than one datagram from its client, so a service whose clients ask once each (DNS) never has an open one.
import type { Frame, ServiceNow } from "../contract";

export const UDP_HINT = "UDP has no connections: only conversations of more than one datagram are open for a time, and there is none";

export const isUdp = (service: Pick<ServiceNow, "vips"> | undefined): boolean =>
  service !== undefined && service.vips.length > 0 && service.vips.every((vip) => vip.endsWith("/udp"));

export const udpServices = (f: Frame | null): ReadonlySet<string> => new Set((f?.services ?? []).filter(isUdp).map((s) => s.name));

// null: nothing to count.
export const openFlows = (active: number, udp: boolean): number | null => (udp && active === 0 ? null : active);
