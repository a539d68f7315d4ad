// System: is shunt itself well? Each node's workers, ports, drops, flow table, records, generations, discovery and events;
// then insight's own health. The chosen node is in the address.
import type { System as SystemData } from "../api";
import { Shape } from "../components/State";
import { Answered, Empty } from "../components/Told";
import { useQuery } from "../query";
import { place, setQuery } from "../router";
import { InsightHealth } from "./system/insight";
import { Node } from "./system/node";
import "./system/system.css";

type NodeData = SystemData["nodes"][number];

const unwell = (node: NodeData): boolean => node.state === "down" || !node.ready;

export default function System() {
  const answer = useQuery<SystemData>("system", () => ({}), "", 2);
  return (
    <>
      <h1>System</h1>
      <Answered answer={answer} height={640}>
        {(data) => {
          const chosen = data.nodes.find((node) => node.name === place.value.query.node) ?? data.nodes.find(unwell) ?? data.nodes[0];
          return (
            <>
              {data.nodes.length > 1 && (
                <div class="segmented sy-nodes" role="group" aria-label="Node">
                  {data.nodes.map((node) => (
                    <button key={node.name} type="button" aria-pressed={node === chosen} onClick={() => setQuery({ node: node.name })}>
                      <Shape
                        tone={node.state === "down" ? "fail" : node.ready ? "ok" : "warn"}
                        shape={node.state === "down" ? "cross" : node.ready ? "disc" : "triangle"}
                      />{" "}
                      {node.name}
                      <span class="hidden-text">{node.state === "down" ? ", doesn't answer" : node.ready ? "" : ", not ready"}</span>
                    </button>
                  ))}
                </div>
              )}
              {chosen ? (
                <Node node={chosen} key={chosen.name} />
              ) : (
                <section class="panel" aria-label="Nodes">
                  <Empty icon="system">The configuration names no node: add a [[node]] with the address of a shuntd's API.</Empty>
                </section>
              )}
              <InsightHealth health={data.insight} />
            </>
          );
        }}
      </Answered>
    </>
  );
}
