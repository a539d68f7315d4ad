// What counters of retries say, in words, and what to look at. Rules with their evidence, nothing learnt.
import type { RetryNumbers } from "../api";

export interface RetryShares {
  syn: number | null; // SYN retransmissions for each opened flow
  reconnect: number | null; // share of opened flows that are a client's second attempt
  data: number | null; // data retransmissions for each opened flow
}
export function retryShares(numbers: RetryNumbers): RetryShares {
  const per = (count: number): number | null => (numbers.opened > 0 ? count / numbers.opened : null);
  return { syn: per(numbers.syn_retransmits), reconnect: per(numbers.reconnects), data: per(numbers.data_retransmits) };
}

// Below these nothing is said. A loss of 1 % of SYNs is what the open Internet shows on a bad day; amplification 1.5 is
// where the alert RetryStorm stands, 1.1 where a look pays.
export const limits = { syn: 0.01, reconnect: 0.02, amplification: 1.1, storm: 1.5, data: 0.5, fewest: 50 };

export type RetryLevel = "calm" | "look" | "act";
export interface RetryAdvice {
  level: RetryLevel;
  subject: string; // "web", "web/web-1", "all services"
  what: string; // what the numbers show
  why: string; // what usually causes it
  todo: string; // what to look at and do
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

// Advice for one subject, the gravest first. Nothing for fewer than `limits.fewest` flows: they prove little.
export function adviceFor(subject: string, numbers: RetryNumbers): RetryAdvice[] {
  if (numbers.opened < limits.fewest) return [];
  const shares = retryShares(numbers);
  const advice: RetryAdvice[] = [];
  const amplification = numbers.amplification ?? 1;
  if (amplification >= limits.storm) {
    advice.push({
      level: "act",
      subject,
      what: `Clients make ${amplification.toFixed(2)} attempts for each connection they want.`,
      why: "Failed clients come back at once and add to the load that made them fail: a retry storm.",
      todo: "Take failing backends out (drain), then add capacity or lower the load; look at the clients' back-off.",
    });
  } else if (amplification >= limits.amplification) {
    advice.push({
      level: "look",
      subject,
      what: `${percent(shares.reconnect ?? 0)} of connections are a second attempt within 10 s of a failure.`,
      why: "Some connections fail and their clients try again; most of them succeed then.",
      todo: "Look at failures by outcome for the backends below: resets point to the program, time-outs to the machine or the network.",
    });
  }
  if ((shares.syn ?? 0) >= limits.syn) {
    advice.push({
      level: (shares.syn ?? 0) >= 0.05 ? "act" : "look",
      subject,
      what: `${percent(shares.syn ?? 0)} as many SYNs were sent again as connections were opened.`,
      why: "A first SYN got no answer within a second: a full listen queue, a machine that is too busy, or packets lost on the way.",
      todo: "On the backend: nstat TcpExtListenOverflows and ss -ltn (queues). If all backends show it, look at the network and at shunt's drops.",
    });
  }
  if ((shares.data ?? 0) >= limits.data) {
    advice.push({
      level: "look",
      subject,
      what: `${(shares.data ?? 0).toFixed(1)} segments of data are sent again for each connection.`,
      why: "Packets are lost or late between clients and backends while connections are open.",
      todo: "Compare backends: one alone points to its link; all together to a shared link or to clients far away.",
    });
  }
  return advice;
}

// How much a share stands out, for bars and colours; null: not known.
export function retryLevel(kind: "syn" | "reconnect" | "data", share: number | null): RetryLevel {
  if (share === null || share < limits[kind]) return "calm";
  return share >= limits[kind] * 5 ? "act" : "look";
}
