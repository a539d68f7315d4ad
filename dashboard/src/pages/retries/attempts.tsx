// Attempts by their place in a chain, on a logarithmic scale: most clients need one, the few others are what matters.
import type { Retries } from "../../api";
import { Empty } from "../../components/Told";
import { count, ratio } from "../../format";

export function Attempts({ attempts }: { attempts: Retries["attempts"] }) {
  const known = attempts.filter((one) => one.flows > 0);
  if (known.length === 0) return <Empty icon="clock">No flow records of this time: they say which attempt a flow was (see System).</Empty>;
  const most = Math.max(...known.map((one) => one.flows));
  // A count of 1 is still seen beside a million.
  const width = (flows: number): number => (flows <= 0 ? 0 : Math.max(0.02, Math.log10(flows + 1) / Math.log10(most + 1)));
  return (
    <table class="rt-attempts">
      <caption class="hidden-text">Connections by attempt, and how many of each failed</caption>
      <thead>
        <tr>
          <th scope="col">Attempt</th>
          <th scope="col">Connections (bar: logarithmic; red: share that failed)</th>
          <th scope="col" class="n">
            Failed
          </th>
        </tr>
      </thead>
      <tbody>
        {known.map((one) => {
          const failed = Math.min(1, one.failures / one.flows);
          return (
            <tr key={one.attempt}>
              <th scope="row">{one.attempt >= 16 ? "16 or more" : ordinal(one.attempt)}</th>
              <td>
                <span class="rt-bar" aria-hidden="true">
                  <i style={{ width: `${width(one.flows) * 100}%` }}>
                    <i style={{ width: `${failed * 100}%` }} />
                  </i>
                </span>
                {count(one.flows)}
              </td>
              <td class={`n ${failed > 0.2 ? "c-fail strong" : ""}`}>{ratio(failed)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const ordinal = (n: number): string => `${n}${n === 1 ? "st" : n === 2 ? "nd" : n === 3 ? "rd" : "th"}`;
