// One anomaly: why it was found, its chart with the band that was expected, and "this is expected" for an operator.
import { useState } from "preact/hooks";
import { send, type Anomaly, type ApiError } from "../../api";
import { AnomalyChart } from "../../components/AnomalyChart";
import { Subject, direction } from "../../components/AnomalyTable";
import { Icon } from "../../components/Icon";
import { Panel } from "../../components/Panel";
import { SeverityMark } from "../../components/State";
import { Empty, Failed, Skeleton } from "../../components/Told";
import { When } from "../../components/When";
import { dateTime, duration, ratio } from "../../format";
import { bandWords, kpiSeries, longestAgo, sentence } from "../../lib/kpi_series";
import { now } from "../../live";
import { useQuery } from "../../query";
import { href, setQuery } from "../../router";
import { operator } from "../../session";

// Detectors as people may call them; docs/detection.md says how each works.
const DETECTORS: Record<string, string> = {
  value: "beyond all that it has been",
  long_mean: "its mean is beyond all that it has been",
  departure: "farther from its level than ever",
  middle_mean: "its mean is beyond all that it has been",
  season: "unlike this time of day",
  level_shift: "a new level",
  variance: "louder or quieter than ever",
  robust_z: "far from its median",
  flatline: "it stopped moving",
  peer: "unlike its siblings",
  binomial: "more than chance explains",
  burn: "spends the error budget fast",
  state: "its state changed",
  threshold: "beyond its threshold",
};

export function ChosenAnomaly({ id, known }: { id: number; known: readonly Anomaly[] }) {
  const here = known.find((one) => one.id === id);
  // A link may be older than the time shown.
  const answer = useQuery<{ anomalies: Anomaly[] }>(here ? null : "anomalies", () => ({ ...longestAgo(now.value), limit: 1000 }), "", 0);
  const anomaly = here ?? answer.data?.anomalies.find((one) => one.id === id);
  const close = (
    <button type="button" class="button tiny quiet" aria-label="Close this anomaly" onClick={() => setQuery({ anomaly: "" })}>
      <Icon name="close" />
    </button>
  );
  if (!anomaly) {
    return (
      <Panel title={`Anomaly ${id}`} actions={close}>
        {answer.loading ? (
          <Skeleton height={260} />
        ) : answer.error ? (
          <Failed error={answer.error} />
        ) : (
          <Empty icon="search">No anomaly of this number is kept any more.</Empty>
        )}
      </Panel>
    );
  }
  const kpi = kpiSeries(anomaly.kpi);
  return (
    <Panel
      title={sentence(kpi.words)}
      note={
        <>
          of <Subject of={anomaly} />
        </>
      }
      actions={close}
      class="an-chosen"
    >
      <div class="an-grid">
        <div class="stack an-facts">
          <p class="row">
            <SeverityMark of={anomaly.severity} />{" "}
            <span class="muted">
              {anomaly.closed === null ? (
                <>
                  open for <When t={anomaly.opened} since />
                </>
              ) : (
                <>lasted {duration(anomaly.closed - anomaly.opened)}</>
              )}
            </span>
          </p>
          <p>{anomaly.reason}</p>
          <dl>
            <dt>Seen</dt>
            <dd>
              <b>
                {direction(anomaly)}
                {kpi.format(anomaly.observed)}
              </b>
            </dd>
            <dt>Expected</dt>
            <dd>{bandWords(anomaly) || "nothing in particular"}</dd>
            <dt>Found by</dt>
            <dd>
              {anomaly.detector.replace(/_/g, " ")}
              {DETECTORS[anomaly.detector] && <span class="muted">: {DETECTORS[anomaly.detector]}</span>}
            </dd>
            <dt>Score</dt>
            <dd>{ratio(anomaly.score)}</dd>
            <dt>From</dt>
            <dd>{dateTime(anomaly.opened)}</dd>
            <dt>To</dt>
            <dd>{anomaly.closed === null ? "still open" : dateTime(anomaly.closed)}</dd>
            {anomaly.node !== "" && (
              <>
                <dt>Node</dt>
                <dd>{anomaly.node}</dd>
              </>
            )}
            {anomaly.incident !== null && (
              <>
                <dt>Incident</dt>
                <dd>
                  <a href={href(`/incidents/${anomaly.incident}`)}>#{anomaly.incident}</a>
                </dd>
              </>
            )}
          </dl>
          <Accept id={anomaly.id} />
        </div>
        <div class="stack">
          <AnomalyChart anomaly={anomaly} />
        </div>
      </div>
    </Panel>
  );
}

function Accept({ id }: { id: number }) {
  const [doing, setDoing] = useState(false);
  const [told, tell] = useState<"done" | ApiError | null>(null);
  if (!operator.value) return <p class="small muted">An operator may say that this is expected.</p>;
  const run = async (): Promise<void> => {
    setDoing(true);
    try {
      await send("POST", `anomalies/${id}/accept`);
      tell("done");
    } catch (error) {
      tell(error as ApiError);
    }
    setDoing(false);
  };
  if (told === "done")
    return (
      <p class="c-ok" role="status">
        <Icon name="check" /> Noted: the detector widened what it expects.
      </p>
    );
  return (
    <div class="stack">
      <div>
        <button type="button" class="button" disabled={doing} onClick={() => void run()}>
          This is expected
        </button>
      </div>
      <p class="small muted">Widens what the detector expects of this figure by a quarter, so that the like isn't told again.</p>
      {told && <Failed error={told} />}
    </div>
  );
}
