// Where the ticks of a packet go: a bar for each worker, and the table of one.
import { Panel } from "../../components/Panel";
import { Share } from "../../components/Share";
import { Table, type Column } from "../../components/Table";
import { Empty } from "../../components/Told";
import { number, ratio } from "../../format";
import { chosenWorker, largest, stageDoes, stageToken, tickNs, whyNoStages, type Stage, type Worker } from "../../lib/worker_stages";
import { place, setQuery } from "../../router";
import type { NodeData } from "./node";

const HELP = (
  <>
    <p>Every burst of packets goes through seven stages. A worker times one burst of many, as reading the clock costs ticks too.</p>
    <p>
      <b>Ticks a packet</b> are those of a packet that the stage was given. Select is given only packets whose flow isn’t known, parse only those
      that aren’t plain; so these don’t add up.
    </p>
    <p>
      <b>Share</b> is the stage’s part of all ticks that were last measured, of however many packets. Shares add up to 100 %.
    </p>
  </>
);

const columns: Column<Stage>[] = [
  {
    key: "stage",
    title: "Stage",
    value: (stage) => stage.name,
    cell: (stage) => (
      <span class="sy-stage">
        <span class="sy-swatch" style={{ background: `var(${stageToken(stage.name)})` }} aria-hidden="true" />
        <span>
          {stage.name} <span class="sy-does">{stageDoes(stage.name)}</span>
        </span>
      </span>
    ),
  },
  {
    key: "ticks",
    title: "Ticks a packet",
    number: true,
    value: (stage) => stage.ticks_per_packet,
    cell: (stage) => number(stage.ticks_per_packet),
  },
  {
    key: "share",
    title: "Share",
    number: true,
    value: (stage) => stage.share,
    cell: (stage) => <Share share={stage.share} token={stageToken(stage.name)} />,
  },
];

function Bar({ worker }: { worker: Worker }) {
  return (
    <span class="sy-stack" role="img" aria-label={`core ${worker.cpu}: ${largest(worker, ratio) || "not measured"}`}>
      {worker.stages.map((stage) => (
        <span key={stage.name} style={{ flexGrow: stage.share ?? 0, background: `var(${stageToken(stage.name)})` }} />
      ))}
    </span>
  );
}

export function Stages({ node }: { node: NodeData }) {
  const why = whyNoStages(node);
  const shown = chosenWorker(node.workers, place.value.query.core);
  const tick = tickNs(node.tsc_hz);
  return (
    <Panel title="Stages" flush note={tick === null ? "" : `a tick is ${tick.toFixed(3)} ns`} help={HELP}>
      {why !== "" || !shown ? (
        <Empty>{why}</Empty>
      ) : (
        <>
          <div class="sy-bars" role="group" aria-label="Worker of the table">
            {node.workers.map((worker) => (
              <button key={worker.cpu} type="button" aria-pressed={worker === shown} onClick={() => setQuery({ core: String(worker.cpu) })}>
                <span class="sy-core nowrap">core {worker.cpu}</span>
                <Bar worker={worker} />
                <span class="sy-ticks nowrap">{number(worker.ticks_per_packet)} ticks</span>
              </button>
            ))}
          </div>
          <div class="sy-costs">
            <Table
              caption={`Stages of core ${shown.cpu}`}
              columns={columns}
              rows={shown.stages}
              id={(stage) => stage.name}
              copy
              empty="shuntd doesn't tell of stages of this worker."
            />
          </div>
        </>
      )}
    </Panel>
  );
}
