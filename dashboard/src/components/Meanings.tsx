// What the figures mean, in one place, so that every page says the same.
import type { Latency } from "../api";

export const FLOWS = <p>Connections (TCP) or exchanges (UDP) opened a second, by the counters of every node together.</p>;

export const FAILURES = (
  <>
    <p>Flows that ended badly, of all that ended: reset by the server, no answer to the SYN, ICMP unreachable, no backend, or shed.</p>
    <p>A reset by the client isn’t counted as a failure.</p>
  </>
);

export const CONNECT = (
  <>
    <p>How long opening a connection takes, in the quantile named: 95 of 100 flows take at most p95.</p>
    <p>
      <b>synack</b> (NAT): from the client’s SYN to the backend’s SYN-ACK, as they pass shunt: the backend and the way to it.
    </p>
    <p>
      <b>ack</b> (DSR): from the client’s SYN to the client’s ACK, as replies don’t pass shunt: the client’s way is in it too. Don’t compare one with the other.
    </p>
  </>
);

export const RESPONSE = (
  <>
    <p>How long the first answer takes. NAT: from the client’s first payload to the backend’s.</p>
    <p>DSR: the pause between a client’s batches, seen in band; it includes the way to the client.</p>
  </>
);

export const ACTIVE = (
  <>
    <p>Flows that are open now. A draining backend’s go down to 0.</p>
    <p>UDP has no connections: only conversations of more than one datagram count. A dash: there is none.</p>
  </>
);

export const BYTES = <p>Bytes through shunt in both directions, as bits a second. Of DSR services only what clients send passes shunt.</p>;

export const BURN = (
  <>
    <p>How fast the error budget is being used. 1×: it lasts exactly its period. 10×: a tenth of the period.</p>
    <p>The budget is what the objective leaves: 99.9 % leaves one failure in 1,000 flows.</p>
  </>
);

export const AVAILABILITY = <p>Flows that didn’t fail, of all that ended in the time shown. Cut, not rounded.</p>;

// "SYN to SYN-ACK": how these times were measured.
export function methodWords(method: Latency["connect_method"], value: number | null): string {
  if (method === "synack") return "SYN to SYN-ACK";
  if (method === "ack") return "SYN to client’s ACK";
  return value === null ? "no watched flow" : "both methods mixed";
}
