// One node: who it is and how it does, then its parts.
import type { System } from "../../api";
import { Meter } from "../../components/Figure";
import { Help } from "../../components/Help";
import { Panel } from "../../components/Panel";
import { Shape } from "../../components/State";
import { Empty } from "../../components/Told";
import { When } from "../../components/When";
import { count, number, rate, ratio } from "../../format";
import { fillLevel, levelTone } from "../../lib/levels";
import { Drops, Ports, Workers } from "./packets";
import { Stages } from "./stages";
import { Discovery, Events, History } from "./story";

export type NodeData = System["nodes"][number];

export function Node({ node }: { node: NodeData }) {
  const down = node.state === "down";
  return (
    <>
      <Head node={node} />
      {down && node.workers.length === 0 ? null : (
        <>
          <div class="columns sy-top">
            <Panel
              title="Workers"
              flush
              help="A worker is a thread that polls on a core of its own, which is therefore always at 100 % for the kernel; busy is the part of its time in which there were packets. At 100 % packets are lost."
            >
              <Workers workers={node.workers} />
            </Panel>
            <Panel
              title="Ports"
              flush
              help="Network cards (or queues of them) that the workers poll. Dropped: what the card had to throw away because nobody fetched it in time."
            >
              <Ports ports={node.ports} />
            </Panel>
          </div>
          <Stages node={node} />
          <Panel
            title="Drops"
            flush
            note="since the node's start, and now"
            help="Every packet that comes in is sent, given to the kernel, or dropped for one of these reasons; nothing gets lost uncounted."
          >
            <Drops drops={node.drops} />
          </Panel>
          <div class="columns">
            <Panel
              title="Generations"
              flush
              help="Each change of the running configuration makes a generation: a reload, a drain, a weight, a discovery's answer. Newest first."
            >
              <History history={node.history} now={node.generation} />
            </Panel>
            <Panel title="Events" flush note="newest first">
              <Events events={node.events} />
            </Panel>
          </div>
          <Panel title="Discovery" flush help="Where pools get their backends from, when not from the configuration file.">
            <Discovery discovery={node.discovery} />
          </Panel>
        </>
      )}
      {down && node.workers.length === 0 && (
        <section class="panel" aria-label="No figures">
          <Empty icon="system">
            No figures of {node.name}: its API doesn't answer. Load balancing goes on without it if shuntd itself runs.
          </Empty>
        </section>
      )}
    </>
  );
}

function Head({ node }: { node: NodeData }) {
  const down = node.state === "down";
  const fill = node.table.capacity > 0 ? node.table.entries / node.table.capacity : null;
  const busiest = node.workers.reduce<number | null>(
    (most, worker) => (worker.busy_ratio !== null && worker.busy_ratio > (most ?? -1) ? worker.busy_ratio : most),
    null,
  );
  const received = node.ports.reduce((sum, port) => sum + port.received, 0);
  const dropping = node.drops.reduce((sum, drop) => sum + drop.rate, 0);
  return (
    <section class={`panel sy-head ${down ? "sy-down" : node.ready ? "" : "sy-unready"}`} aria-label={`Node ${node.name}`}>
      <div class="row">
        <h2 class="sy-name">{node.name}</h2>
        <span class={`state ${down ? "c-fail" : node.ready ? "c-ok" : "c-warn"}`}>
          <Shape tone={down ? "fail" : node.ready ? "ok" : "warn"} shape={down ? "cross" : node.ready ? "disc" : "triangle"} />
          {down ? "doesn't answer" : node.ready ? "ready" : "not ready"}
        </span>
        <span class="small muted">
          {node.version !== "" && <>shuntd {node.version}</>}
          {node.started_at > 0 && (
            <>
              {" "}
              · runs for <When t={node.started_at} since />
            </>
          )}
          {node.generation > 0 && <> · generation {count(node.generation)}</>}
        </span>
      </div>
      {node.error !== "" && <p class="c-fail">{node.error}</p>}
      {!down && node.not_ready.length > 0 && (
        <ul class="sy-reasons">
          {node.not_ready.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {!(down && node.workers.length === 0) && (
        <dl class="sy-facts">
          <div>
            <dt>Busiest worker</dt>
            <dd>
              {ratio(busiest)}{" "}
              <Meter
                share={busiest}
                tone={levelTone(fillLevel(busiest)) === "idle" ? "ok" : levelTone(fillLevel(busiest))}
                label={`Busiest worker: ${ratio(busiest)}`}
              />
            </dd>
          </div>
          <div>
            <dt>Packets in</dt>
            <dd>{rate(received)}</dd>
          </div>
          <div>
            <dt>Dropped</dt>
            <dd class={dropping > 0 ? "c-warn" : ""}>{rate(dropping)}</dd>
          </div>
          <div>
            <dt>
              Flow table{" "}
              <Help about="Flow table">
                Flows that the node remembers, of the most it has room for. When it is full, new flows are still served, but not remembered:
                a change of backends may break them.
              </Help>
            </dt>
            <dd>
              {ratio(fill)}{" "}
              <Meter
                share={fill}
                tone={levelTone(fillLevel(fill)) === "idle" ? "ok" : levelTone(fillLevel(fill))}
                label={`Flow table: ${ratio(fill)} full`}
              />{" "}
              <span class="small muted">
                {number(node.table.entries)} of {number(node.table.capacity)}
              </span>
            </dd>
          </div>
          <div>
            <dt>
              Flow records{" "}
              <Help about="Flow records">
                One for each flow that ended, read from shared memory. Where insight runs on another host there are none: then times,
                attempts and newest flows are missing, counts aren't.
              </Help>
            </dt>
            <dd>
              {node.records.attached ? (
                <>
                  {number(node.records.read)} read
                  {node.records.dropped > 0 && <span class="c-warn">, {count(node.records.dropped)} lost</span>}
                </>
              ) : (
                <span class="muted">not attached</span>
              )}
            </dd>
          </div>
        </dl>
      )}
    </section>
  );
}
