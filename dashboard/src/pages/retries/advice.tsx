// What the counts suggest, the gravest first: seen, usual cause, what to do.
import type { Retries, RetryNumbers } from "../../api";
import { Shape } from "../../components/State";
import { Empty } from "../../components/Told";
import { adviceFor, type RetryAdvice } from "../../lib/retry_advice";
import { backendPath, href } from "../../router";

const MOST = 6;
interface Item {
  advice: RetryAdvice;
  to: string;
}

function items(data: Retries): Item[] {
  const of = (subject: string, numbers: RetryNumbers, to: string): Item[] => adviceFor(subject, numbers).map((advice) => ({ advice, to }));
  const found = [
    ...data.services.flatMap((one) => of(one.name, one, href("/backends", { service: one.name }))),
    ...data.backends.flatMap((one) =>
      of(`${one.service}/${one.name}`, one, href(backendPath(one.service, one.pool, one.name), { service: "" })),
    ),
  ];
  return found.sort((a, b) => Number(b.advice.level === "act") - Number(a.advice.level === "act"));
}

export function Advice({ data, words }: { data: Retries; words: string }) {
  const all = items(data);
  if (data.totals.opened === 0) return <Empty icon="clock">No connection was opened in {words}.</Empty>;
  if (all.length === 0) return <Empty>Nothing stands out in {words}: few clients had to try again.</Empty>;
  return (
    <>
      <ul class="rt-advice">
        {all.slice(0, MOST).map((item) => (
          <Line key={`${item.advice.subject} ${item.advice.what}`} item={item} />
        ))}
      </ul>
      {all.length > MOST && (
        <details class="rt-more">
          <summary>{`${all.length - MOST} more`}</summary>
          <ul class="rt-advice">
            {all.slice(MOST).map((item) => (
              <Line key={`${item.advice.subject} ${item.advice.what}`} item={item} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Line({ item: { advice, to } }: { item: Item }) {
  const act = advice.level === "act";
  return (
    <li>
      <Shape tone={act ? "fail" : "warn"} shape={act ? "cross" : "triangle"} />
      <div>
        <p>
          <a href={to}>
            <b>{advice.subject}</b>
          </a>{" "}
          · {advice.what}
        </p>
        <p class="muted">{advice.why}</p>
        <p>{advice.todo}</p>
      </div>
    </li>
  );
}
