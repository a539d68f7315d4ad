// Flows that are open, or a dash that says why there are none to count.
import { NONE, number } from "../format";
import { UDP_HINT, openFlows } from "../lib/open_flows";

export function OpenFlows({ active, udp }: { active: number; udp: boolean }) {
  const open = openFlows(active, udp);
  return open === null ? <span title={UDP_HINT}>{NONE}</span> : <>{number(open)}</>;
}
