// The kinds of retries, each with its count, its share of connections, and what it means.
import type { ComponentChildren } from "preact";
import type { RetryNumbers } from "../../api";
import { count, digits, plural, ratio } from "../../format";
import { limits, retryLevel, retryShares, type RetryLevel } from "../../lib/retry_advice";

const toneOf = (level: RetryLevel): string => (level === "calm" ? "" : level === "look" ? "c-warn" : "c-fail");

interface KindProps {
  name: string;
  figure: string;
  beneath: string;
  level: RetryLevel;
  children: ComponentChildren;
}

function Kind({ name, figure, beneath, level, children }: KindProps) {
  return (
    <article class="card rt-kind">
      <h2>{name}</h2>
      <p class={`figure ${toneOf(level)}`}>{figure}</p>
      <p class="beneath">{beneath}</p>
      <p class="small rt-words">{children}</p>
    </article>
  );
}

export function Kinds({ totals, words }: { totals: RetryNumbers; words: string }) {
  const shares = retryShares(totals);
  const times = totals.amplification;
  const storm: RetryLevel = times === null || times < limits.amplification ? "calm" : times >= limits.storm ? "act" : "look";
  return (
    <div class="cards rt-kinds">
      <Kind
        name="SYN sent again"
        figure={count(totals.syn_retransmits)}
        level={retryLevel("syn", shares.syn)}
        beneath={totals.opened === 0 ? "no connection was opened" : `${ratio(shares.syn)} of ${plural(totals.opened, "connection")}`}
      >
        Nobody answered a client's first packet within a second, so its kernel sent it again: after 1, 3, 7 s. A full listen queue, a busy
        machine, or a lost packet.
      </Kind>
      <Kind
        name="Reconnects"
        figure={count(totals.reconnects)}
        level={retryLevel("reconnect", shares.reconnect)}
        beneath={totals.opened === 0 ? "no connection was opened" : `${ratio(shares.reconnect)} of connections`}
      >
        A connection failed (reset, no answer, refused), and the same client opened another one within 10 s: the program, or the person,
        tried again.
      </Kind>
      <Kind
        name="Data sent again"
        figure={count(totals.data_retransmits)}
        level={retryLevel("data", shares.data)}
        beneath={shares.data === null ? "no connection was opened" : `${digits(shares.data)} for each connection`}
      >
        Segments of data within connections that clients sent a second time: packets lost or late on the way. Counted for watched
        connections only.
      </Kind>
      <Kind
        name="Amplification"
        figure={times === null ? "–" : `× ${times.toFixed(times < 1.1 ? 3 : 2)}`}
        level={storm}
        beneath={`attempts for each connection wanted, ${words}`}
      >
        How much reconnects add to the load. × 1 is none; from × {limits.storm} on it is a retry storm: failures make load, and the load
        makes failures.
      </Kind>
    </div>
  );
}
